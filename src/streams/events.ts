import type { BaseIssue } from 'valibot';
import type { Mistrust } from '../operators/skim.js';
import type { FailureClass } from './failure.js';
import type { Data } from './transport.js';

/**
 * `DISCONNECTED → CONNECTING → CONNECTED → AUTHENTICATED`; from any of the last three `→ RECONNECTING → CONNECTING`,
 * and `→ CLOSING → CLOSED`, or `→ DISCONNECTED` when the last subscriber has left. Without an `authenticate` hook CONNECTED is the
 * ready state. Who comes while a server has asked to wait begins with RECONNECTING. CLOSING is a feed that delivers and sends what waits, and takes nothing more.
 */
export type ConnectionState =
  'DISCONNECTED' | 'CONNECTING' | 'CONNECTED' | 'AUTHENTICATED' | 'RECONNECTING' | 'CLOSING' | 'CLOSED';

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** Counts the dials; 0 before the first. */
  readonly generation: number;
  /**
   * In CONNECTING and RECONNECTING, and in a CLOSED that nobody asked for: failures in a row since a connection last stayed up for
   * `stableMs`. Else 0, though on a connection that falls before that the row goes on.
   */
  readonly attempt: number;
  /** When this state began, epoch ms. */
  readonly since: number;
  /** In RECONNECTING: the delay before the next dial, ms from `since`. */
  readonly retryInMs?: number;
  /** In RECONNECTING, and in a CLOSED that nobody asked for: why. */
  readonly cause?: unknown;
  /** The last round trip of a heartbeat on this connection, ms; absent from `pongOverdue` until the next. */
  readonly latencyMs?: number;
}

/** Why a message could not be used. */
export type RejectReason = 'decode' | 'route' | 'schema' | 'key' | 'topic' | 'sequence' | 'sourceTime';

/** A message that could not be used. */
export interface Rejected {
  readonly generation: number;
  /** When it was rejected, epoch ms. */
  readonly at: number;
  /** The frame it came in, as received. */
  readonly raw: Data;
  /** The stream it was routed to; absent if it did not get that far. */
  readonly stream?: string;
  readonly reason: RejectReason;
  /** What valibot said, for the reason `schema`. */
  readonly issues?: readonly BaseIssue<unknown>[];
  /** What the codec or the callback threw, for the other reasons. */
  readonly cause?: unknown;
}

interface Told {
  /** The connection it belongs to. */
  readonly generation: number;
  /** Epoch ms. */
  readonly at: number;
}

/** A topic of a stream, as a subscriber named it; `topic` is absent for the whole stream. */
export interface TopicRef {
  readonly stream: string;
  readonly topic?: string;
}

/** Every input of one decision about a lost connection: with the same `random` a run can be reproduced exactly. */
export interface RetryEvent extends Told {
  readonly type: 'retry';
  readonly error: unknown;
  readonly class: FailureClass;
  /** Failures in a row, this one included. */
  readonly attempt: number;
  /** Failures of this class since a connection was last stable, this one included. */
  readonly classAttempt: number;
  /** The jittered part of the delay before this one, ms; 0 at the first. */
  readonly previousMs: number;
  /** The jittered part of this delay, ms. */
  readonly jitteredMs: number;
  /** What the delay must not fall below, ms: the server's `Retry-After`, or the policy's own floor; 0 if another URL may be dialled. */
  readonly floorMs: number;
  /** What was decided: `floorMs + jitteredMs`, at most the 2^31 - 1 ms (24.8 days) a timer can wait. */
  readonly delayMs: number;
}

/** A hole in the numbering of a stream: `after + 1 … before - 1`; `topic` is that of the value behind it. */
export interface MissingNumbers extends TopicRef {
  readonly after: number;
  readonly before: number;
  /** How many numbers that are; 0 where values are linked and a link points to nothing known. */
  readonly missing: number;
}

/** Everything a feed tells about itself, in order. */
export type FeedEvent =
  | (Told & { readonly type: 'state'; readonly status: ConnectionStatus })
  /** Ready for traffic: comes before the first value of the connection. */
  | (Told & {
      readonly type: 'connected';
      readonly isReconnect: boolean;
      /** Without userinfo and query. */
      readonly url: string;
      readonly protocol: string;
      readonly extensions: string;
    })
  /** An open connection, or a dial, ended. */
  | (Told & {
      readonly type: 'disconnected';
      readonly error: unknown;
      readonly class: FailureClass;
      /** How long it was ready for traffic, ms; 0 of a dial or a login that failed. */
      readonly upMs: number;
    })
  | RetryEvent
  /** No policy allows another dial, or the buffer overflowed where that is an error. */
  | (Told & { readonly type: 'gaveUp'; readonly error: unknown })
  /**
   * A new connection is made beside this one. Told once, however many dials that takes: of each that fails, `rotateFailed` tells when
   * the next one is.
   */
  | (Told & { readonly type: 'rotating' })
  /** It took over from the connection `from`; its `generation` is that of this event. */
  | (Told & { readonly type: 'rotated'; readonly from: number })
  /** It could not be made; another dial is tried after `retryInMs`, or none if that is absent. The old connection stays. */
  | (Told & { readonly type: 'rotateFailed'; readonly error: unknown; readonly retryInMs?: number })
  /** A ping was answered. */
  | (Told & { readonly type: 'pong'; readonly latencyMs: number })
  /**
   * A ping that left `waitedMs` ago, the heartbeat's `timeoutMs` at least, is not answered, where one was before on this
   * connection: the server may not hear it any more, though data goes on coming. The connection stays; told once until a pong comes.
   */
  | (Told & { readonly type: 'pongOverdue'; readonly waitedMs: number })
  /** A hook threw or rejected where that must not end the connection. */
  | (Told & { readonly type: 'hookFailed'; readonly hook: string; readonly error: unknown })
  /** What `skim` read from a raw frame is not what its message says: from here on every frame is parsed. */
  | (Told & Mistrust & { readonly type: 'skimMistrusted' })
  | (Told & { readonly type: 'rejected'; readonly rejected: Rejected })
  | (Told & { readonly type: 'duplicate'; readonly stream: string; readonly topic?: string })
  /** Numbers `after + 1 … before - 1` are missing, and nothing waits for them any more: comes before the value behind them. */
  | (Told & MissingNumbers & { readonly type: 'gap' })
  /** The stream's `recover` is asked about a hole: values behind it are held until it is over. */
  | (Told & MissingNumbers & { readonly type: 'gapRecovering' })
  /** It was answered, and `count` recovered values delivered; what is still missing was told by `gap`. */
  | (Told & MissingNumbers & { readonly type: 'gapRecovered'; readonly count: number })
  /** It threw, errored, took too long or was given up; what is still missing is told by the `gap` that follows. */
  | (Told & MissingNumbers & { readonly type: 'gapRecoveryFailed'; readonly error: unknown })
  /** A value with an older number than one already seen; it is delivered all the same. */
  | (Told & {
      readonly type: 'late';
      readonly stream: string;
      readonly topic?: string;
      readonly sequence: number;
      readonly expected: number;
    })
  /**
   * A message belongs to no stream, nor is it control: the `count`th since a connection was last lost; told at the 1st, 2nd, 4th, 8th … of
   * them. Of some servers that is to be expected, so it is a notice, and no verdict.
   */
  | (Told & {
      readonly type: 'unrouted';
      /** What `route` said of it: a name that no stream has, or `undefined`. */
      readonly route: unknown;
      /** The frame it came in, as received. */
      readonly raw: Data;
      readonly count: number;
    })
  /**
   * A bound was reached: `count` entries were lost to it since a connection was last lost; told at the 1st, 2nd, 4th, 8th … of them. With
   * the policy `closed` it was an end that lost them: of the `buffer`, what still waited when the feed was cut off by the deadline of
   * `close()`, or when its last subscriber had left, told once and whole.
   */
  | (Told & {
      readonly type: 'overflow';
      readonly of: 'buffer' | 'outbox' | 'authentication' | 'rotation' | 'sequences';
      readonly policy: string;
      readonly count: number;
    })
  /** Reading the socket was stopped, or taken up again; the end of the feed's run ends a pause, too. */
  | (Told & { readonly type: 'paused' | 'resumed' })
  | (Told & TopicRef & { readonly type: 'subscribing' | 'subscribed' | 'unsubscribed' | 'ackOverdue' })
  | (Told & TopicRef & { readonly type: 'subscriptionRefused'; readonly error: unknown })
  | (Told &
      TopicRef & {
        readonly type: 'unhealthy' | 'recovered';
        readonly silentMs: number;
        readonly since: number;
      })
  /** Something is done about a stream that went stale, as its `onStale` says. */
  | (Told &
      TopicRef & {
        readonly type: 'remedy';
        readonly action: 'resubscribe' | 'reconnect';
        /** Attempts in a row, this one included. */
        readonly attempt: number;
        /** If it does not help: milliseconds until the next. */
        readonly nextInMs: number;
      })
  /** Too many messages are rejected, of a stream, or, without one, before they get to any; or no longer. */
  | (Told & {
      readonly type: 'poisoned' | 'cured';
      readonly stream?: string;
      readonly rejects: number;
      /** The messages they are among. */
      readonly of: number;
      /** How long those took to arrive, ms. */
      readonly inMs: number;
    });
