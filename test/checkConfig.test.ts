import { createFeed, createSeenKeys, type FeedConfig, jsonCodec, routeByType, wsTransport } from 'millrace';
import { NEVER } from 'rxjs';
import * as v from 'valibot';
import { WebSocketServer } from 'ws';
import { checkConfig } from '../src/checkConfig.js';
import type { OnStale } from '../src/sinks/staleRemedy.js';

const schema = v.object({ id: v.number(), symbol: v.string() });
type Streams = { readonly trade: typeof schema };

type Full<T> = Required<NonNullable<T>>;
type Whole = Full<FeedConfig<Streams>>;

/** Every option there is, each with a right value, but `skim` and `reader`, which `unpack` rules out, and `sequence.first`, which `previous` does; the compiler sees to it that none is missing. */
const everything: Omit<Whole, 'skim' | 'reader'> & {
  readonly [K in 'heartbeat' | 'reconnect' | 'outbox' | 'subscriptions']: Full<Whole[K]>;
} & { readonly outbox: { readonly rate: Full<Whole['outbox']['rate']> } } = {
  url: 'wss://feed.test',
  protocols: ['v1'],
  socket: { headers: { 'x-key': 'secret' } },
  transport: wsTransport,
  connectTimeoutMs: 10_000,
  authenticate: () => undefined,
  authenticateTimeoutMs: 10_000,
  onConnected: () => undefined,
  heartbeat: {
    everyMs: 15_000,
    timeoutMs: 10_000,
    ping: 'frame',
    isPong: () => false,
    reply: () => undefined,
    latencyEveryMs: Infinity,
    off: false,
  },
  reconnect: {
    initialMs: 1_000,
    maxMs: 30_000,
    multiplier: 2,
    jitter: 'full',
    maxAttempts: Infinity,
    stableMs: 5_000,
    immediateFirst: false,
    classify: (_error, defaultClass) => defaultClass,
    policies: { network: { action: 'retry', maxFailures: 5, floorMs: 0, forgetPositions: false } },
  },
  outbox: {
    maxMessages: 10,
    rate: { max: 5, perMs: 1_000, marginMs: 50 },
    maxAgeMs: Infinity,
    maxBufferedBytes: 1_024,
  },
  random: () => 0.5,
  streams: {
    trade: {
      schema,
      key: (trade) => trade.id,
      dedupe: { maxKeys: 100, windowMs: 1_000 },
      topic: (trade) => trade.symbol,
      sequence: {
        of: (trade) => trade.id,
        previous: (trade) => trade.id - 1,
        scope: 'topic',
        isReset: () => false,
        reorder: { maxItems: 10, maxMs: 1_000 },
      },
      sourceTime: () => 0,
      replay: 1,
      expectedIntervalMs: 1_000,
      staleAfterMs: 5_000,
      allowSilence: false,
      lagWindowMs: 1_000,
      onStale: { action: 'reconnect', spreadMs: 0, initialMs: 1_000, maxMs: 90_000, maxPerHour: 1 },
      rejects: { maxShare: 0.1, minMessages: 5, perMs: 1_000 },
    },
  },
  codec: jsonCodec,
  unpack: (decoded) => [decoded],
  route: routeByType,
  isControl: () => false,
  subscriptions: {
    subscribe: () => 'sub',
    unsubscribe: () => 'unsub',
    ack: () => undefined,
    ackTimeoutMs: 10_000,
    batch: 100,
  },
  buffer: { maxItems: 10, overflow: 'conflate', key: (data) => data, sliceMs: 5, maxPauseMs: 1_000 },
  rejects: { maxShare: 0.1, minMessages: 5, perMs: 1_000 },
  lingerMs: 0,
  rotate: { everyMs: 86_400_000, when: () => false, timeoutMs: 60_000 },
  online$: NEVER,
};

type Bag = Readonly<Record<string, unknown>>;

/** A copy with one option changed, or taken out; `path` is as in the messages. */
const withOption = (config: Bag, path: string, value: unknown): Bag => {
  const [name = '', ...rest] = path.split('.');
  return {
    ...config,
    [name]: rest.length === 0 ? value : withOption(config[name] as Bag, rest.join('.'), value),
  };
};

const thrownBy = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return 'nothing was thrown';
};

const check = (config: Bag): unknown => checkConfig(config as unknown as FeedConfig<Streams>);

const timer = 'must be above 0 and at most 2147483647';
const count = 'must be a whole number above 0';
const linger = 'must be from 0 to 2147483647';
const keys = 'must be a whole number from 1 to 16777216';
const replay = 'must be a whole number, not negative';
const overflows = 'must be drop-oldest, drop-newest, conflate, error or pause';
const scopes = 'must be topic, stream or connection';
const unknownOption = (path: string, meant?: string): string =>
  `there is no option ${path}${meant === undefined ? '' : `; did you mean ${meant}?`}`;

/** An option, a wrong value for it, the rest of the message; what is out of range says so by its class. */
const wrong: readonly (readonly [path: string, value: unknown, message: string])[] = [
  ['socket', null, 'socket must be an object, got null'],
  ['socket', 'Bearer secret', 'socket must be an object, got string'],
  ['transport', null, 'transport must offer dial() and settled, got null'],
  ['transport', { dial: () => 1 }, 'transport must offer dial() and settled, got object'],
  ['transport', { dial: 1, settled: NEVER }, 'transport must offer dial() and settled, got object'],
  ['transport', WebSocketServer, 'transport must offer dial() and settled, got function'],
  ['connectTimeoutMs', '5', 'connectTimeoutMs must be a number, got string "5"'],
  ['connectTimeoutMs', null, 'connectTimeoutMs must be a number, got null'],
  ['authenticateTimeoutMs', '5', 'authenticateTimeoutMs must be a number, got string "5"'],
  ['authenticate', 'secret', 'authenticate must be a function, got string'],
  ['authenticate', null, 'authenticate must be a function, got null'],
  ['onConnected', {}, 'onConnected must be a function, got object'],
  ['heartbeat', null, 'heartbeat must be an object, got null'],
  ['heartbeat', false, 'heartbeat must be an object, got boolean'],
  ['heartbeat', 15_000, 'heartbeat must be an object, got number'],
  ['reconnect', null, 'reconnect must be an object, got null'],
  ['reconnect', true, 'reconnect must be an object, got boolean'],
  ['reconnect', [], 'reconnect must be an object, got array'],
  ['outbox', 1_000, 'outbox must be an object, got number'],
  ['outbox', null, 'outbox must be an object, got null'],
  ['subscriptions', null, 'subscriptions must be an object, got null'],
  ['subscriptions', () => 'sub', 'subscriptions must be an object, got function'],
  ['heartbeat.everyMs', '15s', 'heartbeat.everyMs must be a number, got string "15s"'],
  ['heartbeat.isPong', 'pong', 'heartbeat.isPong must be a function, got string'],
  ['heartbeat.off', 0, 'heartbeat.off must be true or false, got number'],
  ['reconnect.maxAttempts', '5', 'reconnect.maxAttempts must be a number, got string "5"'],
  ['reconnect.immediateFirst', 'yes', 'reconnect.immediateFirst must be true or false, got string'],
  ['reconnect.policies', [], 'reconnect.policies must be an object, got array'],
  ['outbox.maxMessages', '5', 'outbox.maxMessages must be a number, got string "5"'],
  ['outbox.maxAgeMs', '200', 'outbox.maxAgeMs must be a number, got string "200"'],
  ['outbox.maxBufferedBytes', '1024', 'outbox.maxBufferedBytes must be a number, got string "1024"'],
  ['outbox.rate', 5, 'outbox.rate must be an object, got number'],
  ['outbox.rate.max', '5', 'outbox.rate.max must be a number, got string "5"'],
  ['outbox.rate.perMs', '500', 'outbox.rate.perMs must be a number, got string "500"'],
  ['outbox.rate.marginMs', '50', 'outbox.rate.marginMs must be a number, got string "50"'],
  ['subscriptions.ack', true, 'subscriptions.ack must be a function, got boolean'],
  ['subscriptions.ackTimeoutMs', '500', 'subscriptions.ackTimeoutMs must be a number, got string "500"'],
  ['subscriptions.batch', '5', 'subscriptions.batch must be a number, got string "5"'],
  ['random', 0.5, 'random must be a function, got number'],
  ['unpack', 'data', 'unpack must be a function, got string'],
  ['route', 'type', 'route must be a function, got string'],
  ['route', null, 'route must be a function, got null'],
  ['isControl', /hello/, 'isControl must be a function, got object'],
  ['codec', null, 'codec must be an object, got null'],
  ['codec', 'json', 'codec must be an object, got string'],
  ['codec', {}, 'codec.decode must be a function, got undefined'],
  ['codec', { decode: JSON.parse }, 'codec.encode must be a function, got undefined'],
  ['codec', { decode: JSON.parse, encode: 'utf8' }, 'codec.encode must be a function, got string'],
  ['lingerMs', '5', 'lingerMs must be a number, got string "5"'],
  ['lingerMs', null, 'lingerMs must be a number, got null'],
  ['lingerMs', -1, `lingerMs ${linger}, got -1`],
  ['lingerMs', NaN, `lingerMs ${linger}, got NaN`],
  ['lingerMs', Infinity, `lingerMs ${linger}, got Infinity`],
  ['lingerMs', 2 ** 31, `lingerMs ${linger}, got 2147483648`],
  ['online$', true, 'online$ must be an Observable, got boolean'],
  ['online$', () => true, 'online$ must be an Observable, got function'],
  ['online$', null, 'online$ must be an Observable, got null'],

  ['buffer', null, 'buffer must be an object, got null'],
  ['buffer', 10_000, 'buffer must be an object, got number'],
  ['buffer.maxItems', 0, `buffer.maxItems ${count}, got 0`],
  ['buffer.maxItems', 1.5, `buffer.maxItems ${count}, got 1.5`],
  ['buffer.maxItems', Infinity, `buffer.maxItems ${count}, got Infinity`],
  ['buffer.maxItems', '10', 'buffer.maxItems must be a number, got string "10"'],
  ['buffer.overflow', 'spill', `buffer.overflow ${overflows}, got spill`],
  ['buffer.overflow', null, `buffer.overflow ${overflows}, got null`],
  ['buffer.key', 'id', 'buffer.key must be a function, got string'],
  ['buffer.key', undefined, "buffer.overflow is 'conflate', which needs buffer.key, got undefined"],
  ['buffer.sliceMs', 0, 'buffer.sliceMs must be above 0, got 0'],
  ['buffer.sliceMs', NaN, 'buffer.sliceMs must be above 0, got NaN'],
  ['buffer.sliceMs', '5', 'buffer.sliceMs must be a number, got string "5"'],
  ['buffer.maxPauseMs', 0, `buffer.maxPauseMs ${timer}, got 0`],
  ['buffer.maxPauseMs', 2 ** 31, `buffer.maxPauseMs ${timer}, got 2147483648`],
  ['buffer.maxPauseMs', '30', 'buffer.maxPauseMs must be a number, got string "30"'],

  ['rotate', null, 'rotate must be an object, got null'],
  ['rotate', 86_400_000, 'rotate must be an object, got number'],
  ['rotate.everyMs', 0, `rotate.everyMs ${timer}, got 0`],
  ['rotate.everyMs', 2 ** 31, `rotate.everyMs ${timer}, got 2147483648`],
  ['rotate.everyMs', Infinity, `rotate.everyMs ${timer}, got Infinity`],
  ['rotate.everyMs', '24h', 'rotate.everyMs must be a number, got string "24h"'],
  ['rotate.when', true, 'rotate.when must be a function, got boolean'],
  ['rotate.timeoutMs', -5, `rotate.timeoutMs ${timer}, got -5`],
  ['rotate.timeoutMs', NaN, `rotate.timeoutMs ${timer}, got NaN`],
  ['rotate.timeoutMs', null, 'rotate.timeoutMs must be a number, got null'],

  ['streams', undefined, 'streams must name at least one stream, got undefined'],
  ['streams', null, 'streams must name at least one stream, got null'],
  ['streams', [], 'streams must name at least one stream, got array'],
  ['streams', [{ schema }], 'streams must name at least one stream, got array'],
  ['streams', {}, 'streams must name at least one stream, got object'],
  ['streams', 'trade', 'streams must name at least one stream, got string'],
  ['streams', new Map([['trade', { schema }]]), 'streams must name at least one stream, got object'],
  ['streams', { '': { schema } }, 'streams must have names, got an empty one'],
  ['streams', { trade: null }, 'streams.trade must be an object, got null'],
  ['streams', { trade: undefined }, 'streams.trade must be an object, got undefined'],
  ['streams', { trade: 'any' }, 'streams.trade must be an object, got string'],
  ['streams', { trade: [schema] }, 'streams.trade must be an object, got array'],
  [
    'streams',
    { trade: { schema }, order: {} },
    'streams.order.schema must be a valibot schema, got undefined',
  ],
  ['streams', { trade: schema }, 'streams.trade.schema must be a valibot schema, got undefined'],
  ['streams.trade.schema', null, 'streams.trade.schema must be a valibot schema, got null'],
  ['streams.trade.schema', {}, 'streams.trade.schema must be a valibot schema, got object'],
  ['streams.trade.schema', () => schema, 'streams.trade.schema must be a valibot schema, got function'],
  [
    'streams.trade.schema',
    v.pipeAsync(v.string(), v.minLength(1)),
    'streams.trade.schema must be synchronous, got an async string',
  ],
  ['streams.trade.key', 'id', 'streams.trade.key must be a function, got string'],
  ['streams.trade.key', undefined, 'streams.trade.dedupe needs streams.trade.key, got undefined'],
  ['streams.trade.topic', 'symbol', 'streams.trade.topic must be a function, got string'],
  ['streams.trade.topic', undefined, "streams.trade.sequence.scope is 'topic', but the stream has no topic"],
  ['streams.trade.sourceTime', 'time', 'streams.trade.sourceTime must be a function, got string'],
  ['streams.trade.dedupe', true, 'streams.trade.dedupe must be an object, got boolean'],
  ['streams.trade.dedupe', null, 'streams.trade.dedupe must be an object, got null'],
  ['streams.trade.dedupe.maxKeys', 0, `streams.trade.dedupe.maxKeys ${keys}, got 0`],
  ['streams.trade.dedupe.maxKeys', 2 ** 24 + 1, `streams.trade.dedupe.maxKeys ${keys}, got 16777217`],
  ['streams.trade.dedupe.maxKeys', Infinity, `streams.trade.dedupe.maxKeys ${keys}, got Infinity`],
  ['streams.trade.dedupe.windowMs', -1, 'streams.trade.dedupe.windowMs must be above 0, got -1'],
  ['streams.trade.dedupe.windowMs', '1s', 'streams.trade.dedupe.windowMs must be a number, got string "1s"'],
  ['streams.trade.dedupe.memory', 5, 'streams.trade.dedupe.memory must be an object, got number'],
  ['streams.trade.dedupe.memory', {}, 'streams.trade.dedupe.memory.add must be a function, got undefined'],
  [
    'streams.trade.dedupe.memory',
    createSeenKeys(),
    'streams.trade.dedupe.memory has its own maxKeys and windowMs, which cannot be set beside it',
  ],
  ['streams.trade.replay', -1, `streams.trade.replay ${replay}, got -1`],
  ['streams.trade.replay', 0.5, `streams.trade.replay ${replay}, got 0.5`],
  ['streams.trade.replay', Infinity, `streams.trade.replay ${replay}, got Infinity`],
  ['streams.trade.replay', true, 'streams.trade.replay must be a number, got boolean'],
  ['streams.trade.staleAfterMs', 0, 'streams.trade.staleAfterMs must be above 0, got 0'],
  ['streams.trade.staleAfterMs', '5s', 'streams.trade.staleAfterMs must be a number, got string "5s"'],
  ['streams.trade.expectedIntervalMs', -1, 'streams.trade.expectedIntervalMs must be above 0, got -1'],
  ['streams.trade.expectedIntervalMs', null, 'streams.trade.expectedIntervalMs must be a number, got null'],
  ['streams.trade.allowSilence', 'yes', 'streams.trade.allowSilence must be true or false, got string'],
  ['streams.trade.allowSilence', 1, 'streams.trade.allowSilence must be true or false, got number'],
  ['streams.trade.sequence', null, 'streams.trade.sequence must be an object, got null'],
  ['streams.trade.sequence', () => 1, 'streams.trade.sequence must be an object, got function'],
  ['streams.trade.sequence.of', undefined, 'streams.trade.sequence.of must be a function, got undefined'],
  ['streams.trade.sequence.of', 'id', 'streams.trade.sequence.of must be a function, got string'],
  ['streams.trade.sequence.first', 'U', 'streams.trade.sequence.first must be a function, got string'],
  ['streams.trade.sequence.previous', 'pu', 'streams.trade.sequence.previous must be a function, got string'],
  ['streams.trade.sequence.isReset', true, 'streams.trade.sequence.isReset must be a function, got boolean'],
  ['streams.trade.sequence.scope', 'symbol', `streams.trade.sequence.scope ${scopes}, got symbol`],
  ['streams.trade.sequence.scope', null, `streams.trade.sequence.scope ${scopes}, got null`],
  ['streams.trade.sequence.reorder', true, 'streams.trade.sequence.reorder must be an object, got boolean'],
  [
    'streams.trade.sequence.reorder',
    {},
    'streams.trade.sequence.reorder.maxItems must be a number, got undefined',
  ],
  ['streams.trade.sequence.reorder.maxItems', 0, `streams.trade.sequence.reorder.maxItems ${count}, got 0`],
  [
    'streams.trade.sequence.reorder.maxItems',
    1.5,
    `streams.trade.sequence.reorder.maxItems ${count}, got 1.5`,
  ],
  ['streams.trade.sequence.reorder.maxMs', undefined, 'reorder.maxMs must be a number, got undefined'],
  ['streams.trade.sequence.reorder.maxMs', 0, `streams.trade.sequence.reorder.maxMs ${timer}, got 0`],
  [
    'streams.trade.sequence.reorder.maxMs',
    Infinity,
    `streams.trade.sequence.reorder.maxMs ${timer}, got Infinity`,
  ],

  ['streams.trade.lagWindowMs', 0, 'streams.trade.lagWindowMs must be above 0, got 0'],
  ['streams.trade.onStale', 'restart', 'streams.trade.onStale must be report, resubscribe or reconnect'],
  ['streams.trade.onStale', {}, 'streams.trade.onStale.action must be report, resubscribe or reconnect'],
  [
    'streams.trade.onStale.initialMs',
    0,
    'streams.trade.onStale.initialMs must be above 0 and at most 2147483647, got 0',
  ],
  [
    'streams.trade.onStale.spreadMs',
    -1,
    'streams.trade.onStale.spreadMs must be from 0 to 2147483647, got -1',
  ],
  [
    'streams.trade.onStale.maxPerHour',
    0.5,
    'streams.trade.onStale.maxPerHour must be a whole number above 0, got 0.5',
  ],
  [
    'streams.trade.onStale.maxMs',
    999,
    'streams.trade.onStale.maxMs must be at least initialMs (1000), got 999',
  ],
  ['streams.trade.rejects.maxShare', 2, 'streams.trade.rejects.maxShare must be from 0 to 1, got 2'],
  ['rejects.minMessages', 0, 'rejects.minMessages must be a whole number above 0, got 0'],
  ['rejects.perMs', 0.5, 'rejects.perMs must be from 1 to 2147483647, got 0.5'],

  ['heartbeet', {}, unknownOption('heartbeet', 'heartbeat')],
  ['reconect', {}, unknownOption('reconect', 'reconnect')],
  ['schema', schema, unknownOption('schema')],
  ['online', NEVER, unknownOption('online', 'online$')],
  ['apiKey', 'secret', unknownOption('apiKey')],
  ['urls', ['wss://a.test'], unknownOption('urls', 'url')],
  ['buffer.maxitems', 5, unknownOption('buffer.maxitems', 'buffer.maxItems')],
  ['rotate.every', 5, unknownOption('rotate.every', 'rotate.everyMs')],
  ['heartbeat.everyMS', 5, unknownOption('heartbeat.everyMS', 'heartbeat.everyMs')],
  ['reconnect.maxAttemps', 1, unknownOption('reconnect.maxAttemps', 'reconnect.maxAttempts')],
  ['reconnect.immediatefirst', true, unknownOption('reconnect.immediatefirst', 'reconnect.immediateFirst')],
  ['outbox.maxAge', 5, unknownOption('outbox.maxAge', 'outbox.maxAgeMs')],
  ['outbox.rate.margin', 5, unknownOption('outbox.rate.margin', 'outbox.rate.marginMs')],
  ['subscriptions.ackTimeout', 5, unknownOption('subscriptions.ackTimeout', 'subscriptions.ackTimeoutMs')],
  ['subscriptions.akc', () => undefined, unknownOption('subscriptions.akc')],
  [
    'streams.trade.stale_after_ms',
    5,
    unknownOption('streams.trade.stale_after_ms', 'streams.trade.staleAfterMs'),
  ],
  [
    'streams.trade.dedupe.maxKey',
    5,
    unknownOption('streams.trade.dedupe.maxKey', 'streams.trade.dedupe.maxKeys'),
  ],
  [
    'streams.trade.sequence.off',
    () => 1,
    unknownOption('streams.trade.sequence.off', 'streams.trade.sequence.of'),
  ],
  [
    'streams.trade.sequence.reorder.maxitems',
    5,
    unknownOption('streams.trade.sequence.reorder.maxitems', 'streams.trade.sequence.reorder.maxItems'),
  ],
];

/** The options inside which others are checked, and those options, by path. */
const pathsOf = (bag: Bag, path = ''): string[] =>
  Object.entries(bag).flatMap(([name, value]) => {
    const here = path === '' ? name : `${path}.${name}`;
    const isOpen = !/^(socket|transport|protocols|codec|online\$|reconnect\.policies)$|\.schema$/.test(here);
    return isOpen && typeof value === 'object' ? [here, ...pathsOf(value as Bag, here)] : [here];
  });
const paths = pathsOf(everything);
const needed = [
  'url',
  'streams',
  'streams.trade',
  'streams.trade.schema',
  'streams.trade.sequence.of',
  'subscriptions.subscribe',
  'subscriptions.unsubscribe',
];
const bounds = [
  'outbox.rate.max',
  'outbox.rate.perMs',
  'streams.trade.onStale.action',
  'streams.trade.sequence.reorder.maxItems',
  'streams.trade.sequence.reorder.maxMs',
];
/** Needed by another option of `everything`. */
const asked = [
  'authenticate',
  'streams.trade.key',
  'streams.trade.topic',
  'streams.trade.sourceTime',
  'buffer.key',
  'buffer.overflow',
];

describe('checkConfig', () => {
  it('takes every option there is, and gives the config back', () => {
    expect(checkConfig(everything)).toBe(everything);
    expect(() => createFeed(everything)).not.toThrow();
    expect(paths).toHaveLength(93);
  });

  it('takes a config with nothing but what is needed', () => {
    expect(() => check({ url: 'wss://feed.test', streams: { trade: { schema } } })).not.toThrow();
  });

  it.each(wrong)('BAK-06 refuses a wrong %s: %p', (path, value, message) => {
    const error = thrownBy(() => check(withOption(everything, path, value)));
    const isOutOfRange = typeof value === 'number' && message.endsWith(`, got ${value}`);

    expect(error).toMatchObject({
      name: isOutOfRange ? 'RangeError' : 'TypeError',
      message: expect.stringContaining(message) as string,
    });
    expect((error as Error).message).toMatch(/^createFeed: /);
  });

  it.each([null, undefined, 'wss://feed.test', [], 7])('refuses a config that is %p', (config) => {
    expect(thrownBy(() => checkConfig(config as unknown as FeedConfig<Streams>))).toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/^createFeed: config must be an object, got /) as string,
    });
  });

  it.each<readonly [path: string, value: unknown, message: string]>([
    ['url', 'ftp://feed.test', 'createFeed: url must be an absolute ws or wss URL without a fragment, got '],
    ['url', ['wss://feed.test', 7], 'createFeed: url[1] must be a string or a URL, got number'],
    ['protocols', ['a', 'a'], 'createFeed: protocols must not repeat one'],
    ['heartbeat.everyMs', 1.5, 'createFeed: heartbeat.everyMs must be a whole number, got 1.5'],
    ['heartbeat.ping', null, "createFeed: heartbeat.ping must be 'frame' or a function, got null"],
    [
      'reconnect.maxMs',
      999,
      'createFeed: reconnect.maxMs must be from initialMs (1000) to 2147483647, got 999',
    ],
    ['reconnect.jitter', null, 'createFeed: reconnect.jitter must be a function or one of full, equal, '],
    [
      'reconnect.policies.netwrok',
      {},
      'createFeed: reconnect.policies are for the classes network, normal, ',
    ],
    [
      'reconnect.policies.network',
      5,
      'createFeed: reconnect.policies.network must be a policy or a function, got 5',
    ],
    [
      'reconnect.policies.network.floorMS',
      5,
      'createFeed: reconnect.policies.network has no field floorMS, only ',
    ],
    [
      'reconnect.policies.network.floorMs',
      '5',
      'createFeed: reconnect.policies.network.floorMs must be at least 0, ',
    ],
    [
      'outbox.rate.max',
      undefined,
      'createFeed: outbox.rate.max must be a whole number above 0, got undefined',
    ],
    ['outbox.rate.marginMs', -1, 'createFeed: outbox.rate.marginMs must be from 0 to 2147483647, got -1'],
    ['outbox.maxAgeMs', NaN, 'createFeed: outbox.maxAgeMs must be above 0, got NaN'],
    [
      'subscriptions.subscribe',
      undefined,
      'createFeed: subscriptions.subscribe must be a function, got undefined',
    ],
    ['subscriptions.batch', 0, 'createFeed: subscriptions.batch must be a whole number above 0, got 0'],
    [
      'heartbeat.timeoutMs',
      0,
      'createFeed: heartbeat.timeoutMs must be above 0 and at most 2147483647, got 0',
    ],
    ['reconnect.stableMs', -1, 'createFeed: reconnect.stableMs must be a number of at least 0, got -1'],
    [
      'connectTimeoutMs',
      0,
      'createFeed: connectTimeoutMs must be above 0 and at most 2147483647, or Infinity, got 0',
    ],
    [
      'authenticateTimeoutMs',
      -1,
      'createFeed: authenticateTimeoutMs must be above 0 and at most 2147483647, got -1',
    ],
  ])('leaves a wrong %s to the part that takes it, and tells it by its path: %p', (path, value, message) => {
    const config = withOption(everything, path, value);

    expect(() => check(config)).not.toThrow();
    expect(() => createFeed(config as unknown as FeedConfig<Streams>)).toThrow(message);
  });

  it.each(paths.filter((path) => !['heartbeat.ping', 'reconnect.jitter'].includes(path)))(
    'null is no %s, and the feed says so',
    (path) => {
      const config = withOption(everything, path, null);
      const error = thrownBy(() => createFeed(config as unknown as FeedConfig<Streams>));

      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain(path);
    },
  );

  it.each(paths.filter((path) => ![...needed, ...bounds, ...asked].includes(path)))(
    'an undefined %s is an absent one',
    (path) => {
      const config = withOption(everything, path, undefined);

      expect(() => createFeed(config as unknown as FeedConfig<Streams>)).not.toThrow();
    },
  );

  it('an undefined option that it does not know is absent too', () => {
    expect(() => check({ ...everything, heartbeet: undefined })).not.toThrow();
  });

  it.each(paths.filter((path) => path.length > 2 && path !== 'streams.trade' && !path.endsWith('.of')))(
    'a misspelt %s is refused, with the right spelling',
    (path) => {
      const typo = `${path.slice(0, -1)}_X`;

      expect(thrownBy(() => check(withOption(everything as unknown as Bag, typo, 1)))).toMatchObject({
        name: 'TypeError',
        message: `createFeed: there is no option ${typo}; did you mean ${path}?`,
      });
    },
  );

  it('shows nothing that may be a secret', () => {
    const secrets: Bag[] = [
      { url: 'wss://user:secret@feed.test/#' },
      { url: ['wss://user:secret@feed.test/#'] },
      { protocols: 'se cret' },
      { socket: 'secret' },
      { socket: ['authorization: secret'] },
      { authenticate: 'secret' },
      { codec: 'secret' },
      { heartbeat: 'secret' },
      { token: 'secret' },
      { streams: { trade: { schema: 'secret' } } },
    ];
    for (const options of secrets) {
      const config = { ...everything, ...options } as unknown as FeedConfig<Streams>;
      const { message } = thrownBy(() => createFeed(config)) as Error;
      expect(message).toMatch(/must|no option/);
      expect(message).not.toMatch(/secret|se cret/);
    }
  });

  it.each(['resubscribe', { action: 'resubscribe' }] as const)(
    'refuses to resubscribe where nothing is subscribed: %p',
    (onStale) => {
      const streams = { trade: { schema, staleAfterMs: 5_000, onStale } };

      expect(() => createFeed({ url: 'wss://feed.test', streams })).toThrow(
        new TypeError(`createFeed: streams.trade.onStale is 'resubscribe', which needs subscriptions`),
      );
    },
  );

  it.each(['reconnect', { action: 'reconnect' }, () => 'reconnect' as const] as const)(
    'refuses a remedy for what never goes stale: %p',
    (onStale) => {
      const create = (limits: object) =>
        createFeed({ url: 'wss://feed.test', streams: { trade: { schema, onStale, ...limits } } });

      expect(() => create({})).toThrow(
        new TypeError(
          'createFeed: streams.trade.onStale needs streams.trade.staleAfterMs or expectedIntervalMs, got undefined',
        ),
      );
      expect(() => create({ expectedIntervalMs: 1_000 })).not.toThrow();
      expect(() => create({ onStale: 'report' })).not.toThrow();

      expect(() => create({ allowSilence: true, staleAfterMs: 50 })).toThrow(
        new TypeError(
          'createFeed: streams.trade.onStale cannot be set beside streams.trade.allowSilence: such a stream never goes stale',
        ),
      );
      expect(() => create({ allowSilence: false, staleAfterMs: 50 })).not.toThrow();
      expect(() => create({ allowSilence: true, onStale: { action: 'report' } })).not.toThrow();
    },
  );

  it.each([
    { staleAfterMs: Infinity },
    { expectedIntervalMs: Infinity },
    { staleAfterMs: Infinity, expectedIntervalMs: 1_000 },
  ])('refuses a remedy for a silence without an end: %p', (limits) => {
    const create = (onStale: OnStale) =>
      createFeed({ url: 'wss://feed.test', streams: { trade: { schema, onStale, ...limits } } });

    expect(() => create('reconnect')).toThrow(
      new RangeError(
        'createFeed: streams.trade.onStale needs a finite streams.trade.staleAfterMs or expectedIntervalMs, got Infinity',
      ),
    );
    expect(() => create(() => 'report')).toThrow(RangeError);
    expect(() => create('report')).not.toThrow();
  });

  it.each<readonly [path: string, partner: string, message: string]>([
    ['authenticateTimeoutMs', 'authenticate', 'needs authenticate, got undefined'],
    ['streams.trade.dedupe', 'streams.trade.key', 'needs streams.trade.key, got undefined'],
    [
      'streams.trade.lagWindowMs',
      'streams.trade.sourceTime',
      'needs streams.trade.sourceTime, got undefined',
    ],
    ['buffer.key', 'buffer.overflow', "needs buffer.overflow to be 'conflate', got drop-oldest"],
  ])('refuses %s, which does nothing without %s', (path, partner, message) => {
    expect(thrownBy(() => check(withOption(everything, partner, undefined)))).toStrictEqual(
      new TypeError(`createFeed: ${path} ${message}`),
    );
  });

  it('refuses a key of the buffer where nothing is conflated', () => {
    expect(() => check(withOption(everything, 'buffer.overflow', 'pause'))).toThrow(
      new TypeError("createFeed: buffer.key needs buffer.overflow to be 'conflate', got pause"),
    );
  });

  it('takes a first number beside previous, which takes its place: many a server sends both', () => {
    expect(() => check(withOption(everything, 'streams.trade.sequence.first', () => 1))).not.toThrow();
  });

  it('leaves what does something alone, though not all it could', () => {
    const { subscribe, unsubscribe } = everything.subscriptions;
    const mild: Bag = {
      url: 'wss://feed.test',
      streams: { trade: { schema, allowSilence: true, staleAfterMs: 5_000 } },
      // Bounds feed.pause(), and the hook `subscribe`; a heartbeat that is off for now keeps its figures; the limit is in the row of health.
      buffer: { maxPauseMs: 5_000 },
      subscriptions: { subscribe, unsubscribe, ackTimeoutMs: 5_000 },
      heartbeat: { off: true, everyMs: 1_000 },
    };

    expect(() => check(mild)).not.toThrow();
  });

  it('takes a skim only where a stream has a key, and no unpack is beside it', () => {
    const skim = { route: () => 'trade', key: () => 1 };
    const streams = { trade: { schema, key: () => 1 } };
    const create = (more: object) => createFeed({ url: 'wss://feed.test', streams, skim, ...more });

    expect(() => create({})).not.toThrow();
    expect(() => create({ unpack: (decoded: unknown) => [decoded] })).toThrow(
      new TypeError('createFeed: skim cannot be set beside unpack: a frame of many messages has no one key'),
    );
    expect(() => create({ skim: { route: () => 'trade' } })).toThrow('skim.key');
    expect(() => create({ streams: { trade: { schema } } })).toThrow(
      new TypeError('createFeed: skim needs a stream with a key, got none'),
    );
  });

  it('takes a reader neither beside unpack nor beside a codec', () => {
    const create = (more: object) =>
      createFeed({ url: 'wss://feed.test', streams: { trade: { schema } }, reader: true, ...more });

    expect(() => create({})).not.toThrow();
    expect(() => create({ unpack: (decoded: unknown) => [decoded] })).toThrow(
      new TypeError('createFeed: reader cannot be set beside unpack: it reads one message of JSON a frame'),
    );
    expect(() => create({ codec: jsonCodec })).toThrow('beside codec');
    expect(() => create({ unpack: (decoded: unknown) => [decoded], reader: false })).not.toThrow();
    expect(() => create({ reader: 'yes' })).toThrow('reader');
  });

  it('takes things of the user’s own that are more than what is asked of them', () => {
    const codec = { ...jsonCodec, name: 'json' };
    const transport = { ...wsTransport, name: 'mine' };
    class Settings {
      readonly url = 'wss://feed.test';
      readonly streams = { trade: { schema } };
      readonly environment = 'test';
    }

    expect(() => check({ ...everything, codec, transport })).not.toThrow();
    expect(() => checkConfig(new Settings())).not.toThrow();
  });

  it('is refused by the compiler where it can be', () => {
    const misspelt = { heartbeet: {} };

    expect(() =>
      // @ts-expect-error there is no such option
      createFeed({ url: 'wss://feed.test', streams: { trade: { schema } }, heartbeet: {} }),
    ).toThrow(TypeError);
    // A spread hides it from the compiler.
    expect(() => createFeed({ url: 'wss://feed.test', streams: { trade: { schema } }, ...misspelt })).toThrow(
      'did you mean heartbeat?',
    );
  });
});
