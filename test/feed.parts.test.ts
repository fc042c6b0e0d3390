import { filter, map, timer } from 'rxjs';
import { closes, scriptedTransport } from '../src/testing/scriptedTransport.js';
import { marbles } from './marbles.js';
import { scene, trade } from './scene.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const letters = {
  ...{ a: trade(1), b: trade(2), c: trade(3), d: trade(4), e: trade(5) },
  n: closes(1000),
};

// What each part does is tested with it; here, that what one tells reaches the other.
describe('the parts of a feed, put together', () => {
  it(
    'tell of no connection before there was one',
    marbles(({ flush }) => {
      const { feed } = scene([], {}, {}, { endMs: 5 });
      const generations: unknown[] = [];
      feed.events$.subscribe((event) => {
        if (event.type === 'state') generations.push([event.generation, event.status.generation]);
      });
      flush();

      expect(generations).toStrictEqual([
        [0, 0],
        [0, 0],
      ]);
    }),
  );

  it(
    'say goodbye with the words of this close(), and of no earlier one',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['o', 'o'], {}, {}, { endMs: 100 });
      feed.stream('trade').subscribe();
      at(10, () => void feed.close({ code: 4000, reason: 'bye' }));
      at(20, () => {
        const second = feed.stream('trade').subscribe();
        at(10, () => second.unsubscribe());
      });

      expectObservable(transport.closes$).toBe('10ms a 19ms b', {
        a: { code: 4000, reason: 'bye' },
        b: { code: 1000, reason: '' },
      });
    }),
  );

  it(
    'say no words of a close() that found nothing to close',
    marbles(({ expectObservable }) => {
      const { feed, transport } = scene(['o'], letters, {}, { endMs: 100 });
      void feed.close({ code: 4000, reason: 'bye' });
      at(10, () => {
        const subscription = feed.stream('trade').subscribe();
        at(10, () => subscription.unsubscribe());
      });

      expectObservable(transport.closes$).toBe('20ms a', { a: { code: 1000, reason: '' } });
    }),
  );

  it(
    'conflate what waits by buffer.key',
    marbles(({ flush }) => {
      const transport = {
        ...scriptedTransport(['oa-(bcde)'], letters, { stepsAfterPause: 3 }),
        settled: timer(10).pipe(map(() => undefined)),
      };
      const buffer = { overflow: 'conflate', key: () => 'one', maxItems: 3, sliceMs: 1 } as const;
      const { feed } = scene([], {}, { transport, buffer }, { endMs: 50 });
      const ids: number[] = [];
      feed.stream('trade').subscribe(({ id }) => ids.push(id));
      flush();

      expect(ids).toStrictEqual([1, 5]);
      expect(feed.stats()).toMatchObject({ received: 5, delivered: 2, conflated: 3, held: 0 });
    }),
  );

  it(
    'tell of frames for which there was no room during a login',
    marbles(({ flush }) => {
      const config = { buffer: { maxItems: 2 }, authenticate: () => timer(10) };
      const { feed, events } = scene(['oabc'], letters, config, { endMs: 50 });
      feed.stream('trade').subscribe();
      flush();

      expect(events.filter(({ type }) => type === 'overflow')).toMatchObject([
        { of: 'authentication', policy: 'drop-newest', count: 1 },
      ]);
      expect(feed.stats()).toMatchObject({ received: 3, delivered: 2, dropped: 1 });
    }),
  );

  it(
    'tell of a skim that reads what the message does not say',
    marbles(({ flush }) => {
      const skim = { route: () => 'trade', key: () => 99 } as const;
      const { feed } = scene(['oab'], letters, { skim }, { endMs: 50 });
      const mistrusted: unknown[] = [];
      feed.events$
        .pipe(filter(({ type }) => type === 'skimMistrusted'))
        .subscribe((event) => mistrusted.push(event));
      feed.stream('trade').subscribe();
      flush();

      expect(mistrusted).toMatchObject([{ generation: 1, at: 1, stream: 'trade', raw: 99, parsed: 1 }]);
    }),
  );
});
