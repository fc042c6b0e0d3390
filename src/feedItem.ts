import type { GenericSchema } from 'valibot';
import type { SequenceConfig, StreamConfig } from './feedConfig.js';
import type { DetectGapsConfig } from './operators/detectGaps.js';
import type { Key } from './operators/seenKeys.js';
import type { RejectReason } from './streams/events.js';

/** How a message came. */
export interface Arrival {
  /** The connection it came by. */
  readonly generation: number;
  /** When it came, or, if it had to wait, when its turn came; frames that were read together may share a time. Epoch ms. */
  readonly at: number;
}

/** One value on its way to the subscribers, with what its stream's rules say of it, each asked once. */
export interface Item extends Arrival {
  readonly value: unknown;
  readonly key: Key;
  readonly topic: string | undefined;
  readonly sourceTime: number | undefined;
  readonly sequence: number;
  readonly first: number;
  readonly previous: number | undefined;
  readonly isReset: boolean;
  /** It did not come by the connection, but was asked for. */
  readonly isRecovered: boolean;
  /** It is older than one before it, which its stream has told: a server is not asked to resume from it. */
  readonly isLate: boolean;
}

/** Told of a value that a rule threw on, or gave nothing usable for. */
type Refuse = (reason: RejectReason, cause: unknown) => void;

/** An item to be filled. */
export type Blank = { -readonly [Fact in keyof Item]: Item[Fact] };
export const blankItem = (isRecovered = false): Blank => ({
  value: undefined,
  generation: 0,
  at: 0,
  key: '',
  topic: undefined,
  sourceTime: undefined,
  sequence: 0,
  first: 0,
  previous: undefined,
  isReset: false,
  isRecovered,
  isLate: false,
});

/**
 * Asks a stream's rules about a value, and writes into an item what they say; of what it held before nothing is left. A rule that
 * throws, or gives no usable number, makes the value a rejected one: then it is refused, and what is in the item means nothing.
 */
export function fillItem(
  item: Blank,
  { key, topic, sequence, sourceTime }: StreamConfig<GenericSchema>,
  value: unknown,
  { generation, at }: Arrival,
  refuse: Refuse,
): boolean {
  let asking: RejectReason = 'key';
  try {
    item.value = value;
    item.generation = generation;
    item.at = at;
    item.isLate = false;
    item.key = key === undefined ? '' : identity(key(value));
    asking = 'topic';
    item.topic = topic === undefined ? undefined : text('topic', topic(value));
    asking = 'sourceTime';
    item.sourceTime = sourceTime === undefined ? undefined : time(sourceTime(value));
    asking = 'sequence';
    if (sequence === undefined) {
      item.sequence = item.first = 0;
      item.previous = undefined;
      item.isReset = false;
      return true;
    }
    item.sequence = whole('of', sequence.of(value));
    const link = sequence.previous?.(value);
    item.first = sequence.first === undefined ? item.sequence : whole('first', sequence.first(value));
    item.previous = link === undefined ? undefined : whole('previous', link);
    item.isReset = sequence.isReset?.(value) ?? false;
    return true;
  } catch (cause) {
    refuse(asking, cause);
    return false;
  }
}

/** A new item for a value; `undefined` if it is refused. */
export function describeItem(
  rules: StreamConfig<GenericSchema>,
  value: unknown,
  arrival: Arrival,
  refuse: Refuse,
  isRecovered = false,
): Item | undefined {
  const item = blankItem(isRecovered);
  return fillItem(item, rules, value, arrival, refuse) ? item : undefined;
}

/** A key that is no identity would make every value a duplicate of the first. */
function identity(key: unknown): Key {
  if (typeof key === 'string' || typeof key === 'bigint') return key;
  if (typeof key === 'number' && !Number.isNaN(key)) return key;
  throw new TypeError(`key must yield a string, a number or a bigint, got ${String(key)}`);
}

function text(rule: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`${rule} must yield a string, got ${String(value)}`);
}

/** What is no number at all could not be subtracted from, and the stream would end with that. */
function time(value: unknown): number | undefined {
  if (typeof value === 'number' || value === undefined) return value;
  throw new TypeError(`sourceTime must yield a number, got ${typeof value}`);
}

function whole(rule: string, number: unknown): number {
  if (Number.isSafeInteger(number)) return number as number;
  throw new RangeError(`sequence.${rule} must yield a safe integer, got ${String(number)}`);
}

type Rules = { -readonly [Rule in keyof DetectGapsConfig<Item>]: DetectGapsConfig<Item>[Rule] };
const firstOf = ({ first }: Item): number => first;
const previousOf = ({ previous }: Item): number | undefined => previous;
const isResetOf = ({ isReset }: Item): boolean => isReset;
const topicOf = ({ topic }: Item): string | undefined => topic;
const generationOf = ({ generation }: Item): number => generation;

/** A stream's sequence rules as `detectGaps` asks for them: set one by one, as what is spread is a dictionary to the engine. */
export function gapRules(
  { scope, first, previous, isReset, reorder, recovery }: SequenceConfig<unknown>,
  hasTopic: boolean,
): DetectGapsConfig<Item> {
  const shared = scope ?? (hasTopic ? 'topic' : 'stream');
  const rules: Rules = {};
  if (first) rules.first = firstOf;
  if (previous) rules.previous = previousOf;
  if (isReset) rules.isReset = isResetOf;
  if (reorder) rules.reorder = reorder;
  if (recovery) rules.recovery = recovery;
  if (shared === 'topic') rules.scope = topicOf;
  if (shared === 'connection') {
    // Connections follow each other: with the first value of the next, what the one before still held comes out.
    rules.scope = generationOf;
    rules.maxScopes = 1;
  }
  return rules;
}
