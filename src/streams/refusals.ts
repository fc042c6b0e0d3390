import { asyncScheduler } from 'rxjs';
import { backoff } from '../operators/backoff.js';
import { type BegunWait, leftMs } from '../operators/leftMs.js';

/** No wait is longer. */
const maxMs = 60_000;
/** Forgotten so long after it was refused: by then who waited for a topic has asked for it, and been answered. */
const memoryMs = 2 * maxMs;
/** More are refused without a wait: those refused longest ago. A feed may be refused all it asks for, whose wait is to grow. */
const maxTopics = 100_000;

interface Refusal extends BegunWait {
  readonly times: number;
}

/** For how long refused topics are not asked for again: who wants one anew whenever it is refused is no flood of questions. */
export class Refusals {
  /** Made at the first: most servers refuse nothing. */
  private known: Map<string, Refusal> | undefined = undefined;
  /** The last draw. */
  private last: Refusal | undefined = undefined;

  constructor(private readonly random: () => number) {}

  /** It was refused; it is one more time if somebody wanted it before the last wait was over. */
  add(key: string): void {
    const known = (this.known ??= new Map<string, Refusal>());
    const now = asyncScheduler.now();
    const times = known.get(key)?.times ?? 0;
    known.delete(key); // the one refused last comes last
    for (const [oldest, { since }] of known) {
      if (known.size < maxTopics && now - since < memoryMs) break;
      known.delete(oldest);
    }
    known.set(key, { times: times + 1, ms: this.draw(times), since: now });
  }

  /** Milliseconds until it may be asked for. */
  leftMs(key: string): number {
    return leftMs(this.known?.get(key));
  }

  /** Somebody wants it: once the wait is over, in a row of his own. */
  want(key: string): void {
    if (this.known?.has(key) === true && this.leftMs(key) === 0) this.known.delete(key);
  }

  /** A timer has waited for it, whatever the clock says. */
  waited(key: string): void {
    const refusal = this.known?.get(key);
    if (refusal !== undefined) refusal.ms = 0;
  }

  forget(key: string): void {
    this.known?.delete(key);
  }

  /** Topics refused together wait for the same moment, so that they are asked for together. */
  private draw(times: number): number {
    const now = asyncScheduler.now();
    const { last } = this;
    if (last?.times === times && last.since === now) return last.ms;
    // Whole milliseconds: a timer knows no other, and virtual time loses its way among fractions.
    const ms = Math.round(backoff({ maxMs, jitter: 'equal', random: this.random })(times, 0));
    this.last = { times, ms, since: now };
    return ms;
  }
}
