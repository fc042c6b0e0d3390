import { EMPTY, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { BufferPauseTimeoutError } from '../../src/operators/bufferBounded.js';
import { toAsyncIterable, type ToAsyncIterableConfig } from '../../src/sinks/toAsyncIterable.js';

const iterate = <T>(source$: Observable<T>, config?: ToAsyncIterableConfig<T>) =>
  toAsyncIterable(source$, config)[Symbol.asyncIterator]() as Required<AsyncIterator<T, undefined>>;
const done = { done: true, value: undefined };
const value = <T>(of: T) => ({ done: false, value: of });

describe('toAsyncIterable', () => {
  it('yields every value in order, and ends with the source', async () => {
    const seen: number[] = [];
    for await (const next of toAsyncIterable(of(1, 2, 3))) seen.push(next);

    expect(seen).toStrictEqual([1, 2, 3]);
  });

  it('ends at once with an empty source', async () => {
    expect(await iterate(EMPTY).next()).toStrictEqual(done);
  });

  it('subscribes when the first value is asked for, each loop for itself', async () => {
    let subscriptions = 0;
    const iterable = toAsyncIterable(
      new Observable<number>((subscriber) => {
        subscriber.next((subscriptions += 1));
      }),
    );
    const [first, second] = [iterable[Symbol.asyncIterator](), iterable[Symbol.asyncIterator]()];
    expect(subscriptions).toBe(0);

    expect([await first.next(), await second.next()]).toStrictEqual([value(1), value(2)]);
  });

  it('keeps what comes before it is asked for, up to maxItems and the one in hand', async () => {
    const source$ = new Subject<number>();
    const onDrop = jest.fn();
    const loop = iterate(source$, { maxItems: 2, onDrop });
    const first = loop.next();
    [1, 2, 3, 4, 5].forEach((next) => source$.next(next));

    expect(await first).toStrictEqual(value(1));
    expect(onDrop.mock.calls).toStrictEqual([[3, 'overflow']]);
    expect([await loop.next(), await loop.next(), await loop.next()]).toStrictEqual([
      value(2),
      value(4),
      value(5),
    ]);
  });

  it('answers several that ask at once, in order', async () => {
    const source$ = new Subject<number>();
    const loop = iterate(source$);
    const asked = [loop.next(), loop.next(), loop.next()];
    source$.next(1);
    source$.next(2);
    source$.complete();

    expect(await Promise.all(asked)).toStrictEqual([value(1), value(2), done]);
  });

  it('conflates, where it is told to', async () => {
    const source$ = new Subject<string>();
    const loop = iterate(source$, { overflow: 'conflate', key: (text) => text[0] });
    const first = loop.next();
    ['a1', 'b1', 'c1', 'd1', 'c2'].forEach((next) => source$.next(next));
    source$.complete();
    const seen = [await first];
    for (let next = await loop.next(); next.done !== true; next = await loop.next()) seen.push(next);

    expect(seen.map((result) => result.value)).toStrictEqual(['a1', 'b1', 'c2', 'd1']);
  });

  it('throws the error of the source once, after what waits', async () => {
    const source$ = new Subject<number>();
    const loop = iterate(source$);
    const first = loop.next();
    source$.next(1);
    source$.next(2);
    source$.error(new Error('lost'));

    expect([await first, await loop.next()]).toStrictEqual([value(1), value(2)]);
    await expect(loop.next()).rejects.toThrow('lost');
    expect(await loop.next()).toStrictEqual(done);
    await expect(iterate(throwError(() => new Error('at once'))).next()).rejects.toThrow('at once');
  });

  it('unsubscribes when the loop is left, and tells what waited', async () => {
    const source$ = new Subject<number>();
    const onDrop = jest.fn();
    const loop = iterate(source$, { onDrop });
    const first = loop.next();
    [1, 2, 3].forEach((next) => source$.next(next));
    await first;
    expect(await loop.return()).toStrictEqual(done);

    expect(source$.observed).toBe(false);
    expect(onDrop.mock.calls).toStrictEqual([
      [2, 'ended'],
      [3, 'ended'],
    ]);
    expect(await loop.next()).toStrictEqual(done);
  });

  it('ends what waits when it is left in silence', async () => {
    const loop = iterate(NEVER);
    const waiting = [loop.next(), loop.next()];
    await loop.return();

    expect(await Promise.all(waiting)).toStrictEqual([done, done]);
  });

  it('never subscribes when it is left before it began', async () => {
    const loop = iterate(throwError(() => new Error('subscribed')));
    await loop.return();

    expect(await loop.next()).toStrictEqual(done);
  });

  it('unsubscribes when the body of the loop throws', async () => {
    const source$ = new Subject<number>();
    const loop = async (): Promise<void> => {
      for await (const next of toAsyncIterable(source$)) throw new Error(`body ${next}`);
    };
    const looping = loop();
    source$.next(1);

    await expect(looping).rejects.toThrow('body 1');
    expect(source$.observed).toBe(false);
  });

  describe('resumes once what it has paused', () => {
    const paused = (config: ToAsyncIterableConfig<number> = {}) => {
      const source$ = new Subject<number>();
      const onPause = jest.fn();
      const onResume = jest.fn();
      const loop = iterate(source$, { maxItems: 1, overflow: 'pause', onPause, onResume, ...config });
      const first = loop.next();
      [1, 2, 3, 4].forEach((next) => source$.next(next)); // the second is in hand, and two wait
      expect(onPause).toHaveBeenCalledTimes(1);
      expect(onResume).not.toHaveBeenCalled();
      return { loop, first, source$, onPause, onResume };
    };

    it('when the loop is left', async () => {
      const { loop, onPause, onResume } = paused();
      await loop.return();

      expect([onPause, onResume].map((told) => told.mock.calls.length)).toStrictEqual([1, 1]);
    });

    it('when the pause has lasted for too long, though nobody asks', async () => {
      const onResume = jest.fn();
      const resumed = new Promise((resolve) => onResume.mockImplementation(resolve));
      const { loop, first } = paused({ maxPauseMs: 5, onResume });
      await first;
      await resumed;

      await expect(loop.next()).rejects.toThrow(BufferPauseTimeoutError);
      await loop.return();
      expect(onResume).toHaveBeenCalledTimes(1);
    });

    it('when its source has ended, though values still wait', async () => {
      const { loop, first, source$, onResume } = paused();
      source$.complete();
      expect(onResume).toHaveBeenCalledTimes(1);

      const seen = [await first, await loop.next(), await loop.next(), await loop.next(), await loop.next()];
      expect(seen).toStrictEqual([value(1), value(2), value(3), value(4), done]);
      expect(onResume).toHaveBeenCalledTimes(1);
    });
  });

  it('refuses a wrong option as it is made', () => {
    expect(() => toAsyncIterable(NEVER, { maxItems: 0 })).toThrow(RangeError);
    expect(() => toAsyncIterable(NEVER, { overflow: 'conflate' })).toThrow(TypeError);
  });

  it('is typed by its source', async () => {
    for await (const next of toAsyncIterable(of('text'))) {
      // @ts-expect-error a text is no number
      const number: number = next;
      expect(number).toBe('text');
    }
  });
});
