import { map, take } from 'rxjs';
import { type ConnectionStatus } from 'millrace';
import { closes } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { scene, trade } from './scene.js';

const states = map(({ state }: ConnectionStatus) => state);
const ids = map(({ id }: { id: number }) => id);
const letters = {
  d: 'DISCONNECTED',
  c: 'CONNECTING',
  o: 'CONNECTED',
  a: 'AUTHENTICATED',
  r: 'RECONNECTING',
  g: 'CLOSING',
  x: 'CLOSED',
};
const dials = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6 };

describe('the timing of a feed', () => {
  it(
    'BAK-01 BAK-07 dials at the exact millisecond its jitter draws, up to the cap',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['#', '#', '#', '#', '#', '#']);
      const expected = '1 74ms 2 149ms 3 299ms 4 599ms 5 749ms 6';

      feed.stream('trade').subscribe();
      expectObservable(transport.dials$, '^ 1900ms !').toBe(expected, dials);
    }),
  );

  it(
    'BAK-04 starts its delays again only after a connection stayed up for stableMs',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['#', '#', 'o 498ms |', '#', 'o 499ms |', 'o']);
      // The third was up for 499 ms: the delays grow on. The fifth was up for 500 ms: the next is the first again.
      const expected = '1 74ms 2 149ms 3 499ms 299ms 4 599ms 5 500ms 74ms 6';

      feed.stream('trade').subscribe();
      expectObservable(transport.dials$, '^ 4s !').toBe(expected, dials);
    }),
  );

  it(
    'REC-01 a close by the server, clean or not, is retried without an error',
    marbles(({ expectObservable }) => {
      const { feed } = scene(['o-a-|', 'o-b-x', 'o-c'], {
        a: trade(1),
        b: trade(2),
        c: trade(3),
        x: closes(1006),
      });

      expectObservable(feed.stream('trade').pipe(ids), '^ 300ms !').toBe('--a- 75ms --b- 150ms --c', {
        a: 1,
        b: 2,
        c: 3,
      });
    }),
  );

  it(
    'walks through its states',
    marbles(({ expectObservable }) => {
      const { feed } = scene(['--o-|', '--o'], {}, {}, { endMs: 100 });

      expectObservable(feed.status$.pipe(states), '^ 110ms !').toBe('c-o-r 74ms c-o 18ms (gx)', letters);
      feed.stream('trade').subscribe();
    }),
  );

  it(
    'AUT-05 delivers nothing before authenticate has finished, and loses nothing',
    marbles(({ expectObservable }) => {
      const { feed } = scene(
        'o-a--b-c',
        { a: trade(1), b: { type: 'login', ok: true }, c: trade(2) },
        { authenticate: (session) => session.messages$.pipe(take(2)) },
        { endMs: 20 },
      );
      feed.stream('trade').subscribe();

      expectObservable(feed.stream('trade').pipe(ids)).toBe('-----a-c 12ms |', { a: 1, c: 2 });
      expectObservable(feed.status$.pipe(states), '^ 10ms !').toBe('o----a', letters);
    }),
  );
});
