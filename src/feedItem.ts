import type { GenericSchema } from 'valibot';
import type { SequenceConfig, StreamConfig } from './feedConfig.js';
import type { DetectGapsConfig } from './operators/detectGaps.js';
import type { Key } from './operators/seenKeys.js';
import type { RejectReason } from './streams/events.js';

/** How a message came. */
export interface Arrival {
  /** The connection it came by. */
  readonly generation: number;
  /** When its turn came, epoch ms. */
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
}

/** Asks a stream's rules about a value. A rule that throws, or gives no usable number, makes it a rejected message. */
export function describeItem(
  { key, topic, sequence, sourceTime }: StreamConfig<GenericSchema>,
  value: unknown,
  { generation, at }: Arrival,
  refuse: (reason: RejectReason, cause: unknown) => void,
  isRecovered = false,
): Item | undefined {
  let asking: RejectReason = 'key';
  try {
    const itemKey = key === undefined ? '' : identity(key(value));
    asking = 'topic';
    const itemTopic = topic === undefined ? undefined : text('topic', topic(value));
    asking = 'sourceTime';
    const itemTime = time(sourceTime?.(value));
    asking = 'sequence';
    const last = sequence === undefined ? 0 : whole('of', sequence.of(value));
    const link = sequence?.previous?.(value);
    return {
      value,
      generation,
      at,
      key: itemKey,
      topic: itemTopic,
      sourceTime: itemTime,
      sequence: last,
      first: sequence?.first === undefined ? last : whole('first', sequence.first(value)),
      previous: link === undefined ? undefined : whole('previous', link),
      isReset: sequence?.isReset?.(value) ?? false,
      isRecovered,
    };
  } catch (cause) {
    refuse(asking, cause);
    return undefined;
  }
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

/** A stream's sequence rules as `detectGaps` asks for them. */
export function gapRules(
  { scope, first, previous, isReset, reorder, recovery }: SequenceConfig<unknown>,
  hasTopic: boolean,
): DetectGapsConfig<Item> {
  const shared = scope ?? (hasTopic ? 'topic' : 'stream');
  return {
    ...(first && { first: (item) => item.first }),
    ...(previous && { previous: (item) => item.previous }),
    ...(isReset && { isReset: (item) => item.isReset }),
    ...(reorder && { reorder }),
    ...(recovery && { recovery }),
    ...(shared === 'topic' && { scope: (item) => item.topic }),
    // Connections follow each other: with the first value of the next, what the one before still held comes out.
    ...(shared === 'connection' && { scope: (item) => item.generation, maxScopes: 1 }),
  };
}
