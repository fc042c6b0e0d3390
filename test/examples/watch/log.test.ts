import { map, toArray } from 'rxjs';
import type { ConnectionState, FeedEvent } from '../../../src/streams/events.js';
import { logLine, toLog } from '../../../examples/watch/log.js';
import { paint } from '../../../examples/watch/paint.js';
import { marbles } from '../../marbles.js';

const told = { generation: 1, at: 1_000 };
const duplicate = (topic: string): FeedEvent => ({ ...told, type: 'duplicate', stream: 'trade', topic });
const gap = (stream: string): FeedEvent => ({
  ...told,
  type: 'gap',
  stream,
  after: 1,
  before: 3,
  missing: 1,
});
const state = (name: ConnectionState): FeedEvent => ({
  ...told,
  type: 'state',
  status: { state: name, generation: 1, attempt: 0, since: 0 },
});
const disconnected: FeedEvent = {
  ...told,
  type: 'disconnected',
  error: 'x'.repeat(400),
  class: 'network',
  upMs: 0,
};

const events = {
  a: duplicate('BTC-USD'),
  b: duplicate('ETH-USD'),
  g: gap('trade'),
  h: gap('book'),
  p: { ...told, type: 'pong', latencyMs: 1 } as FeedEvent,
  c: state('CONNECTING'),
  d: state('CONNECTING'),
  o: state('CONNECTED'),
  x: disconnected,
};

const entries = {
  A: { at: 1_000, text: 'duplicate dropped: trade BTC-USD (and 2 alike)', tone: 'plain' },
  B: { at: 1_000, text: 'duplicate dropped: trade BTC-USD', tone: 'plain' },
  G: { at: 1_000, text: 'gap in trade: 1 missing between 1 and 3', tone: 'bad' },
  H: { at: 1_000, text: 'gap in book: 1 missing between 1 and 3', tone: 'bad' },
  C: { at: 1_000, text: 'state CONNECTING, generation 1', tone: 'plain' },
  X: { at: 1_000, text: `not connected: ${'x'.repeat(285)}`, tone: 'bad' },
};

describe('toLog', () => {
  it(
    'makes one entry of events of a kind within a quarter of a second, in order of their first',
    marbles(({ hot, expectObservable }) => {
      const source = hot<FeedEvent>('-abga 400ms a|', events);
      const expected = '             250ms (AG) 152ms (B|)';

      expectObservable(source.pipe(toLog())).toBe(expected, entries);
    }),
  );

  it(
    'keeps streams apart',
    marbles(({ hot, expectObservable }) => {
      const source = hot<FeedEvent>('gh 400ms |', events);
      const expected = '             250ms (GH) 148ms |';

      expectObservable(source.pipe(toLog())).toBe(expected, entries);
    }),
  );

  it(
    'keeps each event of the connection, however close together',
    marbles(({ hot, expectObservable }) => {
      const source = hot<FeedEvent>('cd|', events);
      const expected = '             --(CC|)';

      expectObservable(source.pipe(toLog())).toBe(expected, entries);
    }),
  );

  it(
    'tells of the states that no other event tells',
    marbles(({ hot, expectObservable }) => {
      const states = [
        'DISCONNECTED',
        'CONNECTING',
        'CONNECTED',
        'AUTHENTICATED',
        'RECONNECTING',
        'CLOSING',
        'CLOSED',
      ] as const;
      const [d, c, o, a, r, g, z] = states.map(state);
      const texts$ = hot<FeedEvent>('(dcoargz|)', { d: d!, c: c!, o: o!, a: a!, r: r!, g: g!, z: z! }).pipe(
        toLog(),
        map(({ text }) => text.split(' ')[1]!.replace(',', '')),
        toArray(),
      );
      expectObservable(texts$).toBe('(x|)', { x: ['CONNECTING', 'CLOSING', 'CLOSED'] });
    }),
  );

  it(
    'leaves out round trips, and states another event tells',
    marbles(({ hot, expectObservable }) => {
      const source = hot<FeedEvent>('po|', events);
      const expected = '             --|';

      expectObservable(source.pipe(toLog())).toBe(expected);
    }),
  );

  it(
    'cuts what a server made too long',
    marbles(({ hot, expectObservable }) => {
      const source = hot<FeedEvent>('x|', events);
      const expected = '             -(X|)';

      expectObservable(source.pipe(toLog())).toBe(expected, entries);
    }),
  );

  it(
    'leaves no timer behind when nobody listens any more',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot<FeedEvent>('a---------', events);
      const unsub = '                ----!     ';

      expectObservable(source.pipe(toLog()), unsub).toBe('-');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    }),
  );

  it(
    'passes an error on',
    marbles(({ hot, expectObservable }) => {
      expectObservable(hot<FeedEvent>('p-#', events).pipe(toLog())).toBe('--#');
    }),
  );
});

describe('logLine', () => {
  it('counts time from the start of the run', () => {
    const line = logLine({ at: 13_400, text: 'gap in trade', tone: 'bad' }, 1_000);
    expect(paint(line, { width: 80, colour: false })).toBe('00:12.4  gap in trade');
  });
});
