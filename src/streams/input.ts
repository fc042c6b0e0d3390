import { defer, from, isObservable, type Observable, type ObservableInput, of } from 'rxjs';

/** What a hook may yield: a plain value, a Promise, an Observable, or any other `ObservableInput` that is not a string or array. */
export type Yielded<T> = T | PromiseLike<T> | Observable<T>;

/**
 * A value, or a function asked anew each time the value is needed. Only an Observable can yield later in virtual
 * time: a Promise never resolves inside a `TestScheduler`.
 */
export type Input<T> = T | (() => Yielded<T>);

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

/** Asks an `Input` for its value at each subscription. A function that throws is an error of the Observable. */
export function fromInput<T>(input: Input<T>): Observable<T> {
  return defer(() => fromYielded(typeof input === 'function' ? (input as () => Yielded<T>)() : input));
}
