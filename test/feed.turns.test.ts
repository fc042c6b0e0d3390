import { filter, map, type Observable, timer } from 'rxjs';
import { type ScriptedTransport, scriptedTransport } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { scene, told, trade } from './scene.js';

const at = (ms: number, act: () => void): void => {
  timer(ms).subscribe(act);
};
const ids = map(({ id }: { id: number }) => String(id));
const frames = { a: trade(1), b: trade(2), c: trade(3) };
const buffer = { sliceMs: 1 };

/** An event loop whose turns take 20 ms: what began to work 1 ms ago has used its turn up. */
const turning = (attempts: readonly string[]): ScriptedTransport => ({
  ...scriptedTransport(attempts, frames),
  settled: timer(20).pipe(map(() => undefined)),
});
/** When reading stopped and went on, by attempt. */
const reading = ({ log$ }: ScriptedTransport): Observable<string> =>
  log$.pipe(
    filter(({ type }) => type === 'pause' || type === 'resume'),
    map(({ type, attempt }) => `${attempt} ${type}`),
  );

describe('a feed that has worked for as long as a turn of the event loop may take', () => {
  it(
    'stops reading until the next turn, which is no pause that anybody is told of',
    marbles(({ flush, expectObservable }) => {
      const transport = turning(['oab---c']);
      const { feed, events } = scene([], {}, { transport, buffer }, { endMs: 50 });

      expectObservable(feed.stream('trade').pipe(ids)).toBe('-1 19ms (23) 25ms |');
      expectObservable(reading(transport)).toBe('--p 18ms r', { p: '1 pause', r: '1 resume' });
      flush();
      expect(told(events)).toStrictEqual(['0 connected']);
      expect(feed.stats()).toMatchObject({ received: 3, delivered: 3 });
    }),
  );

  it(
    'shares that time with the other feeds of its transport',
    marbles(({ flush, expectObservable }) => {
      const { settled } = turning([]);
      const mine = { ...scriptedTransport(['oa'], frames), settled };
      const other = { ...scriptedTransport(['o-b'], frames), settled };
      const stranger = scriptedTransport(['o-c'], frames);
      const [one, two, three] = [mine, other, stranger].map(
        (transport) => scene([], {}, { transport, buffer }, { endMs: 50 }).feed,
      );

      expectObservable(one!.stream('trade').pipe(ids)).toBe('-1 48ms |');
      expectObservable(two!.stream('trade').pipe(ids)).toBe('21ms 2 28ms |');
      expectObservable(three!.stream('trade').pipe(ids)).toBe('--3 47ms |');
      flush();
    }),
  );

  it(
    'does not read from a new connection before its turn either',
    marbles(({ flush, expectObservable }) => {
      const transport = turning(['oab', 'o--c']);
      const { feed } = scene([], {}, { transport, buffer }, { endMs: 50 });
      at(5, () => feed.reconnect());

      expectObservable(feed.stream('trade').pipe(ids)).toBe('-1 19ms (23) 25ms |');
      expectObservable(reading(transport)).toBe('--p--q 15ms r', {
        p: '1 pause',
        q: '2 pause',
        r: '2 resume',
      });
      flush();
    }),
  );

  it(
    'keeps a pause that was asked for meanwhile, and ends one in its turn only',
    marbles(({ flush, expectObservable }) => {
      const transport = turning(['oab']);
      const { feed, events } = scene([], {}, { transport, buffer }, { endMs: 90 });
      at(5, () => feed.pause()); // until after the turn
      at(30, () => feed.resume());

      feed.stream('trade').subscribe();
      expectObservable(reading(transport)).toBe('--p 27ms r', { p: '1 pause', r: '1 resume' });
      flush();
      expect(told(events)).toStrictEqual(['0 connected', '5 paused', '30 resumed']);
    }),
  );

  it(
    'goes on in its turn when a pause ended before that',
    marbles(({ flush, expectObservable }) => {
      const transport = turning(['oab']);
      const { feed } = scene([], {}, { transport, buffer }, { endMs: 50 });
      at(5, () => feed.pause());
      at(10, () => feed.resume());

      feed.stream('trade').subscribe();
      expectObservable(reading(transport)).toBe('--p 18ms r', { p: '1 pause', r: '1 resume' });
      flush();
    }),
  );

  it(
    'reads when it runs anew, also for who comes back while it tells of its end',
    marbles(({ flush, expectObservable }) => {
      const transport = turning(['oab', 'o 20ms c']);
      const { feed } = scene([], {}, { transport, buffer }, { endMs: 50 });
      const trades = feed.stream('trade').subscribe();
      const comeBack = (): unknown => feed.stream('trade').subscribe();
      feed.status$.subscribe(({ state }) => {
        if (state === 'DISCONNECTED' && trades.closed) comeBack();
      });
      at(5, () => trades.unsubscribe());

      expectObservable(reading(transport)).toBe('--p--r', { p: '1 pause', r: '1 resume' });
      flush();
      expect(feed.stats()).toMatchObject({ received: 3, delivered: 2, dropped: 1 });
    }),
  );
});
