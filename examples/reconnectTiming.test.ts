/**
 * How a consumer tests reconnect timing: above, the server, one marble string an attempt; below, what the feed does. A
 * column is one virtual millisecond, and blanks are only there to align: the time of an attempt starts at its dial.
 */
import { map, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import * as v from 'valibot';
import { createFeed } from 'millrace';
import { closes, refuses, scriptedTransport } from 'millrace/testing';

const Trade = v.object({ type: v.literal('trade'), id: v.number() });

const frames = {
  a: { type: 'trade', id: 1 },
  b: { type: 'trade', id: 2 },
  c: { type: 'trade', id: 3 },
  x: closes(1012, 'restart'),
  r: refuses(502),
};

it('dials again after 6 ms, then after 12 ms, and delivers each trade once', () => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toStrictEqual(expected));
  scheduler.run(({ expectObservable }) => {
    // prettier-ignore
    const attempts = [
                   '-o-a-b-x',                           // opens, sends two trades, closes for a restart
                   '             -r',                    // answers HTTP 502
                   '                          -o-(bc)',  // opens, sends the last trade again and a new one
    ];
    const dials = ' 1------------2------------3             ';
    const states = 'co-----r-----cr-----------co-------(gx) ';
    const trades = '---a-b-----------------------c-----|    ';

    const transport = scriptedTransport(attempts, frames);
    const feed = createFeed({
      url: 'ws://feed.test',
      transport,
      random: () => 0.5, // the middle of every draw
      reconnect: { jitter: 'equal', initialMs: 8 }, // e/2 + U(0, e/2): 6 of 8, then 12 of 16
      streams: { trade: { schema: Trade, key: (trade) => trade.id } },
    });
    timer(35).subscribe(() => void feed.close()); // a feed does not end by itself: without this, neither would the test

    expectObservable(transport.dials$).toBe(dials, { 1: 1, 2: 2, 3: 3 });
    expectObservable(feed.stream('trade').pipe(map(({ id }) => id))).toBe(trades, { a: 1, b: 2, c: 3 });
    expectObservable(feed.status$.pipe(map(({ state }) => state))).toBe(states, {
      c: 'CONNECTING',
      o: 'CONNECTED',
      r: 'RECONNECTING',
      g: 'CLOSING',
      x: 'CLOSED',
    });
  });
});
