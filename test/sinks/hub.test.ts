import type { Subscription } from 'rxjs';
import { DirectObservable } from '../../src/sinks/directObservable.js';
import { Hub, type HubConfig } from '../../src/sinks/hub.js';

const create = (config: Partial<HubConfig> = {}): Hub<string> =>
  new Hub<string>({ replay: 0, lingerMs: 0, maxTopics: 10, ...config });

/** Joins, and tells what is heard; of a completion only that it was told. */
const join = (
  hub: Hub<string>,
  topic: string | undefined,
  heard: string[],
  hear: (value: string) => void = (value) => heard.push(value),
): Subscription =>
  new DirectObservable<string>((subscriber, taker) => {
    hub.join(topic, subscriber, taker, { complete: () => heard.push('over') });
  }).subscribe({
    next: hear,
    error: (error: unknown) => heard.push(String(error)),
    complete: () => heard.push('complete'),
  });

// What it does for `createFanOut` is tested there.
describe('a hub', () => {
  it('gives each open topic a place of its own, which is told when it opens and when it closes', () => {
    const told: unknown[] = [];
    const hub = create({
      onOpen: (topic, place) => told.push(['open', topic, place, hub.find('a')]),
      onClose: (topic, place) => told.push(['close', topic, place, hub.find('a')]),
    });
    expect(hub.find('a')).toBeUndefined();
    const [a] = [join(hub, 'a', []), join(hub, 'b', []), join(hub, undefined, [])];
    expect([hub.find('a'), hub.find('b'), hub.find('c')]).toStrictEqual([0, 1, undefined]);
    a.unsubscribe();
    join(hub, 'c', []);
    expect([hub.find('a'), hub.find('c')]).toStrictEqual([undefined, 0]);
    expect(told).toStrictEqual([
      ['open', 'a', 0, 0],
      ['open', 'b', 1, 0],
      ['open', undefined, -1, 0],
      ['close', 'a', 0, undefined],
      ['open', 'c', 0, undefined],
    ]);
  });

  it('gives the place of a topic to no other before its owner has been told that it closed', () => {
    const places: number[] = [];
    const hub = create({
      onOpen: (_topic, place) => places.push(place),
      onClose: (topic) => {
        if (topic === 'a') join(hub, 'b', []);
      },
    });
    join(hub, 'a', []).unsubscribe();
    join(hub, 'c', []);
    expect(places).toStrictEqual([0, 1, 0]);
  });

  it('hands nothing to who was in a topic that ended, whoever has its place since', () => {
    const hub = create();
    const heard: Record<string, string[]> = { first: [], second: [], later: [] };
    const first = join(hub, 'a', heard['first'] as string[]);
    const second = join(hub, 'a', heard['second'] as string[]);
    hub.endAll(); // they are in no longer, but have not left
    join(hub, 'b', heard['later'] as string[]);
    first.unsubscribe();
    hub.next('1', 'b');
    second.unsubscribe();
    hub.next('2', 'b');
    expect(heard).toStrictEqual({ first: ['over'], second: ['over'], later: ['1', '2'] });
  });

  it('hands a topic of one, and of several, the same: to who leaves and comes meanwhile too', () => {
    const hub = create();
    const heard: string[] = [];
    const only = join(hub, 'a', heard, (value) => {
      heard.push(`only ${value}`);
      if (value === '1') join(hub, 'a', heard, (later) => heard.push(`second ${later}`));
      if (value === '2') only.unsubscribe();
    });
    for (const value of ['1', '2', '3']) hub.next(value, 'a');
    expect(heard).toStrictEqual(['only 1', 'only 2', 'second 2', 'second 3']);
  });

  it('finds who came, and not who left, while one value is on its way', () => {
    const hub = create();
    const heard: string[] = [];
    const found: (number | undefined)[] = [];
    const here: Subscription[] = [];
    hub.stream().subscribe((value) => {
      found.push(hub.find('a'));
      if (value === '1') here.push(join(hub, 'a', heard));
      else here[0]?.unsubscribe();
      found.push(hub.find('a'));
    });
    hub.next('1', 'a');
    hub.next('2', 'a');
    expect(heard).toStrictEqual(['1']);
    expect(found).toStrictEqual([undefined, 0, 0, undefined]);
  });

  it('leaves the completion to who let the subscriber in, and errors it itself', () => {
    const hub = create();
    const heard: string[] = [];
    join(hub, undefined, heard);
    hub.endAll();
    expect(heard.splice(0)).toStrictEqual(['over']);
    hub.next('to nobody');
    join(hub, 'a', heard);
    hub.endAll({ error: new Error('broken') });
    expect(heard).toStrictEqual(['Error: broken']);
    expect(hub.present()).toStrictEqual([]);
  });

  it('is not opened by who is ended at a value that was kept', () => {
    const told: unknown[] = [];
    const hub = create({
      replay: 1,
      onOpen: (topic) => told.push(topic),
      onClose: (topic) => told.push(topic),
    });
    hub.next('1', 'a');
    join(hub, 'a', told as string[], () => hub.endAll());
    expect([told, hub.present(), hub.find('a')]).toStrictEqual([['over'], [], undefined]);
  });

  it('knows the order in which it was opened, the whole stream among its topics', () => {
    const hub = create();
    const whole = join(hub, undefined, []);
    expect(hub.present()).toStrictEqual([undefined]);
    join(hub, 'a', []);
    expect(hub.present()).toStrictEqual([undefined, 'a']);
    whole.unsubscribe();
    expect(hub.present()).toStrictEqual(['a']);
    join(hub, undefined, []);
    expect(hub.present()).toStrictEqual(['a', undefined]);
  });

  it('hands each topic its own values, whatever was looked up before', () => {
    const hub = create();
    const heard: Record<string, string[]> = { a: [], b: [] };
    for (const topic of ['a', 'b']) join(hub, topic, heard[topic] as string[]);
    for (const [value, topic] of ['1 a', '2 a', '3 b', '4 c', '5 a', '6'].map((line) => line.split(' '))) {
      hub.next(value as string, topic);
    }
    expect(heard).toStrictEqual({ a: ['1', '2', '5'], b: ['3'] });
  });

  it('ends who came before an era, and goes on for who came since, with no value kept from before', () => {
    const told: unknown[] = [];
    const hub = create({
      replay: 2,
      onOpen: (topic) => told.push(['open', topic]),
      onClose: (topic) => told.push(['close', topic]),
    });
    const [first, second, third]: string[][] = [[], [], []];
    for (const topic of [undefined, 'a']) join(hub, topic, first!);
    join(hub, 'b', first!);
    hub.next('1', 'a');
    hub.beginEra();
    for (const topic of [undefined, 'a']) join(hub, topic, second!);
    hub.forget();
    hub.announceEnd();
    hub.endEarlier();
    hub.next('2', 'a');
    for (const topic of [undefined, 'a']) join(hub, topic, third!);
    hub.endEarlier(); // nobody has come since

    expect(first).toStrictEqual(['1', '1', 'over', 'over', 'over']);
    expect(second).toStrictEqual(['2', '2']); // and not 1, which was kept
    expect(third).toStrictEqual(['2', '2']);
    expect(told).toStrictEqual([
      ['open', undefined],
      ['open', 'a'],
      ['open', 'b'],
      ['close', 'b'],
    ]);
    expect(hub.present()).toStrictEqual([undefined, 'a']);
    hub.endAll();
    expect([second!.slice(-2), third!.slice(-2), hub.present()]).toStrictEqual([
      ['over', 'over'],
      ['over', 'over'],
      [],
    ]);
  });

  it('forgets what it keeps as an era begins, and what comes out late when it is told', () => {
    const hub = create({ replay: 2 });
    const late: string[] = [];
    const first = join(hub, 'a', [], (value) => {
      if (value !== '2') return;
      hub.beginEra();
      for (const topic of [undefined, 'b']) join(hub, topic, late).unsubscribe();
      hub.next('3', 'a');
      hub.next('4', 'b');
      hub.forget();
      hub.next('5', 'b');
    });
    hub.next('1', 'b');
    hub.next('2', 'a');
    for (const topic of [undefined, 'a', 'b']) join(hub, topic, late);

    expect([late, first.closed]).toStrictEqual([['5', '5'], false]);
  });

  it('replays what is kept once to who joins from inside a delivery', () => {
    const hub = create({ replay: 1 });
    const heard: string[] = [];
    hub.next('0', 'b');
    join(hub, 'a', [], () => {
      join(hub, 'b', heard);
      hub.next('2', 'b'); // waits until all have heard 1
      heard.push('then');
    });
    hub.next('1', 'a');

    expect(heard).toStrictEqual(['0', 'then', '2']);
  });

  it('forgets at its end what was sent just before, though both have to wait', () => {
    const hub = create({ replay: 1 });
    const heard: string[] = [];
    join(hub, 'a', [], () => {
      hub.next('late', 'b');
      hub.endAll();
    });
    hub.next('1', 'a');
    join(hub, 'b', heard);

    expect(heard).toStrictEqual([]);
  });

  it('ends who was in when that was asked, though it has to wait for a value on its way', () => {
    const hub = create();
    const [first, second]: string[][] = [[], []];
    join(hub, 'a', first!, (value) => {
      first!.push(value);
      if (value !== '1') return;
      hub.next('2', 'a');
      hub.endAll();
      join(hub, 'a', second!);
    });
    hub.next('1', 'a');

    expect([first, second]).toStrictEqual([['1', '2', 'over'], ['2']]);
  });
});
