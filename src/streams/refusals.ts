import { asyncScheduler } from 'rxjs';
import { backoff } from '../operators/backoff.js';
import { type BegunWait, leftMs } from '../operators/leftMs.js';

/** No wait is longer. */
const maxMs = 60_000;
/** Remembered so long at least, and twice that at most while others are refused: by then who waited for a topic has asked for it, and been answered. */
const memoryMs = 2 * maxMs;
/** So many at least, up to twice that. A feed may be refused all it asks for, whose wait is to grow. */
const maxTopics = 50_000;

interface Refusal extends BegunWait {
  readonly times: number;
}

/**
 * For how long refused topics are not asked for again: who wants one anew whenever it is refused is no flood of questions. There are two
 * generations, of which the old one is forgotten as a whole: a `Map` that loses its first entries one by one takes long to find the next.
 */
export class Refusals {
  /** Made at the first: most servers refuse nothing. */
  private young: Map<string, Refusal> | undefined = undefined;
  private old: Map<string, Refusal> | undefined = undefined;
  /** How long the young one stays so. */
  private youth: BegunWait | undefined = undefined;
  /** The last draw. */
  private last: Refusal | undefined = undefined;

  constructor(private readonly random: () => number) {}

  /** It was refused; it is one more time if somebody wanted it before the last wait was over. */
  add(key: string): void {
    const times = this.find(key)?.times ?? 0;
    if (this.young === undefined || this.young.size >= maxTopics || leftMs(this.youth) === 0) this.turn();
    this.young?.set(key, { times: times + 1, ms: this.draw(times), since: asyncScheduler.now() });
  }

  /** Milliseconds until it may be asked for. */
  leftMs(key: string): number {
    return leftMs(this.find(key));
  }

  /** Somebody wants it: once the wait is over, in a row of his own. */
  want(key: string): void {
    if (this.leftMs(key) === 0) this.forget(key);
  }

  /** A timer has waited for it, whatever the clock says. */
  waited(key: string): void {
    const refusal = this.find(key);
    if (refusal !== undefined) refusal.ms = 0;
  }

  forget(key: string): void {
    this.young?.delete(key);
    this.old?.delete(key);
  }

  private find(key: string): Refusal | undefined {
    return this.young?.get(key) ?? this.old?.get(key);
  }

  private turn(): void {
    this.old = this.young;
    this.young = new Map();
    this.youth = { ms: memoryMs, since: asyncScheduler.now() };
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
