import {
  arbitrate,
  backoff,
  bufferBounded,
  closeOnSignals,
  compileSchema,
  compressedCodec,
  createFanOut,
  createFeed,
  createHealthMonitor,
  createSeenKeys,
  dedupeBy,
  detectGaps,
  exactJsonCodec,
  fromSocket,
  jsonCodec,
  parseAs,
  retryBackoff,
  syncSnapshot,
  timeoutHeartbeat,
  toAsyncIterable,
} from 'millrace';
import { NEVER } from 'rxjs';
import * as v from 'valibot';
import { type OptionNames, refuseUnknown } from '../../src/operators/refuseUnknown.js';

const names: OptionNames<{ size?: number; color?: string }> = { size: true, color: true };

describe('refuseUnknown', () => {
  it.each([
    {},
    { size: 1, color: 'red' },
    { weight: undefined },
    new (class {
      weight = 1;
    })(),
  ])('has nothing against %j', (options) => {
    expect(() => refuseUnknown('box', options, names)).not.toThrow();
  });

  it.each<[object, string | undefined, string]>([
    [{ Size: 1 }, undefined, 'box: there is no option Size; did you mean size?'],
    [{ weight: 1 }, undefined, 'box: there is no option weight'],
    [{ toString: 1 }, undefined, 'box: there is no option toString'],
    [
      Object.assign(Object.create(null) as object, { sise: 1 }),
      'lid',
      'box: there is no option lid.sise; did you mean lid.size?',
    ],
  ])('refuses %j at %s', (options, path, message) => {
    expect(() => refuseUnknown('box', options, names, path)).toThrow(new TypeError(message));
  });

  it('asks the compiler for every name', () => {
    // @ts-expect-error -- color is missing
    const half: OptionNames<{ size?: number; color?: string }> = { size: true };

    expect(() => refuseUnknown('box', { color: 'red' }, half)).toThrow(TypeError);
  });
});

type Bag = Readonly<Record<string, unknown>>;

const self = (value: number): number => value;
const never = (): boolean => false;
const schema = v.number();
const synced = { key: self, snapshot: self, covers: never, joins: never, follows: never };
const url = 'ws://feed.test';
const feed = createFeed({ url, streams: { trade: { schema } } });

/** Each part as it is made, but for one option more. */
const parts: Readonly<Record<string, (options: Bag) => unknown>> = {
  arbitrate: (options) => arbitrate([NEVER], { key: self, ...options }),
  backoff: (options) => backoff(options),
  bufferBounded: (options) => bufferBounded(1, options),
  close: (options) => feed.close(options),
  closeOnSignals: (options) => closeOnSignals(feed, options).unsubscribe(),
  compileSchema: (options) => compileSchema(schema, options),
  compressedCodec: (options) => compressedCodec(jsonCodec, { inflate: (data) => data, ...options }),
  createFanOut: (options) => createFanOut(options),
  createHealthMonitor: (options) => createHealthMonitor({ streams: {}, autoStart: false, ...options }).stop(),
  createSeenKeys: (options) => createSeenKeys(options),
  dedupeBy: (options) => dedupeBy(self, options),
  detectGaps: (options) => detectGaps(self, options),
  exactJsonCodec: (options) => exactJsonCodec(options),
  fromSocket: (options) => fromSocket({ url, ...options }),
  parseAs: (options) => parseAs(schema, options),
  request: (options) => feed.request('q', { match: never, ...options }),
  retryBackoff: (options) => retryBackoff(options),
  syncSnapshot: (options) => syncSnapshot({ ...synced, ...options }),
  timeoutHeartbeat: (options) => timeoutHeartbeat(options),
  toAsyncIterable: (options) => toAsyncIterable(NEVER, options),
};

describe('the parts of the library refuse a misspelt option', () => {
  it.each<[part: string, right: string, value: unknown]>([
    ['arbitrate', 'windowMs', 5],
    ['backoff', 'maxMs', 5_000],
    ['bufferBounded', 'concurrency', 2],
    ['close', 'timeoutMs', 5],
    ['closeOnSignals', 'signals', ['SIGINT']],
    ['closeOnSignals', 'timeoutMs', 5],
    ['compileSchema', 'isOwn', true],
    ['compressedCodec', 'maxBytes', 5],
    ['createFanOut', 'lingerMs', 5],
    ['createHealthMonitor', 'livenessMs', 5],
    ['createSeenKeys', 'maxKeys', 5],
    ['dedupeBy', 'onDuplicate', self],
    ['detectGaps', 'maxScopes', 5],
    ['exactJsonCodec', 'number', self],
    ['fromSocket', 'protocols', 'v1'],
    ['parseAs', 'onReject', self],
    ['request', 'timeoutMs', 5],
    ['retryBackoff', 'maxAttempts', 5],
    ['retryBackoff', 'multiplier', 5],
    ['syncSnapshot', 'maxHeld', 5],
    ['timeoutHeartbeat', 'everyMs', 5],
    ['toAsyncIterable', 'maxItems', 5],
  ])('%s, of %s', (part, right, value) => {
    const make = parts[part]!;

    expect(() => make({ [right]: value })).not.toThrow();
    expect(() => make({ [`${right}_`]: value })).toThrow(
      new TypeError(`${part}: there is no option ${right}_; did you mean ${right}?`),
    );
  });

  it.each<[part: string, options: Bag, message: string]>([
    [
      'detectGaps',
      { reorder: { maxItems: 1, maxMs: 5, maxms: 5 } },
      'reorder.maxms; did you mean reorder.maxMs?',
    ],
    ['detectGaps', { recovery: { maxheld: 5 } }, 'recovery.maxheld; did you mean recovery.maxHeld?'],
    ['syncSnapshot', { retry: { maxms: 5 } }, 'retry.maxms; did you mean retry.maxMs?'],
    [
      'arbitrate',
      { key: undefined, sequence: { of: self, maxscopes: 5 } },
      'sequence.maxscopes; did you mean sequence.maxScopes?',
    ],
  ])('%s, at its place in %j', (part, options, message) => {
    expect(() => parts[part]!(options)).toThrow(new TypeError(`${part}: there is no option ${message}`));
  });

  it.each<[string, () => unknown]>([
    ['dedupeBy: key', () => dedupeBy(undefined as never)],
    ['detectGaps: of', () => detectGaps(undefined as never)],
    ['bufferBounded: project', () => bufferBounded(1, { project: null as never })],
    ['arbitrate: key', () => arbitrate([NEVER], { key: null as never })],
    ['arbitrate: sequence.of', () => arbitrate([NEVER], { sequence: {} as never })],
  ])('and what is no function: %s', (option, make) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`${option} must be a function, got `);
  });
});
