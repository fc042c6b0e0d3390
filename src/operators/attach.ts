import { Observable, type Observer, type Subscription } from 'rxjs';

/**
 * Subscribes to a part of something larger: the part ends with the `whole`, also while it still subscribes, when
 * `whole.add(source.subscribe(observer))` comes too late for a source that emits at once. It is what an operator does, at
 * less than half of its memory, which counts where each connection has one.
 *
 * @param observer What its `next` throws is uncaught, as in every observer; an operator would make it an error.
 * @returns The part, to be ended before the whole.
 */
export const attach = <T>(
  whole: Subscription,
  source: Observable<T>,
  observer: Partial<Observer<T>>,
): Subscription =>
  new Observable<T>((part) => {
    whole.add(part);
    if (!part.closed) source.subscribe(part);
  }).subscribe(observer);
