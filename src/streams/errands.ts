import { asyncScheduler, defer, Subscription, take, throwIfEmpty, timeout } from 'rxjs';
import { fromYielded } from './input.js';

/** One call of a hook whose messages are to be sent. */
export interface Errand {
  /** Yields a message, an array of them, or `undefined` or `null` for none. */
  readonly make: () => unknown;
  /** So many messages are made; none has been handed over. */
  readonly onMade: (count: number) => void;
  /** The last message has left. */
  readonly onWritten: () => void;
  /** The hook failed, or yielded nothing in time, or a message could not be encoded. */
  readonly onFailed: (error: unknown) => void;
}

export interface ErrandsConfig {
  /** Takes one message; `false` if there is no room for it now. Throws if it cannot be encoded. */
  readonly post: (message: unknown, onWritten: () => void) => boolean;
  /** The next thing to be done, if any: asked for only when there is room to do it. */
  readonly next: () => Errand | undefined;
  /** Milliseconds a hook has to yield its messages. */
  readonly hookTimeoutMs: number;
}

export interface Errands {
  /** Does what is due. */
  run(): void;
  stop(): void;
}

/** What is made and not yet handed over, and how far it has come. */
interface Parcel {
  readonly errand: Errand;
  readonly messages: readonly unknown[];
  at: number;
  unwritten: number;
}

/** When to look again for room, if nothing of ours is written meanwhile. */
const lookAgainMs = 1_000;

/**
 * Takes errands one after the other to an outbox that may be full: what finds no room waits here, in order, and nothing
 * further is begun meanwhile, so what is due can still change its mind.
 */
export function createErrands({ post, next, hookTimeoutMs }: ErrandsConfig): Errands {
  const life = new Subscription();
  const line: Parcel[] = [];
  let isRunning = false;
  let waiting: Subscription | undefined;

  const wait = (): void => {
    if (life.closed) return;
    waiting = asyncScheduler.schedule(() => {
      waiting = undefined;
      run();
    }, lookAgainMs);
  };

  const written = (parcel: Parcel): void => {
    if (life.closed) return;
    waiting?.unsubscribe();
    waiting = undefined;
    parcel.unwritten -= 1;
    if (parcel.unwritten === 0) parcel.errand.onWritten();
    run();
  };

  /** `false` if it has to wait for room. */
  const handOver = (parcel: Parcel): boolean => {
    const { errand, messages } = parcel;
    if (messages.length === 0) errand.onWritten();
    try {
      while (parcel.at < messages.length && !life.closed) {
        if (!post(messages[parcel.at], () => written(parcel))) return false;
        parcel.at += 1;
      }
    } catch (error) {
      errand.onFailed(error);
    }
    return true;
  };

  const begin = (errand: Errand): void => {
    life.add(
      defer(() => fromYielded(errand.make()))
        .pipe(
          take(1),
          throwIfEmpty(() => new TypeError('the hook must yield a message, but completed without one')),
          timeout(hookTimeoutMs),
        )
        .subscribe({
          next: (made) => {
            const isNone = made === undefined || made === null;
            const messages = Array.isArray(made) ? (made as unknown[]) : isNone ? [] : [made];
            line.push({ errand, messages, at: 0, unwritten: messages.length });
            errand.onMade(messages.length);
            run();
          },
          error: errand.onFailed,
        }),
    );
  };

  const run = (): void => {
    if (isRunning || waiting !== undefined) return;
    isRunning = true;
    while (!life.closed) {
      const parcel = line[0];
      if (parcel !== undefined) {
        if (!handOver(parcel)) {
          wait();
          break;
        }
        line.shift();
        continue;
      }
      const errand = next();
      if (errand === undefined) break;
      begin(errand);
    }
    isRunning = false;
  };

  return {
    run,
    stop() {
      life.unsubscribe();
      waiting?.unsubscribe();
      line.length = 0;
    },
  };
}
