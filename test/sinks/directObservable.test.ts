import { config, firstValueFrom, from, map, type Observable, type Subscriber } from 'rxjs';
import { DirectObservable, hand, handTo, type Taker } from '../../src/sinks/directObservable.js';

/** An observable, and who has subscribed. */
const rig = () => {
  const who: { readonly subscriber: Subscriber<string>; readonly taker: Taker<string> }[] = [];
  const stream = new DirectObservable<string>((subscriber, taker) => {
    who.push({ subscriber, taker });
  });
  const give = (value: string): void => {
    for (const { taker } of who) hand(taker, value);
  };
  return { stream, who, give };
};

describe('DirectObservable', () => {
  afterEach(() => {
    config.onUnhandledError = null;
  });

  it('hands a function its values without rxjs in between', () => {
    const { stream, who, give } = rig();
    const heard: string[] = [];
    const next = (value: string): void => void heard.push(value);
    stream.subscribe(next);
    give('1');
    expect([heard, who[0]?.taker]).toStrictEqual([['1'], { next }]);
  });

  it('hands an observer its values, as a method of it', () => {
    const { stream, who, give } = rig();
    class Sum {
      total = '';
      next(value: string): void {
        this.total += value;
      }
    }
    const sum = new Sum();
    stream.subscribe(sum);
    give('1');
    give('2');
    const taker = who[0]?.taker as Taker<string>;
    handTo(taker.next, taker, '3');
    expect([sum.total, taker]).toStrictEqual(['123', sum]);
  });

  it.each<[string, (stream: Observable<string>, heard: string[]) => unknown]>([
    ['an operator', (stream, heard) => stream.pipe(map((value) => heard.push(value))).subscribe()],
    ['a promise', (stream, heard) => void firstValueFrom(stream).then((value) => heard.push(value))],
    [
      'who takes it for any observable',
      (stream, heard) => from(stream).subscribe((each) => heard.push(each)),
    ],
  ])('is an Observable to %s', async (_, listen) => {
    const { stream, give } = rig();
    const heard: string[] = [];
    listen(stream, heard);
    give('1');
    await Promise.resolve();
    expect(heard).toStrictEqual(['1']);
  });

  it('hands values to the subscriber where nobody takes them, or the observer has no next', () => {
    const { stream, who } = rig();
    stream.subscribe();
    stream.subscribe({ complete: () => undefined });
    expect(who.map(({ subscriber, taker }) => taker === subscriber)).toStrictEqual([true, true]);
  });

  it('keeps what was given apart where one subscribes inside another', () => {
    const heard: string[] = [];
    const takers: Taker<string>[] = [];
    const stream = new DirectObservable<string>((_subscriber, taker) => {
      if (takers.length === 0) {
        takers.push(taker);
        stream.subscribe((value) => heard.push(`inner ${value}`));
      } else takers.push(taker);
    });
    stream.subscribe((value) => heard.push(`outer ${value}`));
    for (const taker of takers) hand(taker, '1');
    expect(heard).toStrictEqual(['outer 1', 'inner 1']);
  });

  it('ends as any observable does, with a subscription that tears down', () => {
    const heard: string[] = [];
    const { stream, who } = rig();
    const observer = { next: () => undefined, error: (error: string) => heard.push(error) };
    const [first, second] = [stream.subscribe(observer), stream.subscribe(observer)];
    who[0]?.subscriber.add(() => heard.push('torn down'));
    first.unsubscribe();
    who[0]?.subscriber.error('after');
    who[1]?.subscriber.error('broken');
    expect([heard, first.closed, second.closed]).toStrictEqual([['torn down', 'broken'], true, true]);
  });

  it.each<[string, (taker: Taker<string>) => void]>([
    ['hand', (taker) => hand(taker, '1')],
    ['handTo', (taker) => handTo(taker.next, taker, '1')],
  ])('%s reports what a taker throws as unhandled, when the value has been handed over', async (_, give) => {
    const { stream, who } = rig();
    const heard: unknown[] = [];
    const reported = new Promise((resolve) => (config.onUnhandledError = resolve));
    stream.subscribe(() => {
      throw new Error('broken');
    });
    stream.subscribe((value) => heard.push(value));
    for (const { taker } of who) give(taker);
    expect(heard).toStrictEqual(['1']);
    expect(await reported).toStrictEqual(new Error('broken'));
  });

  it.each(['useDeprecatedNextContext', 'useDeprecatedSynchronousErrorHandling'] as const)(
    'leaves values to rxjs where %s is on',
    (option) => {
      jest.spyOn(console, 'warn').mockImplementation();
      const { stream, who } = rig();
      Object.assign(config, { [option]: true });
      stream.subscribe(() => undefined);
      Object.assign(config, { [option]: false });
      expect(who[0]?.taker).toBe(who[0]?.subscriber);
    },
  );
});
