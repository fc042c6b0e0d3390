import { asyncScheduler } from 'rxjs';

/** What one of several redundant lines did; `received = wins + duplicates + dropped + held` at every instant. */
export interface LineStats {
  /** Subscribed to, and not ended. A line that retries on its own is alive all the while. */
  readonly isAlive: boolean;
  /** When it last delivered anything, epoch ms; absent before that. */
  readonly lastAt?: number;
  readonly received: number;
  /** Values that it delivered first, and that were passed on. */
  readonly wins: number;
  /** Values that were delivered before, by another line or by itself. */
  readonly duplicates: number;
  /** Values that came too late to be used, or were still held when the last subscriber left. */
  readonly dropped: number;
  /** Values that wait behind a hole. */
  readonly held: number;
  /** Values of other lines that it did not deliver within `windowMs` of their first copy. */
  readonly losses: number;
  /** Milliseconds by which it was ahead of the second line, over the values that a second line delivered in time; 0 without any. */
  readonly leadMs: { readonly mean: number; readonly max: number };
}

/** The values that were first seen lately, by their identity; each belongs to one memory of first copies. */
export type Recent = Map<unknown, FirstCopy>;

/** A value whose other copies are awaited. */
export interface FirstCopy {
  readonly among: Recent;
  readonly id: unknown;
  readonly at: number;
  readonly by: number;
  /** The lines that delivered it, a bit each. */
  lines: number;
  later: FirstCopy | undefined;
}

/** The books of redundant lines, which are named by their index. */
export interface LineTally {
  begin(): void;
  /** Line `by` delivered something, which is held until it is settled. */
  receive(by: number): void;
  /** It is the first copy of a value. */
  first(among: Recent, id: unknown, by: number): void;
  /** It is another one: settles it as a duplicate. */
  copy(among: Recent, id: unknown, by: number): void;
  settle(by: number, outcome: 'wins' | 'dropped'): void;
  end(by: number): void;
  /** Judges what the lines delivered so far: nothing more will come. */
  judgeAll(): void;
  /** Nobody listens any more: what would still have come is nobody's loss. */
  leave(): void;
  stats(): { readonly unjudged: number; readonly lines: readonly LineStats[] };
}

/** A set of lines is a set of bits. */
export const MOST_LINES = 31;

/**
 * Counts what each line delivered first, late or never. A value's copies are awaited for `windowMs`; at most `maxRecent`
 * values are so watched at once, and what leaves before its time is `unjudged`: no line's loss, nor its lead.
 */
export function createLineTally(count: number, windowMs: number, maxRecent: number): LineTally {
  const pages = Array.from({ length: count }, () => ({
    isAlive: false,
    lastAt: undefined as number | undefined,
    received: 0,
    wins: 0,
    duplicates: 0,
    dropped: 0,
    held: 0,
    losses: 0,
    leads: 0,
    leadSumMs: 0,
    leadMaxMs: 0,
  }));
  type Page = (typeof pages)[number];
  const page = (by: number): Page => pages[by] as Page;

  let oldest: FirstCopy | undefined;
  let newest: FirstCopy | undefined;
  let waiting = 0;
  let unjudged = 0;

  const shift = (copy: FirstCopy): void => {
    copy.among.delete(copy.id);
    oldest = copy.later;
    if (oldest === undefined) newest = undefined;
    waiting -= 1;
  };
  const judge = (before: number): void => {
    for (let copy = oldest; copy !== undefined && copy.at < before; copy = oldest) {
      for (const [by, line] of pages.entries()) if ((copy.lines & (1 << by)) === 0) line.losses += 1;
      shift(copy);
    }
  };
  const settle = (by: number, outcome: 'wins' | 'duplicates' | 'dropped'): void => {
    page(by).held -= 1;
    page(by)[outcome] += 1;
  };

  return {
    begin() {
      for (const line of pages) line.isAlive = true;
    },
    receive(by) {
      const line = page(by);
      line.lastAt = asyncScheduler.now();
      line.received += 1;
      line.held += 1;
      judge(line.lastAt - windowMs);
    },
    first(among, id, by) {
      const copy = { among, id, at: asyncScheduler.now(), by, lines: 1 << by, later: undefined };
      among.set(id, copy);
      if (newest === undefined) oldest = copy;
      else newest.later = copy;
      newest = copy;
      waiting += 1;
      if (waiting <= maxRecent) return;
      unjudged += 1;
      shift(oldest as FirstCopy);
    },
    copy(among, id, by) {
      settle(by, 'duplicates');
      const copy = among.get(id);
      if (copy === undefined) return;
      if (copy.lines === 1 << copy.by && by !== copy.by) {
        const winner = page(copy.by);
        const leadMs = Math.max(0, asyncScheduler.now() - copy.at);
        winner.leads += 1;
        winner.leadSumMs += leadMs;
        winner.leadMaxMs = Math.max(winner.leadMaxMs, leadMs);
      }
      copy.lines |= 1 << by;
    },
    settle,
    end(by) {
      page(by).isAlive = false;
    },
    judgeAll: () => judge(Infinity),
    leave() {
      for (const line of pages) line.isAlive = false;
      while (oldest !== undefined) shift(oldest);
    },
    stats() {
      judge(asyncScheduler.now() - windowMs);
      const lines = pages.map(({ leads, leadSumMs, leadMaxMs, lastAt, ...counts }) => ({
        ...counts,
        ...(lastAt !== undefined && { lastAt }),
        leadMs: { mean: leads === 0 ? 0 : leadSumMs / leads, max: leadMaxMs },
      }));
      return { unjudged, lines };
    },
  };
}
