import {
  config,
  Observable,
  type Observer,
  type Subscriber,
  type Subscription,
  type TeardownLogic,
} from 'rxjs';
import { reportErrors } from './reportErrors.js';

/** Who gets values. */
export type Taker<T> = Pick<Observer<T>, 'next'>;

type Given<T> = Partial<Observer<T>> | ((value: T) => void) | null;

/**
 * An observable whose producer gets, beside the subscriber that rxjs makes, what was given to `subscribe`: to hand it each value
 * without the objects that rxjs puts in between. With thousands of subscribers those are most of what a value has to fetch from
 * memory. An observer's `next` need not be looked up again later. Where an operator subscribes, its subscriber is the taker.
 *
 * Who hands values to the taker does what rxjs does for a subscriber: reports what it throws (`hand`), and gives it nothing after
 * the end.
 */
// eslint-disable-next-line rxjs-x/no-subclass -- who subscribes is known only there; operators get plain Observables from it
export class DirectObservable<T> extends Observable<T> {
  /** Of the call of `subscribe` that is being made. */
  private given: Given<T> | undefined = undefined;

  constructor(private readonly produce: (subscriber: Subscriber<T>, taker: Taker<T>) => TeardownLogic) {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- rxjs calls it as a method of the observable
    super(DirectObservable.produceFor as (this: Observable<T>, subscriber: Subscriber<T>) => TeardownLogic);
  }

  /** Called as a method of each; without it each had a second closure. */
  private static produceFor<T>(this: DirectObservable<T>, subscriber: Subscriber<T>): TeardownLogic {
    const taker = takerOf(this.given) ?? subscriber;
    this.given = undefined;
    return this.produce(subscriber, taker);
  }

  override subscribe(observerOrNext?: Partial<Observer<T>> | ((value: T) => void)): Subscription;
  /** @deprecated As in rxjs: give an observer instead of several callbacks. */
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(
    given?: Given<T>,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    this.given = given;
    // eslint-disable-next-line @typescript-eslint/no-deprecated, rxjs-x/prefer-observer -- both forms go where they came from
    return super.subscribe(given as (value: T) => void, error, complete);
  }
}

/** Of rxjs: where one is on, there is more to do than to call, and rxjs's own subscriber does it. */
const oldWays = ['useDeprecatedSynchronousErrorHandling', 'useDeprecatedNextContext'] as const;

function takerOf<T>(given: Given<T> | undefined): Taker<T> | undefined {
  if (oldWays.some((way) => config[way])) return undefined;
  if (typeof given === 'function') return { next: given };
  return typeof given?.next === 'function' ? (given as Taker<T>) : undefined;
}

/** Hands over a value. What is thrown is reported as unhandled, so that the others get the value too. */
export function hand<T>(taker: Taker<T>, value: T): void {
  try {
    taker.next(value);
  } catch (error) {
    report(error);
  }
}

/** The same, where `next` was looked up before: with thousands of takers even that is one place in memory less. */
export function handTo<T>(next: Taker<T>['next'], taker: Taker<T> | undefined, value: T): void {
  try {
    next.call(taker, value);
  } catch (error) {
    report(error);
  }
}

const report = (error: unknown): void =>
  reportErrors(() => {
    throw error;
  });
