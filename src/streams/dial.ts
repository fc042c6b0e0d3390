import type { Observable } from 'rxjs';
import type { ConnectionConfig, ConnectionHooks } from './connectionConfig.js';
import type { DialSessionConfig } from './dialSession.js';
import type { Endpoints } from './endpoints.js';
import type { ConnectionState } from './events.js';
import type { Farewell } from './farewell.js';
import type { HeartbeatConfig } from './heartbeat.js';
import type { LiveDials } from './liveDials.js';
import type { LiveSockets } from './liveSockets.js';
import type { Outbox } from './outbox.js';
import type { OpenSession } from './session.js';
import type { Data, Socket, Transport } from './transport.js';

/** The connection, as its dials see it. */
export interface DialHost {
  readonly config: ConnectionConfig;
  readonly hooks: ConnectionHooks;
  readonly transport: Transport;
  readonly heartbeat: HeartbeatConfig;
  readonly outbox: Outbox;
  readonly endpoints: Endpoints;
  readonly live: LiveSockets;
  readonly liveDials: LiveDials;
  /** Emits when the last frames of a session that has retired were waited for long enough. */
  drained$(): Observable<unknown>;
  /** Emits when the answer to a goodbye was waited for long enough. */
  parted$(): Observable<unknown>;
  /** How to leave the socket now. */
  farewell(): Farewell;
  setState(state: ConnectionState): void;
  pong(session: OpenSession, by: 'frame' | 'message'): void;
  pongOverdue(session: OpenSession, waitedMs: number): void;
  onHookFailed(hook: string, error: unknown, generation: number): void;
  /** A frame of a session found no room. */
  makeRoom(session: OpenSession): void;
  onEnd(session: OpenSession, error: unknown): void;
  /** Its socket is one of those that a pause stops. */
  isRead(session: OpenSession): boolean;
}

/** What one dial of a connection is made with. A class, since each connection keeps one: as an object with closures it took five times the memory. */
export class Dial implements DialSessionConfig {
  readonly url: DialSessionConfig['url'];
  readonly transport: Transport;
  // Absent where the user says nothing.
  declare readonly protocols?: Exclude<DialSessionConfig['protocols'], undefined>;
  declare readonly socket?: Exclude<DialSessionConfig['socket'], undefined>;
  declare readonly connectTimeoutMs?: number;
  declare readonly authenticate?: Exclude<DialSessionConfig['authenticate'], undefined>;
  declare readonly authenticateTimeoutMs?: number;

  constructor(
    private readonly connection: DialHost,
    readonly generation: number,
    private readonly isFirst: boolean,
  ) {
    const { url, protocols, socket, connectTimeoutMs, authenticate, authenticateTimeoutMs } =
      connection.config;
    this.url = url;
    this.transport = connection.transport;
    if (protocols !== undefined) this.protocols = protocols;
    if (socket !== undefined) this.socket = socket;
    if (connectTimeoutMs !== undefined) this.connectTimeoutMs = connectTimeoutMs;
    if (authenticate !== undefined) this.authenticate = authenticate;
    if (authenticateTimeoutMs !== undefined) this.authenticateTimeoutMs = authenticateTimeoutMs;
  }

  get heartbeat(): HeartbeatConfig {
    return this.connection.heartbeat;
  }

  get outbox(): Outbox {
    return this.connection.outbox;
  }

  get maxHeld(): number {
    return this.connection.hooks.maxHeld;
  }

  get dials(): LiveDials {
    return this.connection.liveDials;
  }

  get drained$(): Observable<unknown> {
    return this.connection.drained$();
  }

  get parted$(): Observable<unknown> {
    return this.connection.parted$();
  }

  choose(urls: readonly string[]): string {
    return this.connection.endpoints.choose(urls);
  }

  farewell(): Farewell {
    return this.connection.farewell();
  }

  encode(message: unknown): Data {
    return this.connection.hooks.encode(message);
  }

  peek(data: Data): readonly unknown[] | undefined {
    return this.connection.hooks.peek(data);
  }

  onHeld(message: unknown, session: OpenSession): boolean {
    return this.connection.hooks.onHeld(message, session);
  }

  onLost(frames: number, session: OpenSession): void {
    this.connection.hooks.onLost(frames, session);
  }

  onDial(socket: Socket): void {
    this.connection.live.add(this.generation, socket);
  }

  onGone(): void {
    this.connection.live.delete(this.generation);
  }

  onOpen(): void {
    // Without a login it is told of who takes charge.
    if (this.isFirst && this.authenticate !== undefined) this.connection.setState('CONNECTED');
  }

  onPong(session: OpenSession): void {
    this.connection.pong(session, 'frame');
  }

  onPongOverdue(session: OpenSession, waitedMs: number): void {
    this.connection.pongOverdue(session, waitedMs);
  }

  onHookFailed(hook: string, error: unknown): void {
    this.connection.onHookFailed(hook, error, this.generation);
  }

  onNoRoom(session: OpenSession): void {
    this.connection.makeRoom(session);
  }

  onEnd(session: OpenSession, error: unknown): void {
    this.connection.onEnd(session, error);
  }

  isPaused(session: OpenSession): boolean {
    return this.connection.isRead(session) && this.connection.hooks.isPaused();
  }

  isYielding(session: OpenSession): boolean {
    return this.connection.isRead(session) && this.connection.hooks.isYielding?.() === true;
  }
}
