export {
  type Closable,
  closeOnSignals,
  type CloseOnSignalsConfig,
  type EndSignal,
  type SignalHost,
} from './closeOnSignals.js';
export { compressedCodec, type CompressedCodecConfig, InflatedTooLargeError } from './compressedCodec.js';
export { digits, type ExactNumber, exactNumber } from './exactNumber.js';
export { createFeed, type Feed } from './feed.js';
export { FeedClosedError } from './feedLife.js';
export {
  type Codec,
  type FeedBufferConfig,
  type FeedConfig,
  routeByType,
  type Schemas,
  type SequenceConfig,
  type StreamConfig,
  type StreamOf,
} from './feedConfig.js';
export { exactJsonCodec, type ExactJsonConfig, InvalidUtf8Error, jsonCodec } from './jsonCodec.js';

export { arbitrate, type Arbitration, type ArbitrationStats } from './operators/arbitrate.js';
export type {
  ArbitrateByKey,
  ArbitrateBySequence,
  ArbitrateConfig,
  Lateness,
  LineEnd,
  LineSequence,
  LineSource,
  NamedLine,
} from './operators/arbitrateConfig.js';
export {
  backoff,
  type BackoffConfig,
  type Jitter,
  type JitterContext,
  type JitterName,
  jitters,
} from './operators/backoff.js';
export {
  bufferBounded,
  type BufferBoundedConfig,
  BufferOverflowError,
  BufferPauseTimeoutError,
  type Overflow,
} from './operators/bufferBounded.js';
export {
  compileSchema,
  type CompiledSchema,
  type CompileSchemaConfig,
  misfit,
} from './operators/compileSchema.js';
export type { ReaderStats } from './operators/createReaders.js';
export { dedupeBy, type DedupeByConfig } from './operators/dedupeBy.js';
export { detectGaps, type DetectGapsConfig } from './operators/detectGaps.js';
export type { GapHooks } from './operators/gapWatch.js';
export type { Gap, SequenceRules } from './operators/sequence.js';
export type { LineStats } from './operators/lineTally.js';
export {
  type AbandonReason,
  type Recover,
  RecoveryAbandonedError,
  type RecoveryConfig,
  type RecoveryHooks,
} from './operators/recoverGaps.js';
export { parseAs, type ParseAsConfig } from './operators/parseAs.js';
export { rawNumber, rawText } from './operators/rawField.js';
export {
  MaxReconnectsExceededError,
  retryBackoff,
  type RetryBackoffConfig,
  type RetryDecision,
  type RetryFailure,
  type RetryPolicy,
} from './operators/retryBackoff.js';
export {
  createSeenKeys,
  type Key,
  type SeenKeys,
  type SeenKeysConfig,
  type SeenKeysStats,
} from './operators/seenKeys.js';
export type { Mistrust, SkimConfig } from './operators/skim.js';
export {
  type DropReason,
  SnapshotTimeoutError,
  type Synced,
  type SyncEvent,
  syncSnapshot,
  type SyncSnapshotConfig,
} from './operators/syncSnapshot.js';
export { SnapshotTooOldError } from './operators/syncTracks.js';
export {
  HeartbeatTimeoutError,
  timeoutHeartbeat,
  type TimeoutHeartbeatConfig,
} from './operators/timeoutHeartbeat.js';

export { createFanOut, type FanOut, type FanOutConfig } from './sinks/fanOut.js';
export {
  createHealthMonitor,
  type HealthChange,
  type HealthMonitor,
  type HealthMonitorConfig,
  type StreamHealth,
  type StreamHealthConfig,
  type StreamRecorder,
  type WatchedTopic,
} from './sinks/healthMonitor.js';
export {
  type Counts,
  createLedger,
  type FeedStats,
  isBalanced,
  type Ledger,
  type Outcome,
  type StreamLedger,
  type StreamStats,
} from './sinks/ledger.js';
export { toAsyncIterable, type ToAsyncIterableConfig } from './sinks/toAsyncIterable.js';

export {
  createStaleRemedy,
  type OnStale,
  type Remedy,
  type StaleAction,
  type StaleRemedy,
  type StaleRemedyConfig,
  type StaleRemedyHooks,
} from './sinks/staleRemedy.js';
export { createTripwire, type Poison, type Tripwire, type TripwireConfig } from './sinks/tripwire.js';

export type { HeartbeatConfig } from './streams/heartbeat.js';
export type {
  ConnectionState,
  ConnectionStatus,
  FeedEvent,
  MissingNumbers,
  Rejected,
  RejectReason,
  RetryEvent,
  TopicRef,
} from './streams/events.js';
export {
  AuthenticationError,
  classify,
  ConnectTimeoutError,
  type FailureClass,
  HandshakeError,
  HostPausedError,
  InvalidProtocolsError,
  InvalidUrlError,
  OfflineError,
  PauseTimeoutError,
  ProtocolError,
  ReconnectRequestedError,
  redactUrl,
  SocketClosedError,
} from './streams/failure.js';
export { type RotateConfig, RotationTimeoutError } from './streams/rotation.js';
export type { Farewell } from './streams/farewell.js';
export { fromSocket } from './streams/fromSocket.js';
export type { FromSocketConfig } from './streams/fromSocketConfig.js';
export type { Input, Yielded } from './streams/input.js';
export type { OpenSocket } from './streams/openSocket.js';
export type { OutboxConfig, SendResult } from './streams/outbox.js';
export type { RateConfig } from './streams/rateWindow.js';
export type { ReconnectConfig } from './streams/policies.js';
export type { PolicyClass, ReconnectPolicy } from './streams/reconnectPolicy.js';
export {
  type RequestConfig,
  RequestDisconnectedError,
  RequestRejectedError,
  RequestTimeoutError,
} from './streams/requests.js';
export type { Session } from './streams/session.js';
export {
  type Ack,
  SubscriptionRefusedError,
  type SubscriptionsConfig,
  type WantedTopic,
} from './streams/subscriptions.js';
export type { SocketOptions } from './streams/socketOptions.js';
export type { Data, DialRequest, Socket, SocketHandler, Transport } from './streams/transport.js';
export {
  DialFailedError,
  UnsupportedDialError,
  webSocketTransport,
  type WebSocketConstructor,
  type WebSocketLike,
  type WebSocketTransport,
} from './streams/webSocketTransport.js';
export { wsTransport } from './streams/wsTransport.js';
