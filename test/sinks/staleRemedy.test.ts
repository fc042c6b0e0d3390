import fc from 'fast-check';
import { asyncScheduler, timer } from 'rxjs';
import type { HealthChange } from '../../src/sinks/healthMonitor.js';
import {
  createStaleRemedy,
  type OnStale,
  type StaleRemedy,
  type StaleRemedyHooks,
} from '../../src/sinks/staleRemedy.js';
import type { TopicRef } from '../../src/streams/events.js';
import { marbles } from '../marbles.js';

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);
const nameOf = ({ stream, topic = stream }: TopicRef): string => topic;
const btc: TopicRef = { stream: 'trade', topic: 'BTC' };
const eth: TopicRef = { stream: 'trade', topic: 'ETH' };

/** Exactly doubling from 100 to 800 ms: `equal` jitter draws its whole range where `random` is all but one. */
const limits = { spreadMs: 0, initialMs: 100, maxMs: 800 };
const reconnecting = { action: 'reconnect', ...limits, maxPerHour: 1_000 } as const;
const resubscribing = { action: 'resubscribe', ...limits } as const;

interface Ward {
  readonly remedy: StaleRemedy;
  /** What was done and told, each with its time. */
  readonly log: string[];
  /** The connection. */
  readonly link: { upSince: number | undefined };
  readonly unhealthy: (ref?: TopicRef, silentMs?: number) => void;
  readonly recovered: (ref?: TopicRef) => void;
}

/** Plays the health of streams in virtual time; all rests at `endMs`. */
const ward = (onStale: OnStale, hooks: Partial<StaleRemedyHooks> = {}, endMs = 2_000): Ward => {
  const log: string[] = [];
  const link: Ward['link'] = { upSince: -1_000_000 };
  const note = (what: string): void => void log.push(`${asyncScheduler.now()} ${what}`);
  const remedy = createStaleRemedy(
    { trade: onStale, quiet: 'report' },
    {
      resubscribe: (ref) => {
        note(`resubscribe ${nameOf(ref)}`);
        return true;
      },
      reconnect: (reason) => {
        note(`reconnect: ${reason}`);
        link.upSince = asyncScheduler.now();
      },
      upSince: () => link.upSince,
      tell: ({ action, attempt, nextInMs, ...ref }) =>
        note(`told ${action} ${nameOf(ref)} #${attempt} next ${nextInMs}`),
      onHookFailed: (error) => note(`failed: ${(error as Error).message}`),
      random: () => 1 - Number.EPSILON,
      ...hooks,
    },
  );
  const change = (type: HealthChange['type'], ref: TopicRef, silentMs: number): void => {
    const now = asyncScheduler.now();
    remedy.hear({ type, ...ref, silentMs, since: now - silentMs, at: now });
  };
  remedy.start();
  at(endMs, () => remedy.stop());
  return {
    remedy,
    log,
    link,
    unhealthy: (ref = btc, silentMs = 5) => change('unhealthy', ref, silentMs),
    recovered: (ref = btc) => change('recovered', ref, 0),
  };
};
const told = (log: readonly string[]): string[] => log.filter((line) => / told /.test(line));
const done = (log: readonly string[]): string[] => log.filter((line) => !/ told /.test(line));

describe('createStaleRemedy', () => {
  it(
    'acts on a stale stream, tells it, and waits twice as long each time it did not help, up to maxMs',
    marbles(({ flush }) => {
      const { log, unhealthy } = ward(resubscribing, {}, 3_000);
      at(10, () => unhealthy());
      flush();
      expect(done(log)).toStrictEqual([10, 110, 310, 710, 1_510, 2_310].map((ms) => `${ms} resubscribe BTC`));
      expect(told(log).slice(0, 2)).toStrictEqual([
        '10 told resubscribe BTC #1 next 100',
        '110 told resubscribe BTC #2 next 200',
      ]);
    }),
  );

  it(
    'a reconnect is told before it is made, with its reason',
    marbles(({ flush }) => {
      const { log, unhealthy } = ward(reconnecting, {}, 50);
      unhealthy({ stream: 'trade' });
      flush();
      expect(log).toStrictEqual(['0 told reconnect trade #1 next 100', '0 reconnect: trade silent for 5 ms']);
    }),
  );

  it(
    'a stream that recovers is left alone',
    marbles(({ flush }) => {
      const { log, unhealthy, recovered } = ward(resubscribing);
      unhealthy();
      at(50, () => recovered());
      flush();
      expect(done(log)).toStrictEqual(['0 resubscribe BTC']);
    }),
  );

  it(
    'a stream that only reports is never acted on, and asks for no timer',
    marbles(({ flush }) => {
      const { log, unhealthy } = ward(resubscribing);
      const schedule = jest.spyOn(asyncScheduler, 'schedule');
      unhealthy({ stream: 'quiet' });
      expect(schedule).not.toHaveBeenCalled();
      schedule.mockRestore();
      flush();
      expect(log).toStrictEqual([]);
    }),
  );

  describe('a quiet market', () => {
    it(
      'whose server sends one value on every subscription never becomes a loop',
      marbles(({ flush }) => {
        const { log, unhealthy, recovered } = ward(resubscribing, {}, 3_000);
        // Stale 5 ms after each value, and a value 1 ms after each attempt.
        const fallSilent = (): void => at(5, () => unhealthy());
        fallSilent();
        let seen = 0;
        for (let ms = 1; ms < 3_000; ms += 1) {
          at(ms, () => {
            if (done(log).length === seen) return;
            seen += 1;
            at(1, () => {
              recovered();
              fallSilent();
            });
          });
        }
        flush();
        expect(done(log)).toStrictEqual(
          [5, 105, 305, 705, 1_505, 2_305].map((ms) => `${ms} resubscribe BTC`),
        );
      }),
    );

    it(
      'is forgotten once values have come for as long as it was to wait',
      marbles(({ flush }) => {
        const { log, unhealthy, recovered } = ward(resubscribing, {}, 450);
        unhealthy();
        at(10, () => recovered());
        at(115, () => unhealthy(btc, 5)); // its last value was 100 ms after it recovered
        at(120, () => recovered());
        at(224, () => unhealthy(btc, 5)); // and here 99
        flush();
        expect(told(log)).toStrictEqual([
          '0 told resubscribe BTC #1 next 100',
          '115 told resubscribe BTC #1 next 100',
          '224 told resubscribe BTC #2 next 200',
          '424 told resubscribe BTC #3 next 400',
        ]);
      }),
    );

    it('has a bound on its reconnects that no number of streams and no timing breaks', () => {
      const fall = fc.record({ topic: fc.nat(20), atMs: fc.nat(3_600_000), healsAfterMs: fc.nat(600_000) });
      fc.assert(
        fc.property(
          fc.array(fall, { maxLength: 60 }),
          fc.integer({ min: 1, max: 4 }),
          (falls, maxPerHour) => {
            marbles(({ flush }) => {
              const times: number[] = [];
              const reconnect = (): void => void times.push(asyncScheduler.now());
              const onStale = { action: 'reconnect', initialMs: 1_000, maxPerHour } as const;
              const { unhealthy, recovered } = ward(onStale, { reconnect }, 7_200_000);
              for (const { topic, atMs, healsAfterMs } of falls) {
                const ref = { stream: 'trade', topic: String(topic) };
                at(atMs, () => unhealthy(ref));
                at(atMs + healsAfterMs, () => recovered(ref));
              }
              flush();
              const spans = times.slice(maxPerHour).map((time, index) => time - times[index]!);
              expect(Math.min(...spans, Infinity)).toBeGreaterThanOrEqual(3_600_000);
            })();
          },
        ),
        { numRuns: 30 },
      );
    });
  });

  describe('many streams', () => {
    it(
      'one topic is acted on without touching another',
      marbles(({ flush }) => {
        const { log, unhealthy, recovered } = ward(resubscribing, {}, 250);
        unhealthy(btc);
        at(50, () => unhealthy(eth));
        at(120, () => recovered(btc));
        flush();
        expect(done(log)).toStrictEqual([
          '0 resubscribe BTC',
          '50 resubscribe ETH',
          '100 resubscribe BTC',
          '150 resubscribe ETH',
        ]);
      }),
    );

    it(
      'share one reconnect: it counts as an attempt for all that are stale',
      marbles(({ flush }) => {
        const { log, unhealthy } = ward(reconnecting, {}, 350);
        for (const topic of ['a', 'b', 'c']) unhealthy({ stream: 'trade', topic });
        flush();
        expect(done(log).map((line) => line.split(' ')[0])).toStrictEqual(['0', '100', '300']);
      }),
    );

    it(
      'wait for the hour to pass where maxPerHour is used up, whoever used it',
      marbles(({ flush }) => {
        const onStale = { ...reconnecting, maxPerHour: 2 };
        const { log, unhealthy } = ward(onStale, {}, 3_600_050);
        unhealthy(btc);
        at(20, () => unhealthy(eth));
        flush();
        expect(done(log).map((line) => line.split(' ')[0])).toStrictEqual(['0', '20', '3600000']);
      }),
    );

    it(
      'one that nobody listens to any more is forgotten',
      marbles(({ flush }) => {
        const { log, remedy, unhealthy } = ward(resubscribing);
        unhealthy();
        at(50, () => remedy.forget(btc));
        at(60, () => remedy.forget(btc));
        at(300, () => unhealthy());
        at(310, () => remedy.forget(btc));
        flush();
        expect(told(log)).toStrictEqual([
          '0 told resubscribe BTC #1 next 100',
          '300 told resubscribe BTC #1 next 100',
        ]);
      }),
    );
  });

  describe('the connection', () => {
    it(
      'is left alone while it is down or paused, and looked at again after initialMs',
      marbles(({ flush }) => {
        const { log, link, unhealthy } = ward(reconnecting, {}, 290);
        link.upSince = undefined;
        unhealthy();
        at(150, () => (link.upSince = 0));
        flush();
        expect(done(log)).toStrictEqual(['200 reconnect: trade/BTC silent for 5 ms']);
        expect(told(log)).toStrictEqual(['200 told reconnect BTC #1 next 100']);
      }),
    );

    it(
      'is given, when it is new, as long as the silence took',
      marbles(({ flush }) => {
        const { log, link, unhealthy } = ward(reconnecting, {}, 90);
        link.upSince = 0;
        at(10, () => unhealthy(btc, 40));
        flush();
        expect(done(log)).toStrictEqual(['40 reconnect: trade/BTC silent for 40 ms']);
      }),
    );

    it(
      'nothing happens while stopped; what is stale still is looked at again after the next start',
      marbles(({ flush }) => {
        const { log, remedy, unhealthy, recovered } = ward(resubscribing, {}, 590);
        unhealthy(btc);
        unhealthy(eth);
        at(50, () => remedy.stop());
        at(300, () => recovered(eth));
        at(400, () => remedy.start());
        at(450, () => remedy.start());
        flush();
        expect(told(log).slice(2)).toStrictEqual(['500 told resubscribe BTC #2 next 200']);
      }),
    );

    it(
      'a feed that is closed by whoever is told makes no reconnect',
      marbles(({ flush }) => {
        const { remedy, log, unhealthy } = ward(reconnecting, { tell: () => remedy.stop() });
        unhealthy();
        flush();
        expect(log).toStrictEqual([]);
      }),
    );

    it(
      'a topic that is being asked for already is waited for, which is no attempt',
      marbles(({ flush }) => {
        let asked = 0;
        const { log, unhealthy } = ward(resubscribing, { resubscribe: () => ++asked > 2 }, 290);
        unhealthy();
        flush();
        expect(log).toStrictEqual(['200 told resubscribe BTC #1 next 100']);
      }),
    );
  });

  it(
    'the first attempt is spread over spreadMs, and the waits over half of themselves',
    marbles(({ flush }) => {
      const draws = [0.25, 0, 0.5];
      const onStale = { ...resubscribing, spreadMs: 40 };
      const { log, unhealthy } = ward(onStale, { random: () => draws.shift() ?? 0 }, 150);
      unhealthy();
      flush();
      expect(told(log)).toStrictEqual([
        '10 told resubscribe BTC #1 next 50',
        '60 told resubscribe BTC #2 next 150',
      ]);
    }),
  );

  it(
    'a function is asked before each attempt, so that it can go from mild to strong',
    marbles(({ flush }) => {
      const action = ({ silentMs }: HealthChange, attempt: number) =>
        attempt === 1 ? 'report' : attempt === 2 && silentMs === 5 ? 'resubscribe' : 'reconnect';
      const { log, unhealthy } = ward({ ...reconnecting, action }, {}, 350);
      unhealthy();
      flush();
      expect(done(log)).toStrictEqual(['100 resubscribe BTC', '300 reconnect: trade/BTC silent for 5 ms']);
    }),
  );

  it.each<[string, () => 'report', string]>([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
      'no idea',
    ],
    [
      'chooses what there is not',
      () => 'pray' as never,
      'onStale: must be report, resubscribe or reconnect, got pray',
    ],
  ])('a function that %s is told, does nothing, and is asked again later', (_, action, message) => {
    marbles(({ flush }) => {
      const { log, unhealthy } = ward({ ...limits, action }, {}, 150);
      unhealthy();
      flush();
      expect(log).toStrictEqual([`0 failed: ${message}`, `100 failed: ${message}`]);
    })();
  });

  it('survives a clock that is set back', () => {
    jest.useFakeTimers({ now: 1_000_000 });
    const { log, link, unhealthy } = ward(resubscribing, {}, 100_000);
    link.upSince = 0;
    unhealthy();
    jest.advanceTimersByTime(0);
    jest.setSystemTime(400_000);
    jest.advanceTimersByTime(100);
    jest.advanceTimersByTime(100);
    expect(done(log)).toStrictEqual(['1000000 resubscribe BTC', '400200 resubscribe BTC']);
    jest.useRealTimers();
  });

  it.each<[OnStale, string]>([
    [{ action: 'reconnect', spreadMs: -1 }, 'onStale: spreadMs must be a number, not negative, got -1'],
    [{ action: 'reconnect', maxPerHour: 0 }, 'onStale: maxPerHour must be a whole number above 0, got 0'],
    [{ action: 'reconnect', initialMs: 0 }, 'initialMs must be above 0, got 0'],
    [{ action: 'reconnect', initialMs: 10, maxMs: 9 }, 'maxMs must be from initialMs (10)'],
  ])('refuses %p', (onStale, fault) => {
    expect(() => ward(onStale)).toThrow(RangeError);
    expect(() => ward(onStale)).toThrow(fault);
  });

  it('refuses an action there is not, and to resubscribe where nothing can', () => {
    const hooks: StaleRemedyHooks = {
      reconnect: () => undefined,
      upSince: () => 0,
      tell: () => undefined,
      onHookFailed: () => undefined,
      random: () => 0,
    };
    // @ts-expect-error there is no such action
    expect(() => createStaleRemedy({ trade: 'pray' }, hooks)).toThrow(TypeError);
    expect(() => createStaleRemedy({ trade: 'resubscribe' }, hooks)).toThrow(
      new TypeError('onStale: resubscribe needs subscriptions'),
    );
  });
});
