import { createFeed, type FeedConfig, type FeedEvent, type Schemas } from 'millrace';
import { scriptedTransport } from 'millrace/testing';
import { timer } from 'rxjs';
import { ascendex } from '../../examples/venues/ascendex.js';
import { bybitV2 } from '../../examples/venues/bybitV2.js';
import { gateioV4 } from '../../examples/venues/gateioV4.js';
import { hitbtcV2 } from '../../examples/venues/hitbtcV2.js';
import { marbles } from '../marbles.js';

/*
 * Venues of which an example has only the books. How these are numbered, gapRules.test.ts tests; here is what is asked of them, and
 * how their answers are read.
 */

const lineOf = (event: FeedEvent): string[] => {
  switch (event.type) {
    case 'subscribed':
      return [`subscribed ${event.topic ?? 'all'}`];
    case 'subscriptionRefused':
      return [`refused ${event.topic ?? 'all'} ${JSON.stringify((event.error as Error).cause)}`];
    case 'rejected':
    case 'hookFailed':
      return [event.type];
    default:
      return [];
  }
};

/** What is sent to a server that says something after 1 ms, and what is told of it. */
const meeting =
  <S extends Schemas>(config: FeedConfig<S>) =>
  (says: unknown, topic?: string) => {
    const sent: unknown[] = [];
    const told: string[] = [];
    let unrouted = 0;
    marbles(({ flush }) => {
      const transport = scriptedTransport('oa', { a: says });
      const feed = createFeed<S>({ ...config, random: () => 0.5, transport });
      const [stream] = Object.keys(config.streams) as [keyof S & string];
      transport.sends$.subscribe((message) => sent.push(message));
      feed.events$.subscribe((event) => told.push(...lineOf(event)));
      feed.stream(stream, topic).subscribe({ error: () => undefined }); // what was refused is told, too
      timer(50).subscribe(() => void feed.close({ timeoutMs: 0 }));
      flush();
      unrouted = feed.stats().unrouted;
    })();
    return { sent, told, unrouted };
  };

const symbols = ['A', 'B'];
const asksGateio = (pair: string) => ({
  ...{ time: 0, id: 1, channel: 'spot.order_book_update', event: 'subscribe' },
  payload: [pair, '100ms'],
});
const answersGateio = (rest: object) => ({
  ...{ time: 0, id: 1, channel: 'spot.order_book_update', event: 'subscribe' },
  ...rest,
});

describe.each([
  {
    name: 'gateioV4',
    meet: meeting(gateioV4({ pairs: symbols })),
    asked: [asksGateio('A'), asksGateio('B')],
    yes: answersGateio({ error: null, result: { status: 'success' } }),
    no: answersGateio({ error: { code: 2 }, result: null }),
    cause: '{"code":2}',
  },
  {
    name: 'ascendex',
    meet: meeting(ascendex({ symbols })),
    asked: [
      { op: 'sub', ch: 'depth:A,B' },
      { op: 'req', action: 'depth-snapshot', args: { symbol: 'A' } },
      { op: 'req', action: 'depth-snapshot', args: { symbol: 'B' } },
    ],
    yes: { m: 'sub', ch: 'depth:A', code: 0 },
    no: { m: 'sub', ch: 'depth:A', code: 100 },
    cause: '100',
  },
  {
    name: 'hitbtcV2',
    meet: meeting(hitbtcV2({ symbols })),
    asked: symbols.map((symbol) => ({ method: 'subscribeOrderbook', params: { symbol }, id: 1 })),
    yes: { jsonrpc: '2.0', result: true, id: 1 },
    no: { jsonrpc: '2.0', error: { code: 2001 }, id: 1 },
    cause: '{"code":2001}',
  },
  {
    name: 'bybitV2',
    meet: meeting(bybitV2({ symbols })),
    asked: [{ op: 'subscribe', args: ['orderBookL2_25.A', 'orderBookL2_25.B'] }],
    yes: { success: true, ret_msg: '', request: { op: 'subscribe', args: ['orderBookL2_25.A'] } },
    no: { success: false, ret_msg: 'no', request: { op: 'subscribe', args: ['orderBookL2_25.A'] } },
    cause: '"no"',
  },
])('$name', ({ meet, asked, yes, no, cause }) => {
  it('asks for all of its symbols at once, and is confirmed', () => {
    expect(meet(yes)).toStrictEqual({ sent: asked, told: ['subscribed all'], unrouted: 0 });
  });

  it('asks for one symbol, and is confirmed or refused', () => {
    expect(meet(yes, 'A').told).toStrictEqual(['subscribed A']);
    expect(meet(no, 'A').told).toStrictEqual([`refused A ${cause}`]);
  });
});

describe('ascendex', () => {
  const meet = meeting(ascendex({ symbols }));

  it('answers the pings of the server', () => {
    const { sent, told, unrouted } = meet({ m: 'ping', hp: 3 }, 'A');

    expect(sent.at(-1)).toStrictEqual({ op: 'pong' });
    expect({ told, unrouted }).toStrictEqual({ told: [], unrouted: 0 });
  });

  it('takes the greeting of the server for no data', () => {
    expect(meet({ m: 'connected', type: 'unauth' }, 'A')).toMatchObject({ told: [], unrouted: 0 });
  });
});
