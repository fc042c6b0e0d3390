import type { Observable } from 'rxjs';
import type { GenericSchema, InferOutput } from 'valibot';
import type { Overflow } from './operators/bufferBounded.js';
import type { Key, SeenKeys, SeenKeysConfig } from './operators/seenKeys.js';
import type { SkimConfig } from './operators/skim.js';
import type { Yielded } from './operators/fromYielded.js';
import type { RecoveryConfig } from './operators/recoverGaps.js';
import type { StreamHealthConfig } from './sinks/healthMonitor.js';
import type { OnStale } from './sinks/staleRemedy.js';
import type { TripwireConfig } from './sinks/tripwire.js';
import type { ConnectionConfig } from './streams/connection.js';
import type { MissingNumbers } from './streams/events.js';
import type { SubscriptionsConfig } from './streams/subscriptions.js';
import type { Data } from './streams/transport.js';

/** The schemas of a feed's streams, by name. */
export type Schemas = Readonly<Record<string, GenericSchema>>;

/** How a server numbers the values of a stream. */
export interface SequenceConfig<V> {
  /** The number a value ends at. */
  readonly of: (value: V) => number;
  /** The number it begins at, for values that span a range. @default of */
  readonly first?: (value: V) => number;
  /**
   * The number of the value before it, for servers that link instead of counting; it takes the place of `first`. One that repeats values
   * after a reconnect needs a `key` beside it, or looks like a numbering that stepped down.
   */
  readonly previous?: (value: V) => number | undefined;
  /** What shares one numbering. @default 'topic', or 'stream' without a `topic` */
  readonly scope?: 'topic' | 'stream' | 'connection';
  /** A value that begins a new numbering. */
  readonly isReset?: (value: V) => boolean;
  /** Holds values that come out of order until the hole is filled, up to these bounds. @default off */
  readonly reorder?: { readonly maxItems: number; readonly maxMs: number };
  /**
   * Asked for the messages that a hole lacks, once `reorder` has waited for it: an array of them, a Promise of one, or an
   * Observable of one or more pages; as they come out of `unpack`, in any order. They go through `schema` and the
   * rules of the stream, and are delivered before what came after them; more than was asked for does no harm. @default off
   */
  readonly recover?: (gap: MissingNumbers) => Yielded<readonly unknown[]>;
  readonly recovery?: RecoveryConfig;
}

/** One stream: what its messages are, and what keeps them apart, whole and fresh. */
export interface StreamConfig<S extends GenericSchema> extends StreamHealthConfig {
  /** A valibot schema; what does not fit is rejected, what comes out is the stream's value. */
  readonly schema: S;
  /**
   * Identity of a value in the whole stream, whatever its topic; one that was seen before is dropped as a duplicate. Where ids are
   * numbered per topic it must name the topic, as in `${symbol}-${id}`. @default no deduplication
   */
  readonly key?: (value: InferOutput<S>) => Key;
  /**
   * The bounds of the memory of keys; or a `memory` made by `createSeenKeys`, which brings its own: two feeds with the same one
   * deliver each value once between them. One that throws is told as `hookFailed`, and the key counts as new.
   */
  readonly dedupe?: SeenKeysConfig & { readonly memory?: SeenKeys };
  /** The topic of a value, for `stream(name, topic)`. */
  readonly topic?: (value: InferOutput<S>) => string;
  readonly sequence?: SequenceConfig<InferOutput<S>>;
  /** When the event happened at its source, epoch ms. */
  readonly sourceTime?: (value: InferOutput<S>) => number;
  /** The last values that a late subscriber gets first. @default 0 */
  readonly replay?: number;
  /**
   * What to do when the stream, or a topic of it, goes stale: nothing but tell, ask for it anew, or make a new connection,
   * each within limits. All but `'report'` needs a stream that can go stale: without `allowSilence`, and with a finite
   * `staleAfterMs` or `expectedIntervalMs`. @default 'report'
   */
  readonly onStale?: OnStale;
  /** When so many of its messages are rejected that it is told as `poisoned`. @default the feed's `rejects` */
  readonly rejects?: TripwireConfig;
}

/** Bytes to messages and back. */
export interface Codec {
  /** Synchronous: a promise makes the message a rejected one. */
  readonly decode: (data: Data) => unknown;
  readonly encode: (message: unknown) => Data;
}

/** What waits between the socket and the parser when frames come faster than they are worked off. */
export interface FeedBufferConfig {
  /** @default 10_000 */
  readonly maxItems?: number;
  /** @default 'drop-oldest' */
  readonly overflow?: Overflow;
  /** What `'conflate'` keeps the newest of, read from the raw frame; for that only. */
  readonly key?: (data: Data) => unknown;
  /** Milliseconds of uninterrupted work before the event loop gets a turn. @default 5 */
  readonly sliceMs?: number;
  /** Milliseconds that reading may stay stopped, by `'pause'` or by `feed.pause()`, before the feed reconnects. @default 30_000 */
  readonly maxPauseMs?: number;
}

/** Everything that `createFeed` can be told; only `url` and `streams` are needed. */
export interface FeedConfig<S extends Schemas> extends ConnectionConfig {
  /** The streams by name. A message is given to one of them by `route`. */
  readonly streams: { readonly [K in keyof S]: StreamConfig<S[K]> };
  /** @default JSON */
  readonly codec?: Codec;
  /** Takes a decoded frame apart that holds many messages; synchronous, as `codec.decode`. @default one message a frame */
  readonly unpack?: (decoded: unknown) => readonly unknown[];
  /**
   * The name of a message's stream; a name that is none of `streams`, or `undefined`, leaves it unrouted, which is told as `unrouted`. It is
   * synchronous: a promise makes the message a rejected one. The message must not be changed: it may be the very value that subscribers
   * get. @default message.type
   */
  readonly route?: (message: unknown) => string | undefined;
  /** Messages that are neither data nor errors (a hello, a notice): counted as `control`, and not told as `unrouted`. As `route` it is synchronous, and must not change them. */
  readonly isControl?: (message: unknown) => boolean;
  /** Asks the server for topics as they are subscribed. @default nothing is asked for */
  readonly subscriptions?: SubscriptionsConfig;
  readonly buffer?: FeedBufferConfig;
  /**
   * Reads stream and key from the raw frame: one whose message was delivered before is dropped unparsed, as long as many are
   * (redundant lines). It needs a stream with a `key`. Not with `unpack`. @default every frame is parsed
   */
  readonly skim?: SkimConfig;
  /**
   * Reads messages by code that is generated from the schemas, wherever a message is written as its schema says: every key, in
   * order, without spaces. Others take the usual way, and the values are the same. Only with the default `codec`, and without
   * `unpack`. @default false
   */
  readonly reader?: boolean;
  /**
   * When so many messages are rejected that it is told as `poisoned`: of each stream, and of what is rejected before it
   * gets to one. @default more than half of at least 20 in a minute
   */
  readonly rejects?: TripwireConfig;
  /** Milliseconds that the connection, and a topic, outlive their last subscriber. @default 0 */
  readonly lingerMs?: number;
}

/** The default route: the message's own `type`. */
export const routeByType = (message: unknown): string | undefined => {
  const type = (message as { readonly type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' ? type : undefined;
};

/** The values of a feed's streams. */
export type StreamOf<S extends Schemas, K extends keyof S> = Observable<InferOutput<S[K]>>;
