import fc from 'fast-check';
import type { Overflow } from '../../src/operators/boundedLine.js';

/** What somebody does to a feed who was just called by it. */
export interface Act {
  /** So many callbacks are let pass first; with 0 it is done inside the act before. */
  readonly after: number;
  /** The feed it is done to; there may be fewer. */
  readonly feed: number;
  /** To `work` takes the thread for some time; the rest is called on the feed. */
  readonly do:
    'close' | 'reconnect' | 'rotate' | 'pause' | 'resume' | 'join' | 'leave' | 'leaveAll' | 'send' | 'work';
  /** Which stream is joined, which listener leaves, how long closing may take, or work. */
  readonly choice: number;
}

/** One feed, and what its server says. */
export interface Cast {
  /** The servers' scripts, in turn; see `LETTERS`. */
  readonly scripts: readonly string[];
  /** Every third connection breaks off at once. */
  readonly isBrittle: boolean;
  readonly stepsAfterPause: number;
  /** A message is answered with a trade before `send` returns, as by a server in the same process. */
  readonly answersAtOnce: boolean;
  readonly overflow: Overflow;
  readonly maxItems: number;
  readonly maxPauseMs: number;
  readonly lingerMs: number;
  readonly logsIn: boolean;
  readonly subscribes: boolean;
  /** How its frames are read. */
  readonly reading: 'plain' | 'unpack' | 'skim' | 'reader' | 'skim and reader';
  /** What is done about the numbers of the trades. */
  readonly sequence: 'none' | 'told' | 'reordered' | 'recovered' | 'both';
  /** Milliseconds until what is missing is told again. */
  readonly answerMs: number;
}

/** Feeds that share the turns of one event loop, and what is done to them from inside their callbacks. */
export interface Play {
  /** Milliseconds of virtual time that a turn takes. */
  readonly turnMs: number;
  readonly casts: readonly Cast[];
  readonly acts: readonly Act[];
}

const act: fc.Arbitrary<Act> = fc.record({
  after: fc.oneof(fc.nat(2), fc.nat(20)),
  feed: fc.nat(5),
  do: fc.constantFrom<Act['do'][]>(
    ...(['close', 'reconnect', 'rotate', 'pause', 'leave', 'leaveAll'] as const),
    ...(['resume', 'resume', 'join', 'join', 'join', 'send', 'send', 'work', 'work'] as const),
  ),
  choice: fc.nat(5),
});

const script = fc
  .tuple(
    fc.constantFrom('o', 'o', '--o'),
    fc.array(
      fc.oneof(
        { weight: 10, arbitrary: fc.constantFrom(...Array.from('ttteeegrrsskpqjjjzyw')) },
        { weight: 9, arbitrary: fc.constant('-') },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }).map((ms) => ` ${ms}ms `) },
      ),
      { minLength: 20, maxLength: 70, size: 'max' },
    ),
  )
  .map(([opening, pieces]) => opening + pieces.join(''));

const cast: fc.Arbitrary<Cast> = fc.record({
  scripts: fc.array(script, { minLength: 1, maxLength: 4, size: 'max' }),
  isBrittle: fc.boolean(),
  stepsAfterPause: fc.nat(2),
  answersAtOnce: fc.boolean(),
  overflow: fc.constantFrom<Overflow[]>('drop-oldest', 'drop-newest', 'conflate', 'error', 'pause'),
  maxItems: fc.integer({ min: 2, max: 5 }),
  maxPauseMs: fc.constantFrom(50, 30_000),
  lingerMs: fc.constantFrom(0, 0, 7),
  logsIn: fc.boolean(),
  subscribes: fc.boolean(),
  reading: fc.constantFrom<Cast['reading'][]>('plain', 'unpack', 'skim', 'reader', 'skim and reader'),
  sequence: fc.constantFrom<Cast['sequence'][]>('none', 'none', 'told', 'reordered', 'recovered', 'both'),
  answerMs: fc.nat(6),
});

export const plays: fc.Arbitrary<Play> = fc.record({
  turnMs: fc.integer({ min: 1, max: 12 }),
  casts: fc.array(cast, { minLength: 1, maxLength: 3, size: 'max' }),
  acts: fc.array(act, { minLength: 10, maxLength: 90, size: 'max' }),
});
