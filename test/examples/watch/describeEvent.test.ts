import type { FeedEvent, Rejected } from '../../../src/streams/events.js';
import { describeError, describeEvent, withoutSecrets } from '../../../examples/watch/describeEvent.js';

const told = { generation: 2, at: 1_000 };
const btc = { stream: 'trade', topic: 'BTC-USD' };
const closed = Object.assign(new Error('socket closed with 1006'), { code: 1006 });

const cases: readonly [FeedEvent, string][] = [
  [
    { ...told, type: 'state', status: { state: 'CONNECTING', generation: 2, attempt: 1, since: 1_000 } },
    'state CONNECTING, generation 2',
  ],
  [
    { ...told, type: 'connected', isReconnect: false, url: 'ws://a/', protocol: '', extensions: '' },
    'connected to ws://a/, generation 2',
  ],
  [
    { ...told, type: 'connected', isReconnect: true, url: 'ws://a/', protocol: '', extensions: '' },
    'reconnected to ws://a/, generation 2',
  ],
  [{ ...told, type: 'rotating' }, 'rotating: a new connection is on its way'],
  [{ ...told, type: 'rotated', from: 1 }, 'rotated: generation 2 took over from 1'],
  [
    { ...told, type: 'rotateFailed', error: closed, retryInMs: 1_500 },
    'rotation failed: socket closed with 1006; again in 1.5s',
  ],
  [
    { ...told, type: 'rotateFailed', error: closed },
    'rotation failed: socket closed with 1006; not tried again',
  ],
  [
    { ...told, type: 'disconnected', error: closed, class: 'network', upMs: 4_120 },
    'disconnected after 4.1s: socket closed with 1006 (network)',
  ],
  [
    { ...told, type: 'disconnected', error: closed, class: 'network', upMs: 0 },
    'not connected: socket closed with 1006 (network)',
  ],
  [
    {
      ...told,
      type: 'retry',
      error: closed,
      class: 'rateLimited',
      attempt: 3,
      classAttempt: 1,
      previousMs: 900,
      jitteredMs: 1_234.4,
      floorMs: 2_000,
      delayMs: 3_234.4,
    },
    'retry 3 in 3234 ms: rateLimited, jitter 1234 ms on a floor of 2000 ms',
  ],
  [{ ...told, type: 'gaveUp', error: new Error('enough') }, 'gave up: enough'],
  [{ ...told, type: 'pong', latencyMs: 12 }, 'pong after 12ms'],
  [
    { ...told, type: 'pongOverdue', waitedMs: 10_000 },
    'no pong for 10.0s: the server may hear nothing of what is sent',
  ],
  [{ ...told, type: 'hookFailed', hook: 'onConnected', error: 'no' }, 'hook onConnected failed: no'],
  [
    {
      ...told,
      type: 'rejected',
      rejected: { ...told, raw: '{', reason: 'decode', cause: new SyntaxError('Unexpected end') },
    },
    'rejected a message (decode): Unexpected end',
  ],
  [
    {
      ...told,
      type: 'rejected',
      rejected: {
        ...told,
        raw: '{}',
        stream: 'trade',
        reason: 'schema',
        issues: [{ message: 'Invalid key' } as never],
      },
    },
    'rejected a message of trade (schema): Invalid key',
  ],
  [
    { ...told, type: 'rejected', rejected: { ...told, raw: '{}', reason: 'route' } },
    'rejected a message (route): no detail',
  ],
  [{ ...told, ...btc, type: 'duplicate' }, 'duplicate dropped: trade BTC-USD'],
  [
    { ...told, ...btc, type: 'gap', after: 7, before: 10, missing: 2 },
    'gap in trade BTC-USD: 2 missing between 7 and 10',
  ],
  [{ ...told, stream: 'trade', type: 'late', sequence: 5, expected: 8 }, 'late in trade: 5, expected 8'],
  [
    { ...told, type: 'unrouted', route: undefined, raw: '{"channel":"trade"}', count: 4 },
    'unrouted: route gives no name; 4 messages so far',
  ],
  [
    { ...told, type: 'unrouted', route: 'trades', raw: '{"type":"trades"}', count: 1 },
    'unrouted: no stream is called trades; 1 message so far',
  ],
  [
    { ...told, type: 'overflow', of: 'buffer', policy: 'drop-oldest', count: 12 },
    'buffer overflow: 12 messages lost by drop-oldest',
  ],
  [{ ...told, type: 'paused' }, 'reading paused'],
  [{ ...told, type: 'resumed' }, 'reading resumed'],
  [{ ...told, ...btc, type: 'subscribing' }, 'subscribing trade BTC-USD'],
  [{ ...told, ...btc, type: 'subscribed' }, 'subscribed trade BTC-USD'],
  [{ ...told, stream: 'order', type: 'unsubscribed' }, 'unsubscribed order'],
  [{ ...told, ...btc, type: 'ackOverdue' }, 'no answer to subscribing trade BTC-USD'],
  [
    { ...told, ...btc, type: 'subscriptionRefused', error: new Error('unknown symbol') },
    'subscription refused, trade BTC-USD: unknown symbol',
  ],
  [
    { ...told, stream: 'ticker', type: 'unhealthy', silentMs: 2_000, since: 0 },
    'ticker went stale: silent for 2.0s',
  ],
  [
    { ...told, ...btc, type: 'recovered', silentMs: 4_200, since: 0 },
    'trade BTC-USD recovered after 4.2s of silence',
  ],
];

describe('describeEvent', () => {
  it.each(cases.map(([event, text]) => [text, event] as const))('says: %s', (text, event) => {
    expect(describeEvent(event)).toBe(text);
  });

  it('shows no userinfo, query or fragment of a URL, wherever it stands', () => {
    const error = new Error(
      'cannot reach wss://me:secret@feed.example.com/v1?token=secret#secret, giving up',
    );
    expect(describeEvent({ ...told, type: 'gaveUp', error })).toBe(
      'gave up: cannot reach wss://feed.example.com/v1 giving up',
    );
  });

  it('shows no secret of a URL in what a schema says of a message', () => {
    const issues = [{ message: 'Expected https://me:secret@feed.example.com/' } as never];
    const rejected: Rejected = { ...told, raw: '{}', stream: 'trade', reason: 'schema', issues };
    expect(describeEvent({ ...told, type: 'rejected', rejected })).toMatch(
      /Expected https:\/\/feed.example.com\/$/,
    );
  });

  it('shows the name of an event it has never heard of', () => {
    expect(describeEvent({ ...told, type: 'sung' } as never)).toBe('sung');
  });
});

describe('describeError', () => {
  it.each([
    [Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [new TypeError(''), 'TypeError'],
    [{}, 'unknown error'],
    [null, 'null'],
    [undefined, 'undefined'],
    ['refused', 'refused'],
  ])('finds words for %p', (error, text) => {
    expect(describeError(error)).toBe(text);
  });
});

describe('withoutSecrets', () => {
  it.each([
    ['wss://u:p@h:8080/a/b?c#d', 'wss://h:8080/a/b'],
    ['see "https://h/x?key=1" and ws://h?y', 'see "https://h/x" and ws://h/'],
    ['WSS://H/?Q', 'wss://h/'],
    ['wss://u:secret@:bad/', '(no WebSocket URL)'],
    ['no url here', 'no url here'],
  ])('turns %s into %s', (text, expected) => {
    expect(withoutSecrets(text)).toBe(expected);
  });
});
