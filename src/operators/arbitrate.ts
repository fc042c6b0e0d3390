import {
  connect,
  defer,
  filter,
  finalize,
  identity,
  ignoreElements,
  map,
  materialize,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  type ObservableNotification,
  share,
} from 'rxjs';
import {
  type ArbitrateBySequence,
  type ArbitrateConfig,
  checkArbitration,
  type LineSource,
  nameLines,
} from './arbitrateConfig.js';
import { type FirstCopies, firstByKey, firstByNumber } from './firstCopies.js';
import { createLineTally, type LineStats } from './lineTally.js';
import { reorder } from './reorder.js';
import { sequencingOf } from './sequence.js';

export interface ArbitrationStats {
  /** Values passed on. */
  readonly emitted: number;
  /** Gaps that no line filled in time. */
  readonly gaps: number;
  /** Numbers missing in them. */
  readonly missing: number;
  /** Keys and scopes forgotten to make room for others. */
  readonly forgotten: number;
  /** Values of which too many came within `windowMs` to await their other copies: more than `maxKeys`. */
  readonly unjudged: number;
  readonly lines: Readonly<Record<string, LineStats>>;
}

export interface Arbitration<T> {
  /**
   * Each value once. The first subscriber subscribes to all lines, the last to leave leaves them. It ends as the last line
   * left ends, with its error if it fails; what was held comes out first.
   */
  readonly values$: Observable<T>;
  /** The counts since the start; they outlive the subscriptions. */
  stats(): ArbitrationStats;
}

/** The first copy of a value. */
interface Copy<T> {
  readonly value: T;
  readonly by: number;
  readonly number: number;
}

/**
 * Makes one stream of several lines that carry the same values: the first copy of each wins, whichever line brings it.
 *
 *     A                       -1-2---4---5-|     loses 3
 *     B                       --1-2-3----4-5-|   is slower
 *     by key, or arrival      -1-2--34---5---|
 *     numbers, A: -1-2-4, B: ----------3         -1-2------(34): held until B fills the hole, or windowMs is over
 *
 * A line may end: the others go on without it. One that shall return does so by itself, by `retry` say, or as a feed's stream does.
 *
 * @throws {TypeError} If there is not one of `key` and `sequence`, or two lines have the same name; if `key` or
 *   `sequence.of` is no function, or an option is misspelt.
 * @throws {RangeError} If there are none or more than 31 lines, or a bound is out of its range.
 */
export function arbitrate<T>(lines: readonly LineSource<T>[], config: ArbitrateConfig<T>): Arbitration<T> {
  const named = nameLines(lines);
  checkArbitration(config);
  const { windowMs = 1_000, maxKeys = 10_000, onLineEnd } = config;
  const nameOf = (by: number): string => (named[by] as (typeof named)[number]).name;

  const tally = createLineTally(named.length, windowMs, maxKeys);
  const counts = { emitted: 0, gaps: 0, missing: 0, forgotten: 0 };
  let copies: FirstCopies<T> | undefined;

  const withhold = ({ value, by }: { readonly value: T; readonly by: number }): void => {
    tally.settle(by, 'dropped');
    if (config.sequence) config.onLate?.(value, { line: nameOf(by), isDropped: true });
  };

  /** Tells of gaps `windowMs` after they were seen; what comes out is in order, but for what came too late. */
  const watch = (
    { sequence, maxItems = 1_000, onGap, onScopeForgotten }: ArbitrateBySequence<T>,
    first: FirstCopies<T>,
    onLate: (copy: Copy<T>) => void,
    onDrop?: (copy: Copy<T>) => void,
  ): MonoTypeOperatorFunction<Copy<T>> => {
    const { first: start, previous, scope, maxScopes } = sequence;
    const sequencing = sequencingOf(({ number }: Copy<T>) => number, {
      ...(start && { first: ({ value }) => start(value) }),
      ...(previous && { previous: ({ value }) => previous(value) }),
      ...(scope && { scope: ({ value }) => scope(value) }),
      ...(maxScopes !== undefined && { maxScopes }),
    });
    return reorder(sequencing, {
      maxItems,
      maxMs: windowMs,
      followsLate: false,
      onLate,
      ...(onDrop && { onDrop }),
      onGap(gap, { value }) {
        counts.gaps += 1;
        counts.missing += gap.missing;
        onGap?.(gap, value);
      },
      onForgotten({ scope: name }) {
        counts.forgotten += 1;
        first.forget(name);
        onScopeForgotten?.(name);
      },
    });
  };

  const inOrder = (by: ArbitrateBySequence<T>, first: FirstCopies<T>): MonoTypeOperatorFunction<Copy<T>> => {
    let late: Copy<T> | undefined;
    const ordered = watch(
      by,
      first,
      (copy) => {
        late = copy;
      },
      ({ by: line }) => tally.settle(line, 'dropped'),
    );
    return (copies$) =>
      copies$.pipe(
        ordered,
        filter((copy) => {
          if (copy !== late) return true;
          withhold(copy);
          return false;
        }),
      );
  };

  const atOnce = (by: ArbitrateBySequence<T>, first: FirstCopies<T>): MonoTypeOperatorFunction<Copy<T>> => {
    const watched = watch(by, first, ({ value, by: line }) =>
      by.onLate?.(value, { line: nameOf(line), isDropped: false }),
    );
    // The watch comes first: it has gaps to tell before an error ends both.
    return connect((copies$) => merge(copies$.pipe(watched, ignoreElements()), copies$));
  };

  const arrange = (first: FirstCopies<T>): MonoTypeOperatorFunction<Copy<T>> => {
    if (config.sequence === undefined) return identity;
    return config.order === 'arrival' ? atOnce(config, first) : inOrder(config, first);
  };

  const values$ = defer(() => {
    const first =
      config.sequence === undefined
        ? firstByKey(config.key, maxKeys)
        : firstByNumber(config.sequence.of, config.sequence.scope ?? (() => undefined), maxKeys);
    counts.forgotten += copies?.forgotten ?? 0;
    copies = first;
    let living = named.length;
    tally.begin();

    const end = (by: number, failure: { readonly error?: unknown }): void => {
      living -= 1;
      tally.end(by);
      if (living === 0) tally.judgeAll();
      onLineEnd?.({ line: nameOf(by), ...failure });
      if (living === 0 && 'error' in failure) throw failure.error;
    };

    const arrive = (by: number, note: ObservableNotification<T>): Copy<T> | undefined => {
      if (note.kind !== 'N') {
        end(by, note.kind === 'E' ? { error: note.error as unknown } : {});
        return undefined;
      }
      const { value } = note;
      const { id, among, replay } = first.see(value);
      tally.receive(by);
      if (replay === 'new') {
        tally.first(among, id, by);
        return { value, by, number: id as number };
      }
      if (replay === 'seen') tally.copy(among, id, by);
      else withhold({ value, by });
      return undefined;
    };

    return merge(
      ...named.map(({ values$: line$ }, by) =>
        line$.pipe(
          materialize(),
          map((note) => ({ by, note })),
        ),
      ),
    ).pipe(
      map(({ by, note }) => arrive(by, note)),
      filter((copy) => copy !== undefined),
      arrange(first),
      map(({ value, by }) => {
        tally.settle(by, 'wins');
        counts.emitted += 1;
        return value;
      }),
      finalize(() => tally.leave()),
    );
  }).pipe(share());

  return {
    values$,
    stats() {
      const { unjudged, lines: pages } = tally.stats();
      return {
        ...counts,
        forgotten: counts.forgotten + (copies?.forgotten ?? 0),
        unjudged,
        lines: Object.fromEntries(pages.map((page, by) => [nameOf(by), page])),
      };
    },
  };
}
