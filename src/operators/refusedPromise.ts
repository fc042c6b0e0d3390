import { noop } from 'rxjs';

/**
 * What is wrong with a promise that was yielded where nothing waits for one; `undefined` if it is none. What it rejects with later is no
 * uncaught exception.
 */
export function refusedPromise(hook: string, yielded: unknown): TypeError | undefined {
  const promise = yielded as PromiseLike<unknown> | null | undefined;
  if (typeof promise?.then !== 'function') return undefined;
  promise.then(undefined, noop);
  return new TypeError(`${hook} must be synchronous, got a promise`);
}
