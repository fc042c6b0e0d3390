import { Observable, type Subscription } from 'rxjs';
import { Channel } from '../../src/sinks/channel.js';
import { Hub, type HubConfig } from '../../src/sinks/hub.js';

class Noted extends Channel<string> {
  note = '';
}
type Config = Partial<HubConfig<string, Noted>>;
const create = (config: Config = {}): Hub<string, Noted> =>
  new Hub<string, Noted>({
    create: (...made) => new Noted(...made),
    replay: 0,
    lingerMs: 0,
    maxTopics: 10,
    ...config,
  });

/** Joins, and tells what is heard; of a completion only that it was told. */
const join = (hub: Hub<string, Noted>, topic: string | undefined, heard: string[]): Subscription =>
  new Observable<string>((subscriber) => {
    hub.join(topic, subscriber, () => heard.push('over'));
  }).subscribe({
    next: (value) => heard.push(value),
    error: (error: unknown) => heard.push(String(error)),
    complete: () => heard.push('complete'),
  });

// What it does for `createFanOut` is tested there.
describe('a hub', () => {
  it('finds the channel of a topic while somebody listens to it, with what its owner noted', () => {
    const closed: unknown[] = [];
    const hub = create({
      onOpen: (topic, channel) => (channel.note = `about ${topic}`),
      onClose: (topic, { note }) => closed.push([topic, note]),
    });
    expect(hub.find('a')).toBeUndefined();
    const subscription = join(hub, 'a', []);
    expect([hub.find('a')?.note, hub.find('b')]).toStrictEqual(['about a', undefined]);
    subscription.unsubscribe();
    expect([hub.find('a'), closed]).toStrictEqual([undefined, [['a', 'about a']]]);
  });

  it('finds who came, and not who left, while one value is on its way', () => {
    const hub = create();
    const heard: string[] = [];
    const found: (Channel<string> | undefined)[] = [];
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
    expect(found.map((channel) => channel?.topic)).toStrictEqual([undefined, 'a', 'a', undefined]);
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
    expect(hub.topics()).toStrictEqual([]);
  });

  it('is not opened by who is ended at a value that was kept', () => {
    const told: unknown[] = [];
    const hub = create({
      replay: 1,
      onOpen: (topic) => told.push(topic),
      onClose: (topic) => told.push(topic),
    });
    hub.next('1', 'a');
    new Observable<string>((subscriber) => hub.join('a', subscriber, () => told.push('over'))).subscribe(() =>
      hub.endAll(),
    );
    expect([told, hub.topics(), hub.find('a')]).toStrictEqual([['over'], [], undefined]);
  });

  it('knows the order in which it was opened, the whole stream among its topics', () => {
    const hub = create();
    const whole = join(hub, undefined, []);
    expect(hub.topics()).toStrictEqual([undefined]);
    join(hub, 'a', []);
    expect(hub.topics()).toStrictEqual([undefined, 'a']);
    whole.unsubscribe();
    expect(hub.topics()).toStrictEqual(['a']);
    join(hub, undefined, []);
    expect(hub.topics()).toStrictEqual(['a', undefined]);
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
});
