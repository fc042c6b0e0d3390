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
import type { RotateConfig } from './streams/rotation.js';
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
  if ((value as { readonly kind?: unknown } | null | undefined)?.kind !== 'schema')
    throw new TypeError(`createFeed: ${path} must be a valibot schema, got ${kindOf(value)}`);
};

const aTransport: Rule = (value, path) => {
  const { dial, settled } = (value ?? {}) as { readonly dial?: unknown; readonly settled?: unknown };
  if (typeof dial !== 'function' || !isObservable(settled)) {
    throw new TypeError(`createFeed: ${path} must offer dial() and settled, got ${kindOf(value)}`);
  }
};

/** Not an object of options but a thing of the user's own, which may have more to it. */
const aCodec: Rule = (value, path) => {
  anObject(value, path);
  const { decode, encode } = value as Codec;
  aFunction(decode, `${path}.decode`);
  aFunction(encode, `${path}.encode`);
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
  },
  ['of'],
);

const aStream = options<StreamConfig<GenericSchema>>(
  {
    schema: aSchema,
    key: aFunction,
    dedupe: options<NonNullable<StreamConfig<GenericSchema>['dedupe']>>({
      maxKeys: aNumber(
        `a whole number from 1 to ${2 ** 24}`,
        (value) => isWhole(value) && value > 0 && value <= 2 ** 24,
      ),
      windowMs: aboveZero,
    }),
    topic: aFunction,
    sequence: aSequence,
    sourceTime: aFunction,
    replay: aNumber('a whole number, not negative', (value) => isWhole(value) && value >= 0),
    expectedIntervalMs: aboveZero,
    staleAfterMs: aboveZero,
    allowSilence: aBoolean,
  },
  ['schema'],
);

const aStreamOfItsKind: Rule = (value, path) => {
  aStream(value, path);
  const { key, dedupe, topic, sequence } = value as StreamConfig<GenericSchema>;
  if (dedupe !== undefined && key === undefined) {
    throw new TypeError(`createFeed: ${path}.dedupe needs ${path}.key, got undefined`);
  }
  if (sequence?.scope === 'topic' && topic === undefined) {
    throw new TypeError(`createFeed: ${path}.sequence.scope is 'topic', but the stream has no topic`);
  }
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
  const { overflow, key } = value as FeedBufferConfig;
  if (overflow === 'conflate' && key === undefined) {
    throw new TypeError(`createFeed: ${path}.overflow is 'conflate', which needs ${path}.key, got undefined`);
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
    heartbeat: anObject,
    reconnect: anObject,
    outbox: anObject,
    random: aFunction,
    streams: theStreams,
    codec: aCodec,
    unpack: aFunction,
    route: aFunction,
    isControl: aFunction,
    subscriptions: anObject,
    buffer: aBufferOfItsKind,
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
);

/**
 * Checks what no part of the pipeline checks for itself; the parts check their own options as they are created.
 *
 * @throws {TypeError | RangeError} Naming the option and the value, or the kind of value where it might be a secret.
 */
export function checkConfig<S extends Schemas>(config: FeedConfig<S>): FeedConfig<S> {
  aConfig(config, '');
  const { buffer, transport = wsTransport } = config;
  if (buffer?.overflow === 'pause' && transport.can?.pause === false) {
    throw new TypeError(`createFeed: buffer.overflow must not be 'pause': the transport cannot stop reading`);
  }
  return config;
}
