import { asyncScheduler, NEVER, Subject } from 'rxjs';
import { Demand, type DemandConfig } from '../src/demand.js';
import type { OpenSession } from '../src/streams/session.js';
import { marbles } from './marbles.js';

const asking = { subscribe: (topics: unknown) => ({ ask: topics }), unsubscribe: () => undefined };

/** A feed whose server is asked by `subscriptions`, and whose connection is up since the time 0. */
const rig = (config: Partial<DemandConfig> = {}) => {
  const log: unknown[][] = [];
  const demand = new Demand(
    { streams: { trade: {}, order: {} }, random: () => 0, ...config },
    {
      health: {
        watch: (...of) => log.push(['watch', ...of]),
        unwatch: (...of) => log.push(['unwatch', ...of]),
      },
      connection: { drop: (error) => log.push(['drop', error.message]) },
      outlets: new Map([
        [
          'trade',
          { hub: { errorTopic: (topic: string, error: Error) => log.push(['error', topic, error.message]) } },
        ],
      ]) as never,
      encode: (message) => JSON.stringify(message),
      upSince: () => 0,
      ...{ isPaused: () => false, resumed$: NEVER },
      now: () => ({ generation: 1, at: 5 }),
      tell: ({ type, ...event }) => {
        const { stream, topic } = event as { stream?: string; topic?: string };
        log.push(['tell', type, stream, topic]);
      },
      onHookFailed: (hook, error) => log.push(['hookFailed', hook, (error as Error).message]),
    },
  );
  const written: unknown[] = [];
  const retired$ = new Subject<void>();
  const join = (onRefused?: () => void) =>
    demand.join(
      {
        generation: 1,
        retired$,
        socket: { send: (data: unknown) => written.push(data) },
        port: {
          send: (write: () => void, kind: string) => {
            written.push(kind);
            write();
            return true;
          },
        },
      } as unknown as OpenSession,
      onRefused,
    );
  return { demand, log, written, retired$, join };
};

const silent = {
  ...({ type: 'unhealthy', stream: 'trade' } as const),
  ...{ silentMs: 5, since: -5, at: 0 },
};

describe('what is wanted of the server, and watched', () => {
  it('is a topic while it is listened to, and each stream always, where the server is asked for nothing', () => {
    const { demand, log, join } = rig();
    demand.open('trade', undefined, -1);
    demand.open('trade', 'BTC', 4);
    demand.close('trade', 'BTC');
    demand.close('trade', undefined);

    expect(log).toStrictEqual([
      ['watch', 'trade', 'BTC', 4],
      ['unwatch', 'trade', 'BTC'],
    ]);
    expect([demand.subscriptions, join()]).toStrictEqual([undefined, undefined]);
  });

  it('is a stream only while it is listened to, where the server is asked for it', () => {
    const { demand, log } = rig({ subscriptions: asking });
    expect(log.splice(0)).toStrictEqual([
      ['unwatch', 'trade'],
      ['unwatch', 'order'],
    ]);
    demand.open('trade', undefined, -1);
    demand.close('trade', undefined);

    expect(log).toStrictEqual([
      ['watch', 'trade', undefined, -1],
      ['unwatch', 'trade', undefined],
    ]);
  });

  it(
    'is asked for on each session in one message, encoded, and told of',
    marbles(() => {
      const { demand, log, written, join } = rig({ subscriptions: asking });
      demand.open('trade', 'BTC', 0);
      demand.open('order', undefined, -1);
      demand.open('order', 'ETH', 0);
      demand.close('order', 'ETH');
      log.length = 0;
      join();

      expect(written).toStrictEqual([
        'topics',
        '{"ask":[{"stream":"trade","topic":"BTC"},{"stream":"order"}]}',
      ]);
      expect(log).toStrictEqual([
        ['tell', 'subscribing', 'trade', 'BTC'],
        ['tell', 'subscribing', 'order', undefined],
        ['tell', 'subscribed', 'trade', 'BTC'],
        ['tell', 'subscribed', 'order', undefined],
      ]);
    }),
  );

  it(
    'is not asked for on a session that has retired',
    marbles(({ flush }) => {
      const { demand, written, retired$, join } = rig({ subscriptions: asking });
      join();
      demand.open('trade', 'BTC', 0);
      flush();
      expect(written).toHaveLength(2);
      retired$.next();
      demand.open('trade', 'ETH', 1);
      flush();

      expect(written).toHaveLength(2);
    }),
  );

  it.each([
    ['its subscribers, if it is in charge', false],
    ['who joined the session, until that is in charge', true],
  ])('when it is refused on a session, ends for %s', (_whom, isJoining) =>
    marbles(() => {
      const ack = () => ({ topics: [{ stream: 'trade', topic: 'BTC' }], ok: false });
      const { demand, log, join } = rig({ subscriptions: { ...asking, ack } });
      demand.open('trade', 'BTC', 0);
      const onRefused = jest.fn();
      const session = join(isJoining ? onRefused : undefined);
      log.length = 0;
      session?.hear({});

      expect(onRefused).toHaveBeenCalledTimes(isJoining ? 1 : 0);
      expect(log).toStrictEqual(
        isJoining
          ? []
          : [
              ['tell', 'subscriptionRefused', 'trade', 'BTC'],
              ['error', 'BTC', 'subscription to trade/BTC was refused'],
            ],
      );
      session?.leave();
    })(),
  );

  it(
    'tells of a hook that throws',
    marbles(() => {
      const { demand, log, join } = rig({
        subscriptions: {
          ...asking,
          subscribe: () => {
            throw new Error('oops');
          },
        },
      });
      demand.open('trade', 'BTC', 0);
      log.length = 0;
      const session = join();
      session?.leave();

      expect(log).toContainEqual(['hookFailed', 'subscriptions.subscribe', 'oops']);
    }),
  );

  it(
    'is remedied when it falls silent, from start to stop, while somebody listens',
    marbles(({ flush }) => {
      const onStale = { spreadMs: 10 };
      const { demand, log, written, join } = rig({
        subscriptions: asking,
        streams: {
          trade: { onStale: { action: 'resubscribe', ...onStale } },
          order: { onStale: { action: 'reconnect', ...onStale } },
        },
        random: () => 0.9,
      });
      demand.open('trade', undefined, -1);
      demand.open('order', undefined, -1);
      join();
      const deeds = (): unknown[][] => log.filter(([what, type]) => what === 'drop' || type === 'remedy');
      asyncScheduler.schedule(() => demand.hear(silent), 1); // before it starts
      asyncScheduler.schedule(() => {
        expect(deeds()).toStrictEqual([]);
        demand.start();
        written.length = 0;
        demand.hear(silent);
        demand.hear({ ...silent, stream: 'order' });
      }, 100);
      asyncScheduler.schedule(() => {
        expect(deeds()).toStrictEqual([
          ['tell', 'remedy', 'trade', undefined],
          ['tell', 'remedy', 'order', undefined],
          ['drop', 'reconnect requested: order silent for 5 ms'],
        ]);
        expect(written).toContain('{"ask":[{"stream":"trade"}]}');
        log.length = 0;
        demand.hear({ ...silent, stream: 'order', topic: 'ETH' });
        demand.hear({ ...silent, stream: 'order', topic: 'BTC' });
        demand.close('order', 'ETH');
      }, 200);
      asyncScheduler.schedule(() => demand.stop(), 300);
      flush(); // with a timer left, it would never be done

      expect(deeds()).toStrictEqual([
        ['tell', 'remedy', 'order', 'BTC'],
        ['drop', 'reconnect requested: order/BTC silent for 5 ms'],
      ]);
    }),
  );

  it(
    'is not remedied before the connection has been read for as long as the silence, and a remedy that fails is told',
    marbles(({ flush }) => {
      const action = (): never => {
        throw new Error('oops');
      };
      const { demand, log } = rig({ streams: { trade: { onStale: { action, spreadMs: 0, initialMs: 7 } } } });
      const failed = (): unknown[][] => log.filter(([what]) => what === 'hookFailed');
      demand.start();
      demand.hear({ ...silent, silentMs: 50 });
      asyncScheduler.schedule(() => expect(failed()).toStrictEqual([]), 40);
      asyncScheduler.schedule(() => demand.stop(), 60);
      flush();

      expect(failed()).toContainEqual(['hookFailed', 'onStale', 'oops']);
    }),
  );
});
