import { defer, map, type Observable, of, Subject, type Subscription, take, tap } from 'rxjs';
import { bufferBounded, type BufferBoundedConfig } from '../operators/bufferBounded.js';
import { type OptionNames, refuseUnknown } from '../operators/refuseUnknown.js';

export interface ToAsyncIterableConfig<T> extends Pick<
  BufferBoundedConfig<T>,
  'overflow' | 'key' | 'onDrop' | 'onPause' | 'onResume' | 'maxPauseMs'
> {
  /** Values that wait for the loop at most, besides the one it takes next. @default 10_000 */
  readonly maxItems?: number;
}

const OPTIONS: OptionNames<ToAsyncIterableConfig<never>> = {
  maxItems: true,
  overflow: true,
  key: true,
  onDrop: true,
  onPause: true,
  onResume: true,
  maxPauseMs: true,
};

interface Taker<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The values of an Observable for a `for await` loop, which takes its time over each; what comes meanwhile waits in a
 * `bufferBounded` line, whose options these are.
 *
 * Each loop subscribes for itself when it asks for its first value. Leaving it in any way (`break`, `return`, a throw)
 * unsubscribes at once, also while the source is silent. The loop ends when the source completes and throws what it errors
 * with, after what waits. However it ends, whoever was told `onPause` is told `onResume`; what that throws as the loop is left,
 * the loop throws.
 *
 * @throws {RangeError | TypeError} On creation, those of `bufferBounded`, and if an option is misspelt.
 */
export function toAsyncIterable<T>(
  source: Observable<T>,
  options: ToAsyncIterableConfig<T> = {},
): AsyncIterable<T> {
  refuseUnknown('toAsyncIterable', options, OPTIONS);
  const { maxItems = 10_000, ...config } = options;
  const bounded = (asks$: Observable<void>, isAsked: () => boolean) =>
    bufferBounded<T>(maxItems, {
      ...config,
      project: (value) =>
        defer(() =>
          isAsked()
            ? of(value)
            : asks$.pipe(
                take(1),
                map(() => value),
                // The one in hand is lost like those behind it.
                tap({ unsubscribe: () => config.onDrop?.(value, 'ended') }),
              ),
        ),
    });
  void bounded(of(), () => true); // made for its checks, so that a wrong option throws here

  return {
    [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
      const asks$ = new Subject<void>();
      const takers: Taker<T>[] = [];
      let subscription: Subscription | undefined;
      let end: ((taker: Taker<T>) => void) | undefined;

      const finish = (first: (taker: Taker<T>) => void): void => {
        end = (taker) => taker.resolve({ done: true, value: undefined });
        const [next, ...others] = takers.splice(0);
        // An error is told once, as a generator would; if nobody waits, to whoever asks next.
        if (next !== undefined) first(next);
        else end = first;
        for (const taker of others) taker.resolve({ done: true, value: undefined });
      };
      const start = (): Subscription =>
        source.pipe(bounded(asks$, () => takers.length > 0)).subscribe({
          next: (value) => takers.shift()?.resolve({ done: false, value }),
          error: (error: unknown) => finish((taker) => taker.reject(error)),
          complete: () => finish((taker) => taker.resolve({ done: true, value: undefined })),
        });

      return {
        next: () =>
          new Promise((resolve, reject) => {
            if (end !== undefined) {
              end({ resolve, reject });
              end = (taker) => taker.resolve({ done: true, value: undefined });
              return;
            }
            takers.push({ resolve, reject });
            if (subscription === undefined) subscription = start();
            else asks$.next();
          }),
        return() {
          finish((taker) => taker.resolve({ done: true, value: undefined }));
          subscription?.unsubscribe();
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}
