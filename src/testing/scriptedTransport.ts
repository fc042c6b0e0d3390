/**
 * A transport written as marbles, one string an attempt: with it a whole feed runs in virtual time, and the exact
 * millisecond of each dial can be asserted.
 *
 *     const transport = scriptedTransport(
 *       [
 *         '--o--a 10ms x', // opens after 2 ms, a trade, later a close
 *         '#            ', // refused
 *         'o-b 20s |    ', // time progressions and (groups) as in run mode
 *       ],
 *       { a: { type: 'trade', id: 1 }, b: { type: 'trade', id: 2 }, x: closes(1012, 'restart') },
 *     );
 *     const feed = createFeed({ url: 'ws://test', transport, streams, reconnect: { jitter: 'none' } });
 *     const ids$ = feed.stream('trade').pipe(map(({ id }) => id), take(2));
 *
 *     expectObservable(transport.dials$).toBe('1 1015ms 2 1999ms 3  ', { 1: 1, 2: 2, 3: 3 });
 *     expectObservable(ids$).toBe('            -----1 3012ms (2|)', { 1: 1, 2: 2 });
 *
 * The time of each string starts at its dial. It is told in rxjs timers: virtual inside `TestScheduler.run`, real
 * outside, a frame being 1 ms in both.
 */
import {
  asyncScheduler,
  EMPTY,
  filter,
  ignoreElements,
  map,
  merge,
  mergeAll,
  mergeMap,
  type Observable,
  of,
  ReplaySubject,
  Subject,
  tap,
  timer,
} from 'rxjs';
import { SocketClosedError } from '../streams/failure.js';
import { fromYielded } from '../streams/input.js';
import type { Data, DialRequest, Socket, SocketHandler, Transport } from '../streams/transport.js';
import { act, closes, type Cue, drops, opens, parseScript, pongs, type Step, toStep } from './script.js';

export { closes, fails, opens, pings, pongs, refuses, silence, type Step } from './script.js';

/** What the client did that a server, or its kernel, would notice; `attempt` counts the dials from 1. */
export type ScriptEntry = { readonly attempt: number } & (
  | { readonly type: 'dial'; readonly url: string; readonly protocols: readonly string[] }
  /** `data` is decoded if it is JSON. */
  | { readonly type: 'send'; readonly data: unknown }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  /** The socket was destroyed, or the dial given up. */
  | { readonly type: 'terminate' }
  | { readonly type: 'ping' | 'pause' | 'resume' }
);

export interface ScriptedTransport extends Transport {
  /**
   * Everything the client did, in order. Hot, and bounded: only entries of the current millisecond (at most 1 000) are
   * replayed, so in virtual time it does not matter whether a test expects this before or after what dials.
   */
  readonly log$: Observable<ScriptEntry>;
  /** The number of each attempt, from 1, at its dial. */
  readonly dials$: Observable<number>;
  /** What was sent, decoded if it is JSON. */
  readonly sends$: Observable<unknown>;
  /** The attempt of each ping frame sent. */
  readonly pings$: Observable<number>;
  readonly closes$: Observable<{ readonly code: number; readonly reason: string } | 'terminate'>;
}

export interface ScriptedTransportConfig {
  /**
   * What the server answers to each message, decoded if it is JSON: what a letter can stand for, an Observable of such
   * (for an answer that takes time), or `undefined` for nothing. If it throws, the error is uncaught.
   * @default answers nothing
   */
  readonly reply?: (message: unknown, attempt: number) => unknown;
  /** What still comes after the client has paused, as the rest of a chunk does that `ws` has read: steps of the script. @default 0 */
  readonly stepsAfterPause?: number;
}

/**
 * Plays a server from scripts in marbles; the client meets it through the `Transport` it hands to a feed.
 *
 * A ping is answered at once, and so is a close, with the same code and reason. While the client pauses, what the
 * server does waits. A dial beyond the script never opens.
 *
 * @param attempts One string for each dial: `o` opens, `|` closes with 1000, `#` drops; other letters are in `frames`.
 * @param frames What each letter is: a step, or a message. Strings and bytes are sent as they are, the rest as JSON.
 * @throws {TypeError} On creation, for a letter that `frames` does not hold or that JSON cannot encode, a key that no
 * marble can name, a frame before the opening, and anything after an end.
 */
export function scriptedTransport(
  attempts: string | readonly string[],
  frames: Readonly<Record<string, unknown>> = {},
  { reply, stepsAfterPause = 0 }: ScriptedTransportConfig = {},
): ScriptedTransport {
  for (const key of Object.keys(frames)) {
    if (/^[^ ()|#^!-]$/u.test(key)) continue;
    throw new TypeError(`scriptedTransport: a key of frames must be one letter of a marble, got '${key}'`);
  }
  const steps = new Map<string, Step>([
    ['o', opens()],
    ['|', closes(1000)],
    ['#', drops],
  ]);
  for (const [letter, frame] of Object.entries(frames)) steps.set(letter, toStep(frame, `frames.${letter}`));
  const scripts = (typeof attempts === 'string' ? [attempts] : attempts).map((script) =>
    parseScript(script, steps),
  );

  const log$ = new ReplaySubject<ScriptEntry>(1_000, 1);
  let dials = 0;
  const dial = (request: DialRequest, handler: SocketHandler): Socket => {
    const attempt = ++dials;
    const { url, protocols } = request;
    log$.next({ type: 'dial', attempt, url, protocols });
    return play(scripts[attempt - 1] ?? [], handler, {
      log: (entry) => log$.next({ ...entry, attempt }),
      reply: (message) => reply?.(message, attempt),
      stepsAfterPause,
    });
  };

  return {
    dial,
    settled: of(undefined),
    log$: log$.asObservable(),
    dials$: log$.pipe(
      filter((entry) => entry.type === 'dial'),
      map(({ attempt }) => attempt),
    ),
    sends$: log$.pipe(
      filter((entry) => entry.type === 'send'),
      map(({ data }) => data),
    ),
    pings$: log$.pipe(
      filter((entry) => entry.type === 'ping'),
      map(({ attempt }) => attempt),
    ),
    closes$: log$.pipe(
      filter((entry) => entry.type === 'close' || entry.type === 'terminate'),
      map((entry) => (entry.type === 'close' ? { code: entry.code, reason: entry.reason } : entry.type)),
    ),
  };
}

function toAnswer(reply: unknown): Step {
  const step = toStep(reply, 'a reply');
  if (step.when === 'dial') throw new TypeError('scriptedTransport: a reply cannot answer a dial');
  return step;
}

function fromData(data: Data): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

interface Server {
  readonly log: (entry: Unnumbered<ScriptEntry>) => void;
  readonly reply: (message: unknown) => unknown;
  readonly stepsAfterPause: number;
}
type Unnumbered<T> = T extends unknown ? Omit<T, 'attempt'> : never;

/** One connection of the script. Like a real socket, it tells its handler nothing from inside a call of the client. */
function play(
  script: readonly Cue[],
  handler: SocketHandler,
  { log, reply, stepsAfterPause }: Server,
): Socket {
  let state: 'dial' | 'connection' | 'closing' | 'over' = 'dial';
  let isSilent = false;
  let isPaused = false;
  /** How many steps still come although it is paused. */
  let stillComing = 0;
  /** What the server did and a paused client has not read: as much as the script and the replies hold. */
  const unread: Step[] = [];
  const answers$ = new Subject<Observable<Step>>();

  const stop = (): void => {
    state = 'over';
    unread.length = 0;
    life.unsubscribe();
  };
  const tell = (step: Step): void => {
    if (step[act] === 'open') {
      state = 'connection';
      handler.open(step.info);
    }
    if (step[act] === 'message') handler.message(step.data);
    if (step[act] === 'ping') handler.ping();
    if (step[act] === 'pong') handler.pong();
    if (step[act] === 'silence') isSilent = true;
    if (step[act] === 'end') {
      const error = step.error(state !== 'dial');
      stop();
      handler.end(error);
    }
  };
  const read = (): void => {
    for (let step = unread[0]; step !== undefined && (!isPaused || stillComing-- > 0); step = unread[0]) {
      unread.shift();
      tell(step);
    }
  };
  /** The client destroys the socket, or gives up the dial: nothing of the server comes any more, not even what is unread. */
  const abandon = (): void => {
    log({ type: 'terminate' });
    stop();
    asyncScheduler.schedule(() => handler.end(new SocketClosedError(1006, '')));
  };

  const script$ = merge(...script.map(({ at, step }) => timer(at).pipe(map(() => step))));
  const life = merge(script$, answers$.pipe(mergeAll())).subscribe({
    next(step) {
      unread.push(step);
      read();
    },
    error: uncaught,
  });

  return {
    send(data) {
      if (state !== 'connection') return;
      const message = fromData(data);
      log({ type: 'send', data: message });
      answers$.next(
        timer(0).pipe(
          mergeMap(() => (isSilent ? EMPTY : fromYielded(reply(message)))),
          filter((answer) => answer !== undefined && !isSilent),
          map(toAnswer),
        ),
      );
    },
    ping() {
      if (state !== 'connection') return;
      log({ type: 'ping' });
      if (!isSilent) answers$.next(timer(0).pipe(map(pongs)));
    },
    pause() {
      if (isPaused || state === 'dial' || state === 'over') return;
      isPaused = true;
      stillComing = stepsAfterPause;
      log({ type: 'pause' });
    },
    resume() {
      if (!isPaused || state === 'over') return;
      isPaused = false;
      log({ type: 'resume' });
      answers$.next(timer(0).pipe(tap(read), ignoreElements()));
    },
    close(code = 1005, reason = '') {
      if (state === 'dial') abandon();
      if (state !== 'connection') return;
      state = 'closing';
      log({ type: 'close', code, reason });
      if (!isSilent) answers$.next(timer(0).pipe(map(() => closes(code, reason))));
    },
    terminate() {
      if (state !== 'over') abandon();
    },
    bufferedBytes: 0,
  };
}

/** A mistake in a test must not go unseen: rxjs rethrows it where nothing catches it. */
const uncaught = (error: unknown): never => {
  throw error;
};
