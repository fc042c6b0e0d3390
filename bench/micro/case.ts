import { type OperatorFunction, Subject } from 'rxjs';

/** One thing alone, which takes messages. */
export interface Case {
  /** Messages of one stretch. */
  readonly count: number;
  /** Makes the messages of the next stretch; is not measured. */
  readonly fill: () => void;
  /** Hands them over. */
  readonly run: () => void | Promise<void>;
  /** How many came out so far: all of them. */
  readonly done: () => number;
  /** How many come out for each that goes in. @default 1 */
  readonly fold?: number;
}

/** How many messages a stretch has that are not said to be few. */
export const many = 5_000;

/** A case that takes message by message; `index` counts them from the first stretch on. */
export function taking<T>(
  make: (index: number) => T,
  take: (message: T) => void,
  done: () => number,
  count = many,
): Case {
  const messages: T[] = [];
  let filled = 0;
  return {
    count,
    fill: () => {
      for (let at = 0; at < count; at += 1) messages[at] = make(filled++);
    },
    run: () => {
      for (const message of messages) take(message);
    },
    done,
  };
}

/** A case that gives back something for each message, as long as it does. */
export function asking<T>(make: (index: number) => T, ask: (message: T) => unknown, count = many): Case {
  let done = 0;
  const take = (message: T): void => {
    if (ask(message) !== undefined) done += 1;
  };
  return taking(make, take, () => done, count);
}

/** An operator between a Subject and one subscriber. */
export function piping<T, R>(
  make: (index: number) => T,
  operator: OperatorFunction<T, R>,
  count = many,
): Case {
  const source$ = new Subject<T>();
  let done = 0;
  source$.pipe(operator).subscribe({
    next: () => (done += 1),
    error: console.error,
  });
  return taking(
    make,
    (message) => source$.next(message),
    () => done,
    count,
  );
}
