import { asyncScheduler, BehaviorSubject, timer } from 'rxjs';
import type { ConnectionStatus, FeedConfig } from 'millrace';
import { closes, refuses } from 'millrace/testing';
import { marbles } from './marbles.js';
import { scene, type TestSchemas } from './scene.js';

const frames = { t: refuses(429, { 'Retry-After': '2' }), r: refuses(502), x: closes(1012) };
const at = (ms: number, task: () => void): void => void timer(ms).subscribe(task);

/** A feed whose every delay is 100 ms, when it dialled, and what it did. */
const waiting = (attempts: readonly string[], config: Partial<FeedConfig<TestSchemas>> = {}) => {
  const reconnect = { jitter: 'none', initialMs: 100, multiplier: 1 } as const;
  const { feed, transport } = scene(attempts, frames, { reconnect, ...config }, { endMs: 10_000 });
  const dials: number[] = [];
  transport.dials$.subscribe(() => dials.push(asyncScheduler.now()));
  const statuses: ConnectionStatus[] = [];
  feed.status$.subscribe((status) => statuses.push(status));
  const join = (): { unsubscribe(): void } => feed.stream('trade').subscribe();
  return { feed, dials, statuses, join };
};

const leaveAt500 = (join: () => { unsubscribe(): void }): void => {
  const first = join();
  at(500, () => first.unsubscribe());
};

afterEach(() => jest.restoreAllMocks());

describe('what a server asked to wait', () => {
  it(
    'BAK-05 is waited for by who leaves and comes back, with jitter on top',
    marbles(({ flush }) => {
      const { dials, statuses, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(700, () => {
        join();
        expect(statuses.at(-1)).toMatchObject({
          state: 'RECONNECTING',
          retryInMs: 1_400,
          cause: { name: 'HandshakeError', status: 429 },
        });
      });
      flush();

      expect(dials).toStrictEqual([0, 2_100]);
    }),
  );

  it(
    'BAK-05 is not waited for again when it is over',
    marbles(({ flush }) => {
      const { dials, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(2_000, join);
      flush();

      expect(dials).toStrictEqual([0, 2_000]);
    }),
  );

  it(
    'BAK-05 is no longer because the clock was set back',
    marbles(({ flush }) => {
      const { dials, statuses, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(700, () => {
        const clock = asyncScheduler.now.bind(asyncScheduler);
        jest.spyOn(asyncScheduler, 'now').mockImplementation(() => clock() - 3_600_000);
        join();
        expect(statuses.at(-1)).toMatchObject({ state: 'RECONNECTING', retryInMs: 2_100 });
        jest.restoreAllMocks();
      });
      flush();

      expect(dials).toStrictEqual([0, 2_800]);
    }),
  );

  it(
    'BAK-05 is given up by who leaves again',
    marbles(({ flush }) => {
      const { dials, statuses, join } = waiting(['t', 'o']);
      leaveAt500(join);
      at(700, () => join().unsubscribe());
      flush();

      expect(dials).toStrictEqual([0]);
      // At last the scene closes it.
      expect(statuses.slice(-3).map(({ state }) => state)).toStrictEqual([
        'DISCONNECTED',
        'CLOSING',
        'CLOSED',
      ]);
    }),
  );

  it(
    'is cut short by reconnect(), and what is left of it is the floor if that fails',
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['t', 'r', 'o']);
      leaveAt500(join);
      at(700, join);
      at(1_000, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual([0, 1_000, 2_100]);
    }),
  );

  it(
    'is over once a server has let it in',
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['t', 'o 49ms x', 'o']);
      join();
      at(1_000, () => feed.reconnect());
      flush();

      expect(dials).toStrictEqual([0, 1_000, 1_150]);
    }),
  );

  it(
    'is not cut short by a network that comes and goes',
    marbles(({ flush }) => {
      const online$ = new BehaviorSubject(true);
      const { dials, join } = waiting(['t', 'o'], { online$ });
      join();
      for (const ms of [100, 300, 500]) {
        at(ms, () => online$.next(false));
        at(ms + 100, () => online$.next(true));
      }
      flush();

      expect(dials).toStrictEqual([0, 2_100]);
    }),
  );

  it(
    'of a rotation holds for the reconnect too',
    marbles(({ flush }) => {
      const { feed, dials, join } = waiting(['o 999ms x', 't', 'o']);
      join();
      at(500, () => feed.rotate());
      flush();

      expect(dials).toStrictEqual([0, 500, 2_600]);
    }),
  );
});
