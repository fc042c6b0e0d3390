import {
  catchError,
  concat,
  defer,
  EMPTY,
  fromEventPattern,
  ignoreElements,
  map,
  merge,
  noop,
  type Observable,
  of,
  type Subscription,
  switchMap,
  takeUntil,
  throttleTime,
  timer,
} from 'rxjs';
import { type OptionNames, refuseUnknown } from './operators/refuseUnknown.js';
import { checkFarewell, type Farewell, FAREWELL_OPTIONS } from './streams/farewell.js';
import { fromYielded, type Yielded } from './streams/input.js';

/** The signals that ask a process to end and can be listened to, with their numbers. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR2: 12, SIGTERM: 15, SIGBREAK: 21 } as const;

export type EndSignal = keyof typeof numbers;

/** A feed, or whatever else takes leave before the process ends. */
export interface Closable {
  close(farewell: Farewell): Yielded<unknown>;
}

/** What of Node's `process` is used. */
export interface SignalHost {
  readonly pid: number;
  on(signal: EndSignal, listener: () => void): unknown;
  off(signal: EndSignal, listener: () => void): unknown;
  listenerCount(signal: EndSignal): number;
  kill(pid: number, signal: EndSignal): unknown;
  exit(code: number): void;
}

/** `code`, `reason` and `timeoutMs` (default 5 000, and it holds for everything together) are handed to `close`. */
export interface CloseOnSignalsConfig extends Farewell {
  /** @default ['SIGINT', 'SIGTERM'] */
  readonly signals?: readonly EndSignal[];
  /**
   * Ends the process after the close. With `false` it goes on, until it has nothing left to do; the next signal ends it.
   * @default true
   */
  readonly exit?: boolean;
  /** @default globalThis.process */
  readonly process?: SignalHost;
}

const OPTIONS: OptionNames<CloseOnSignalsConfig> = {
  ...FAREWELL_OPTIONS,
  signals: true,
  exit: true,
  process: true,
};

/** `npm` passes on to its child the Ctrl-C that the terminal has sent it already: milliseconds in which two are one. */
const ONE_PRESS_MS = 500;

/**
 * Closes a feed, or several, when the process is asked to end, then lets it end by that very signal.
 *
 *     signals  --s-----------    a close that takes 4 ms
 *     closing    ----|
 *     process  ------x           ended by s: its parent sees the signal, a shell 128 + its number
 *
 * The signal is raised again only once its listeners here are removed, and only if nobody else listens to it: a process with
 * listeners of its own has been told already, and ends when they say so. A second signal (500 ms after the first or later: `npm`
 * doubles Ctrl-C) does not wait for the close. A close that fails counts as done. The listeners keep no process alive.
 *
 * @returns Unsubscribing removes the listeners; it is closed as soon as they have done their work.
 * @throws {TypeError | RangeError} If there is no process, nothing to close, a signal is none of the six, the farewell cannot be said, or
 *   an option is misspelt.
 */
export function closeOnSignals(
  feeds: Closable | readonly Closable[],
  config: CloseOnSignalsConfig = {},
): Subscription {
  refuseUnknown('closeOnSignals', config, OPTIONS);
  const {
    signals = ['SIGINT', 'SIGTERM'],
    exit = true,
    process: host = (globalThis as { readonly process?: SignalHost }).process,
    timeoutMs = 5_000,
    ...farewell
  } = config;
  const closables = Array.isArray(feeds) ? (feeds as readonly Closable[]) : [feeds as Closable];
  if (host === undefined) throw new TypeError('closeOnSignals: there is no process here, and none was given');
  if (closables.length === 0) throw new TypeError('closeOnSignals: nothing to close, got []');
  for (const closable of closables) {
    if (typeof (closable as Partial<Closable> | undefined)?.close === 'function') continue;
    throw new TypeError(`closeOnSignals: a feed must have close(), got ${typeof closable}`);
  }
  for (const signal of signals) {
    if (Object.hasOwn(numbers, signal)) continue;
    throw new RangeError(
      `closeOnSignals: signals must be of ${Object.keys(numbers).join(', ')}, got ${signal}`,
    );
  }
  if (new Set(signals).size !== signals.length || signals.length === 0) {
    throw new RangeError(`closeOnSignals: signals must name each once, got [${signals.join(', ')}]`);
  }
  checkFarewell({ ...farewell, timeoutMs });

  const heard = (signal: EndSignal): Observable<EndSignal> =>
    fromEventPattern(
      (listener) => host.on(signal, listener),
      (listener) => host.off(signal, listener),
    ).pipe(map(() => signal));
  const close = (closable: Closable): Observable<unknown> =>
    defer(() => fromYielded(closable.close({ ...farewell, timeoutMs }))).pipe(catchError(() => EMPTY));
  const close$ = defer(() => merge(...closables.map(close))).pipe(
    ignoreElements(),
    // A close that was under way may have been given more time than there is now.
    takeUntil(timer(timeoutMs)),
  );

  const listening = merge(...signals.map(heard))
    .pipe(
      throttleTime(ONE_PRESS_MS),
      switchMap((signal, before) =>
        before === 0 ? concat(close$, of({ signal, ends: exit })) : of({ signal, ends: true }),
      ),
    )
    .subscribe({
      next: ({ signal, ends }) => {
        listening.unsubscribe();
        if (ends && host.listenerCount(signal) === 0) raise(host, signal);
      },
      error: noop, // there is none: what fails is caught above
    });
  return listening;
}

const raise = (host: SignalHost, signal: EndSignal): void => {
  try {
    host.kill(host.pid, signal);
    // The first process of a container is immune to a signal that it does not listen to.
    if (host.pid !== 1) return;
  } catch {
    // Windows can raise only some of them.
  }
  host.exit(128 + numbers[signal]);
};
