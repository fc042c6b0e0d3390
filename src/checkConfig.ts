import { isObservable } from 'rxjs';
import type { GenericSchema } from 'valibot';
import type {
  Codec,
  FeedBufferConfig,
  FeedConfig,
  Schemas,
  SequenceConfig,
  StreamConfig,
} from './feedConfig.js';
import { maxTimerMs } from './operators/backoff.js';
import type { SeenKeys, SeenKeysConfig } from './operators/seenKeys.js';
import type { SkimConfig } from './operators/skim.js';
import type { StaleRemedyConfig } from './sinks/staleRemedy.js';
import type { TripwireConfig } from './sinks/tripwire.js';
import type { HeartbeatConfig } from './streams/heartbeat.js';
import type { OutboxConfig } from './streams/outbox.js';
import type { ReconnectConfig } from './streams/policies.js';
import type { RateConfig } from './streams/rateWindow.js';
import type { RotateConfig } from './streams/rotation.js';
import type { SubscriptionsConfig } from './streams/subscriptions.js';
import { wsTransport } from './streams/wsTransport.js';
import {
  aBoolean,
  aFunction,
  aNumber,
  anObject,
  anObservable,
  elsewhere,
  kindOf,
  oneOf,
  options,
  type Rule,
} from './optionRules.js';

const isWhole = Number.isInteger;
const isTimer = (ms: number): boolean => ms > 0 && ms <= maxTimerMs;

const aboveZero = aNumber('above 0', (value) => value > 0);
const aCount = aNumber('a whole number above 0', (value) => isWhole(value) && value > 0);
const aTimer = aNumber(`above 0 and at most ${maxTimerMs}`, isTimer);
/** The part that takes it checks the range. */
const someNumber = aNumber('a number', () => true);

const aSchema: Rule = (value, path) => {
  const { kind, type, async } = (value ?? {}) as { readonly [name: string]: unknown };
  if (kind !== 'schema')
    throw new TypeError(`createFeed: ${path} must be a valibot schema, got ${kindOf(value)}`);
  if (async === true)
    throw new TypeError(`createFeed: ${path} must be synchronous, got an async ${String(type)}`);
};

const aTransport: Rule = (value, path) => {
  const { dial, settled } = (value ?? {}) as { readonly dial?: unknown; readonly settled?: unknown };
  if (typeof dial !== 'function' || !isObservable(settled)) {
    throw new TypeError(`createFeed: ${path} must offer dial() and settled, got ${kindOf(value)}`);
  }
};

/** The bounds belong to the memory, where there is one. */
const aDedupe: Rule = (value, path) => {
  options<NonNullable<StreamConfig<GenericSchema>['dedupe']>>({
    maxKeys: aNumber(
      `a whole number from 1 to ${2 ** 24}`,
      (count) => isWhole(count) && count > 0 && count <= 2 ** 24,
    ),
    windowMs: aboveZero,
    memory: aMemory,
  })(value, path);
  const { memory, maxKeys, windowMs } = value as SeenKeysConfig & { readonly memory?: SeenKeys };
  if (memory !== undefined && (maxKeys ?? windowMs) !== undefined) {
    throw new TypeError(
      `createFeed: ${path}.memory has its own maxKeys and windowMs, which cannot be set beside it`,
    );
  }
};

/** Not an object of options but a thing of the user's own, which may have more to it. */
const aCodec: Rule = (value, path) => {
  anObject(value, path);
  const { decode, encode } = value as Codec;
  aFunction(decode, `${path}.decode`);
  aFunction(encode, `${path}.encode`);
};

const aMemory: Rule = (value, path) => {
  anObject(value, path);
  const memory = value as Readonly<Record<string, unknown>>;
  aFunction(memory['add'], `${path}.add`);
  aFunction(memory['has'], `${path}.has`);
  aFunction(memory['stats'], `${path}.stats`);
};

const aSequence = options<SequenceConfig<unknown>>(
  {
    of: aFunction,
    first: aFunction,
    previous: aFunction,
    scope: oneOf('topic', 'stream', 'connection'),
    isReset: aFunction,
    reorder: options<NonNullable<SequenceConfig<unknown>['reorder']>>({ maxItems: aCount, maxMs: aTimer }, [
      'maxItems',
      'maxMs',
    ]),
    recover: aFunction,
    recovery: options<NonNullable<SequenceConfig<unknown>['recovery']>>({
      timeoutMs: aTimer,
      maxHeld: aCount,
      maxWaitMs: aTimer,
      maxConcurrent: aCount,
    }),
  },
  ['of'],
  { recovery: 'recover' },
);

const anAction = oneOf('report', 'resubscribe', 'reconnect');
const anActionOrFunction: Rule = (value, path) => {
  if (typeof value !== 'function') anAction(value, path);
};
const aRemedy = options<StaleRemedyConfig>(
  {
    action: anActionOrFunction,
    spreadMs: aNumber(`from 0 to ${maxTimerMs}`, (value) => value >= 0 && value <= maxTimerMs),
    initialMs: aTimer,
    maxMs: aTimer,
    maxPerHour: aCount,
  },
  ['action'],
);
const anOnStale: Rule = (value, path) => {
  if (typeof value !== 'object' || value === null) {
    anActionOrFunction(value, path);
    return;
  }
  aRemedy(value, path);
  const { initialMs = 60_000, maxMs = 3_600_000 } = value as StaleRemedyConfig;
  if (initialMs > maxMs) {
    throw new RangeError(`createFeed: ${path}.maxMs must be at least initialMs (${initialMs}), got ${maxMs}`);
  }
};

const aTripwire = options<TripwireConfig>({
  maxShare: aNumber('from 0 to 1', (value) => value >= 0 && value <= 1),
  minMessages: aCount,
  perMs: aNumber(`from 1 to ${maxTimerMs}`, (value) => value >= 1 && value <= maxTimerMs),
});

const aStream = options<StreamConfig<GenericSchema>>(
  {
    schema: aSchema,
    key: aFunction,
    dedupe: aDedupe,
    topic: aFunction,
    sequence: aSequence,
    sourceTime: aFunction,
    replay: aNumber('a whole number, not negative', (value) => isWhole(value) && value >= 0),
    expectedIntervalMs: aboveZero,
    staleAfterMs: aboveZero,
    allowSilence: aBoolean,
    lagWindowMs: aboveZero,
    onStale: anOnStale,
    rejects: aTripwire,
  },
  ['schema'],
  { dedupe: 'key', lagWindowMs: 'sourceTime' },
);

/** What never goes stale is never remedied. */
const aRemedyThatIsDue: Rule = (value, path) => {
  const { onStale, expectedIntervalMs, staleAfterMs, allowSilence } = value as StreamConfig<GenericSchema>;
  const action = typeof onStale === 'object' ? onStale.action : onStale;
  if ((action ?? 'report') === 'report') return;
  if (allowSilence === true) {
    throw new TypeError(
      `createFeed: ${path}.onStale cannot be set beside ${path}.allowSilence: such a stream never goes stale`,
    );
  }
  const limits = `${path}.staleAfterMs or expectedIntervalMs`;
  const limitMs = staleAfterMs ?? expectedIntervalMs;
  if (limitMs === undefined) {
    throw new TypeError(`createFeed: ${path}.onStale needs ${limits}, got undefined`);
  }
  if (limitMs === Infinity) {
    throw new RangeError(`createFeed: ${path}.onStale needs a finite ${limits}, got Infinity`);
  }
};

const aStreamOfItsKind: Rule = (value, path) => {
  aStream(value, path);
  const { topic, sequence } = value as StreamConfig<GenericSchema>;
  if (sequence?.scope === 'topic' && topic === undefined) {
    throw new TypeError(`createFeed: ${path}.sequence.scope is 'topic', but the stream has no topic`);
  }
  aRemedyThatIsDue(value, path);
};

const theStreams: Rule = (value, path) => {
  const streams = kindOf(value) === 'object' ? Object.entries(value as object) : [];
  if (streams.length === 0) {
    throw new TypeError(`createFeed: ${path} must name at least one stream, got ${kindOf(value)}`);
  }
  for (const [name, stream] of streams) {
    if (name === '') throw new TypeError(`createFeed: ${path} must have names, got an empty one`);
    aStreamOfItsKind(stream, `${path}.${name}`);
  }
};

const aBuffer = options<FeedBufferConfig>({
  maxItems: aCount,
  overflow: oneOf('drop-oldest', 'drop-newest', 'conflate', 'error', 'pause'),
  key: aFunction,
  sliceMs: aboveZero,
  maxPauseMs: aTimer,
});

const aBufferOfItsKind: Rule = (value, path) => {
  aBuffer(value, path);
  const { overflow = 'drop-oldest', key } = value as FeedBufferConfig;
  if (overflow === 'conflate' && key === undefined) {
    throw new TypeError(`createFeed: ${path}.overflow is 'conflate', which needs ${path}.key, got undefined`);
  }
  if (overflow !== 'conflate' && key !== undefined) {
    throw new TypeError(`createFeed: ${path}.key needs ${path}.overflow to be 'conflate', got ${overflow}`);
  }
};

const aConfig = options<FeedConfig<Schemas>>(
  {
    url: elsewhere,
    protocols: elsewhere,
    socket: anObject,
    transport: aTransport,
    connectTimeoutMs: someNumber,
    authenticate: aFunction,
    authenticateTimeoutMs: someNumber,
    onConnected: aFunction,
    heartbeat: options<HeartbeatConfig>({
      everyMs: someNumber,
      timeoutMs: someNumber,
      ping: elsewhere,
      isPong: aFunction,
      reply: aFunction,
      latencyEveryMs: someNumber,
      off: aBoolean,
    }),
    reconnect: options<ReconnectConfig>({
      initialMs: someNumber,
      maxMs: someNumber,
      multiplier: someNumber,
      jitter: elsewhere,
      maxAttempts: someNumber,
      stableMs: someNumber,
      immediateFirst: aBoolean,
      classify: aFunction,
      policies: anObject,
    }),
    outbox: options<OutboxConfig>({
      maxMessages: someNumber,
      rate: options<RateConfig>({ max: someNumber, perMs: someNumber, marginMs: someNumber }),
      maxAgeMs: someNumber,
      maxBufferedBytes: someNumber,
    }),
    random: aFunction,
    streams: theStreams,
    codec: aCodec,
    unpack: aFunction,
    route: aFunction,
    isControl: aFunction,
    subscriptions: options<SubscriptionsConfig>({
      subscribe: aFunction,
      unsubscribe: aFunction,
      ack: aFunction,
      ackTimeoutMs: someNumber,
      batch: someNumber,
    }),
    rejects: aTripwire,
    buffer: aBufferOfItsKind,
    skim: options<SkimConfig>({ route: aFunction, key: aFunction }, ['route', 'key']),
    reader: aBoolean,
    lingerMs: aNumber(`from 0 to ${maxTimerMs}`, (value) => value >= 0 && value <= maxTimerMs),
    rotate: options<RotateConfig>({
      everyMs: aTimer,
      when: aFunction,
      timeoutMs: aTimer,
      drainMs: aTimer,
    }),
    online$: anObservable,
  },
  ['streams'],
  { authenticateTimeoutMs: 'authenticate' },
);

/**
 * Checks the names and kinds of options, and what no part of the pipeline checks for itself; the rest (most ranges, `policies`)
 * the parts check as they are created, see byOptionPath.ts. What is for `ws` is not ours to check.
 *
 * @throws {TypeError | RangeError} Naming the option and the value, or the kind of value where it might be a secret.
 */
export function checkConfig<S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> {
  aConfig(config, '');
  const { buffer, skim, reader, codec, unpack, streams, subscriptions, transport = wsTransport } = config;
  if (reader === true && (codec !== undefined || unpack !== undefined)) {
    const other = codec === undefined ? 'unpack' : 'codec';
    throw new TypeError(
      `createFeed: reader cannot be set beside ${other}: it reads one message of JSON a frame`,
    );
  }
  if (skim !== undefined && unpack !== undefined) {
    throw new TypeError(
      'createFeed: skim cannot be set beside unpack: a frame of many messages has no one key',
    );
  }
  const definitions = Object.entries(streams) as [string, StreamConfig<GenericSchema>][];
  if (skim !== undefined && definitions.every(([, { key }]) => key === undefined)) {
    throw new TypeError('createFeed: skim needs a stream with a key, got none');
  }
  if (buffer?.overflow === 'pause' && transport.can?.pause === false) {
    throw new TypeError(`createFeed: buffer.overflow must not be 'pause': the transport cannot stop reading`);
  }
  for (const [name, { onStale }] of definitions) {
    const action = typeof onStale === 'object' ? onStale.action : onStale;
    if (action === 'resubscribe' && subscriptions === undefined) {
      throw new TypeError(`createFeed: streams.${name}.onStale is 'resubscribe', which needs subscriptions`);
    }
  }
  return config;
}
