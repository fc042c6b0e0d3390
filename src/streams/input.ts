import { defer, type Observable } from 'rxjs';
import { fromYielded, type Yielded } from '../operators/fromYielded.js';

export { fromYielded, type Yielded };

/**
 * A value, or a function asked anew each time the value is needed. Only an Observable can yield later in virtual
 * time: a Promise never resolves inside a `TestScheduler`.
 */
export type Input<T> = T | (() => Yielded<T>);

/** Asks an `Input` for its value at each subscription. A function that throws is an error of the Observable. */
export function fromInput<T>(input: Input<T>): Observable<T> {
  return defer(() => fromYielded(typeof input === 'function' ? (input as () => Yielded<T>)() : input));
}
