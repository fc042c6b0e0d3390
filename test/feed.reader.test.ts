import fc from 'fast-check';
import * as v from 'valibot';
import { createFeed, type FeedEvent } from 'millrace';
import { scriptedTransport } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { timer } from 'rxjs';

const Trade = v.object({ type: v.literal('trade'), symbol: v.string(), id: v.number() });
const Order = v.object({ type: v.string(), orderId: v.string(), isOpen: v.boolean() });

const letters = 'abcdefghijklmnopqrst'.split('');
const id = fc.integer({ min: 1, max: 9 });
const trade = fc
  .record({ symbol: fc.constantFrom('BTC', 'ETH', 'x"y'), id })
  .map((t) => ({ type: 'trade', ...t }));
/** As the reader expects it, nearly so, and not at all. */
const text = fc.oneof(
  trade.map((message) => JSON.stringify(message)),
  fc
    .record({ orderId: fc.string(), isOpen: fc.boolean() })
    .map((order) => JSON.stringify({ type: 'order', ...order })),
  trade.map(({ type, symbol, id: number }) => JSON.stringify({ id: number, type, symbol })),
  trade.map((message) => JSON.stringify(message, null, 1)),
  trade.map((message) => JSON.stringify({ ...message, more: 1 })),
  trade.map((message) => JSON.stringify({ ...message, id: '1' })),
  trade.map((message) => JSON.stringify({ ...message, type: 'ping' })),
  fc.constantFrom(
    '{"type":"trade","symbol":"BTC","id":01}',
    '{',
    '',
    'null',
    '{"type":"trade","symbol":"BTC","id":1}x',
  ),
);

/** Everything a feed says about some frames. */
const play = (texts: readonly string[], reader: boolean): { told: unknown[]; read: number | undefined } => {
  const told: unknown[] = [];
  let read: number | undefined;
  marbles(({ flush }) => {
    const frames = Object.fromEntries(texts.map((each, index) => [letters[index]!, each]));
    const feed = createFeed({
      url: 'ws://test',
      transport: scriptedTransport([`o${letters.slice(0, texts.length).join('')}`], frames),
      heartbeat: { isPong: (message) => (message as { type?: unknown } | null)?.type === 'ping' },
      streams: {
        trade: { schema: Trade, key: (t) => t.id, topic: (t) => t.symbol, sequence: { of: (t) => t.id } },
        order: { schema: Order },
      },
      reader,
    });
    feed.events$.subscribe((event: FeedEvent) => told.push(event));
    feed.stream('trade').subscribe((value) => told.push(['trade', value, Object.keys(value)]));
    feed.stream('order').subscribe((value) => told.push(['order', value]));
    timer(100).subscribe(() => void feed.close());
    flush();
    const { reader: stats, ...counts } = feed.stats();
    read = stats?.read;
    told.push(counts);
  })();
  return { told, read };
};

/** One that a reader knows; the first text is always looked at. */
const isKnown = (each: string): boolean => /^{"type":"trade","symbol":"(BTC|ETH)","id":\d}$/.test(each);

describe('a feed with a reader', () => {
  it('says the same as one without, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: letters.length }), (texts) => {
        const quick = play(texts, true);
        expect(quick.read).toBeGreaterThanOrEqual(isKnown(texts[0]!) ? 1 : 0);
        expect(quick.told).toStrictEqual(play(texts, false).told);
      }),
      { numRuns: 200 },
    );
  });

  it('says how often it was of use', () => {
    const { read } = play(
      ['{"type":"trade","symbol":"BTC","id":1}', '{ "type":"trade","symbol":"BTC","id":2}'],
      true,
    );

    expect(read).toBe(1);
    expect(play(['{}'], false).read).toBeUndefined();
  });
});
