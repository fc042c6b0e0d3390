import type { Observable } from 'rxjs';
import type { AuthenticateConfig } from './authenticate.js';
import type { FeedEvent, TopicRef } from './events.js';
import type { FromSocketConfig } from './fromSocketConfig.js';
import type { HeartbeatConfig } from './heartbeat.js';
import type { Yielded } from './input.js';
import type { OutboxConfig, OutboxHooks } from './outbox.js';
import type { ReconnectConfig } from './policies.js';
import type { RotateConfig } from './rotation.js';
import type { OpenSession, Session } from './session.js';
import type { SessionTopics } from './subscriptions.js';
import type { Data } from './transport.js';

export interface ConnectionConfig
  extends
    Pick<FromSocketConfig, 'url' | 'protocols' | 'socket' | 'transport' | 'connectTimeoutMs'>,
    AuthenticateConfig {
  /** Runs on every connection once it is ready; its failure is told as `hookFailed` and ends nothing. A rotation waits for its end. */
  readonly onConnected?: (
    session: Session,
    info: { readonly generation: number; readonly isReconnect: boolean },
  ) => Yielded<unknown>;
  /** @default on, and off where the transport has no ping frames; given, it is on there too */
  readonly heartbeat?: HeartbeatConfig;
  readonly reconnect?: ReconnectConfig;
  readonly rotate?: RotateConfig;
  readonly outbox?: OutboxConfig;
  /** What the platform says of its network: `false` drops the connection, `true` ends the wait for the next dial, but none that a server asked for. @default nothing is said */
  readonly online$?: Observable<boolean>;
  /** A number in [0, 1), for the jitter; where it yields none, that is told as `hookFailed`, and the default draws. @default Math.random */
  readonly random?: () => number;
}

/** Called as methods. */
export interface ConnectionHooks {
  readonly tell: (event: FeedEvent) => void;
  /** Tells it once `first`, which others hear it by, has run, and before whatever comes of that: events are in order. */
  readonly tellAfter: (first: () => void, event: FeedEvent) => void;
  readonly encode: (message: unknown) => Data;
  readonly peek: (data: Data) => readonly unknown[] | undefined;
  /** Acts on a message that is held: what concerns a connection cannot wait. */
  readonly onHeld: (message: unknown, session: OpenSession) => boolean;
  /** Frames held at most until a session is in charge. */
  readonly maxHeld: number;
  /** Held frames that will never be delivered: there was no room, or their session ended before it took charge. */
  readonly onLost: (frames: number, session: OpenSession) => void;
  /** Messages that will never be sent. */
  readonly onUnsent: OutboxHooks['onLost'];
  /** Asks the server of a session for the wanted topics; `onRefused` is told instead of their subscribers until it takes charge. */
  readonly join: (
    session: OpenSession,
    onRefused?: (topic: TopicRef, error: unknown) => void,
  ) => SessionTopics | undefined;
  /** The positions reached in the topics are void. */
  readonly forgetPositions: () => void;
  /** The session may carry traffic, and is in charge from here on; runs before its first frame is delivered. */
  readonly onReady: (session: OpenSession) => void;
  /** A session has ended. */
  readonly onEnded: (session: OpenSession, error: unknown) => void;
  /** There is no connection any more, or a dial failed. */
  readonly onOver: () => void;
  /** Reading is paused on purpose: no verdict of silence. */
  readonly isPaused: () => boolean;
  /** Reading waits for its turn of the event loop, which no pause is told of: no verdict either. @default never */
  readonly isYielding?: () => boolean;
  readonly resumed$: Observable<unknown>;
}
