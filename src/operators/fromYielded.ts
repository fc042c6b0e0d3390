import { from, isObservable, type Observable, type ObservableInput, of } from 'rxjs';

/** What a hook may yield: a plain value, a Promise, an Observable, or any other `ObservableInput` that is not a string or array. */
export type Yielded<T> = T | PromiseLike<T> | Observable<T>;

/**
 * Turns what a hook yielded into an Observable: a plain value emits itself at once, a Promise or an Observable emits
 * what it yields. Strings and arrays are values, never taken apart.
 */
export function fromYielded<T>(yielded: Yielded<T>): Observable<T> {
  if (isObservable(yielded)) return yielded;
  if (typeof (yielded as PromiseLike<T> | undefined)?.then === 'function') {
    return from(yielded as ObservableInput<T>);
  }
  return of(yielded as T);
}
