import {
  asyncScheduler,
  defer,
  EMPTY,
  type MonoTypeOperatorFunction,
  NEVER,
  noop,
  Observable,
  of,
  Subject,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { HeartbeatTimeoutError } from '../../src/operators/timeoutHeartbeat.js';
import {
  checkHeartbeat,
  createHeartbeat,
  type Heartbeat,
  type HeartbeatConfig,
  type HeartbeatLink,
} from '../../src/streams/heartbeat.js';
import { marbles } from '../marbles.js';

/** Short enough to draw: a ping after 5 ms of silence, the verdict 3 ms later. */
const short = { everyMs: 5, timeoutMs: 3 };
const isPong = (message: unknown): boolean => message === 'pong';

/** The watch as an operator, for which each value is a frame. */
interface WatchedHeartbeat extends Omit<Heartbeat, 'watch'> {
  readonly watch: MonoTypeOperatorFunction<unknown>;
}

interface Rig {
  readonly heartbeat: WatchedHeartbeat;
  /** What went out, and what failed, each after its time. */
  readonly log: unknown[];
}

/** With when a pause of reading ends. */
interface RigLink extends HeartbeatLink {
  readonly resumed$: Observable<unknown>;
}

const rig = (config: HeartbeatConfig, { resumed$ = NEVER, ...link }: Partial<RigLink> = {}): Rig => {
  const log: unknown[] = [];
  const note = (entry: unknown): void => void log.push([asyncScheduler.now(), entry]);
  let dead: (error: unknown) => void = noop;
  const heartbeat = createHeartbeat(config, {
    socket: { ping: () => note('frame') },
    post: (write) => {
      write();
      return true;
    },
    write: note,
    settled: of(undefined),
    isPaused: () => false,
    onHookFailed: (hook, error) => note(`${hook}: ${(error as Error).message}`),
    onPongOverdue: (waitedMs) => note(`overdue for ${waitedMs}`),
    onDead: (error) => dead(error),
    ...link,
  });
  const watch: MonoTypeOperatorFunction<unknown> = (source) =>
    new Observable((subscriber) => {
      dead = (error) => subscriber.error(error);
      subscriber.add(heartbeat.watch());
      subscriber.add(resumed$.subscribe(() => heartbeat.resumed()));
      if (!subscriber.closed) source.pipe(tap(() => heartbeat.sign())).subscribe(subscriber);
    });
  return { heartbeat: Object.assign(Object.create(heartbeat) as Heartbeat, { watch }), log };
};

const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

/** Holds back each write until that time: an outbox with a rate limit. */
const holdsUntil =
  (ms: number): HeartbeatLink['post'] =>
  (write) => {
    asyncScheduler.schedule(write, Math.max(0, ms - asyncScheduler.now()));
    return true;
  };

const dead = (silentMs: number): HeartbeatTimeoutError => new HeartbeatTimeoutError(silentMs);

afterEach(() => {
  jest.restoreAllMocks();
});

describe('createHeartbeat', () => {
  describe('pings in silence', () => {
    it(
      'HBT-07 with a frame by default',
      marbles(({ cold, flush, expectObservable }) => {
        const { log, heartbeat } = rig(short);

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe('--------#', undefined, dead(8));
        flush();
        expect(log).toStrictEqual([[5, 'frame']]);
      }),
    );

    it(
      'with a message of the application if told to, made anew each time',
      marbles(({ hot, flush, expectObservable }) => {
        let id = 0;
        const { log, heartbeat } = rig({ ...short, ping: () => ({ ping: ++id }) });
        const source = hot('------a         ');
        const expected = '  ------a-------#';

        expectObservable(source.pipe(heartbeat.watch)).toBe(expected, undefined, dead(8));
        flush();
        expect(log).toStrictEqual([
          [5, { ping: 1 }],
          [11, { ping: 2 }],
        ]);
      }),
    );

    it(
      'with a message that comes later: timeoutMs begins when it has left',
      marbles(({ cold, flush, expectObservable }) => {
        const { log, heartbeat } = rig({ ...short, ping: () => cold('--(a|)', { a: 'ping' }) });

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe('----------#', undefined, dead(10));
        flush();
        expect(log).toStrictEqual([[7, 'ping']]);
      }),
    );

    it('with a message that a Promise yields', async () => {
      const ping$ = new Subject<unknown>();
      const { heartbeat } = rig(
        { everyMs: 1, timeoutMs: 1_000, ping: () => Promise.resolve('ping') },
        { write: (message) => ping$.next(message) },
      );
      const sent = new Promise((resolve) => ping$.subscribe(resolve));
      const watching = NEVER.pipe(heartbeat.watch).subscribe();

      await expect(sent).resolves.toBe('ping');
      watching.unsubscribe();
    });

    it(
      'and does not judge one that the outbox holds back',
      marbles(({ cold, flush, expectObservable }) => {
        const { log, heartbeat } = rig(short, { post: holdsUntil(20) });
        const expected = '--------------------- 2ms #';

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe(expected, undefined, dead(23));
        flush();
        expect(log).toStrictEqual([[20, 'frame']]);
      }),
    );

    it(
      'and has one ping held back at a time, however often silence asks for one',
      marbles(({ hot, flush, expectObservable }) => {
        const { log, heartbeat } = rig(short, { post: holdsUntil(20) });
        const source = hot('------a-----b----------c--');
        const subs = '      ^-------------------------!';

        expectObservable(source.pipe(heartbeat.watch), subs).toBe('------a-----b----------c--');
        flush();
        expect(log).toStrictEqual([[20, 'frame']]);
      }),
    );

    it(
      'and asks again while the outbox has no room',
      marbles(({ cold, flush, expectObservable }) => {
        let isFull = true;
        at(7, () => (isFull = false));
        const { log, heartbeat } = rig(short, {
          post: (write) => {
            if (!isFull) write();
            return !isFull;
          },
        });

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe('-----------#', undefined, dead(11));
        flush();
        expect(log).toStrictEqual([[8, 'frame']]);
      }),
    );

    it(
      'and forgets a ping that is held back when the connection ends',
      marbles(({ cold, flush, expectObservable }) => {
        const left: unknown[] = [];
        const { heartbeat } = rig({ ...short, ping: () => cold('--(a|)') }, { write: (m) => left.push(m) });

        expectObservable(cold('------|').pipe(heartbeat.watch)).toBe('------|');
        flush();
        expect(left).toStrictEqual([]);
      }),
    );

    it(
      'judges nothing while reading is paused, nor for what the pause has kept back',
      marbles(({ cold, hot, flush, expectObservable }) => {
        const resumed$ = hot('-------r         ');
        const isPaused = (): boolean => asyncScheduler.now() > 5 && asyncScheduler.now() < 7;
        const expected = '    ---------------#';
        const { log, heartbeat } = rig(short, { resumed$, isPaused });

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe(expected, undefined, dead(8));
        flush();
        expect(log).toStrictEqual([
          [5, 'frame'],
          [12, 'frame'],
        ]);
      }),
    );

    it(
      'does nothing when it is off',
      marbles(({ cold, flush, expectObservable }) => {
        const { log, heartbeat } = rig({ ...short, latencyEveryMs: 2, off: true });

        expectObservable(cold('a').pipe(heartbeat.watch), '^ 1s !').toBe('a');
        flush();
        expect(log).toStrictEqual([]);
      }),
    );
  });

  describe('judges silence alone', () => {
    it.each<[string, HeartbeatConfig, unknown[]]>([
      [
        'throws',
        {
          ping: () => {
            throw new Error('no clock');
          },
        },
        ['heartbeat.ping: no clock'],
      ],
      ['rejects', { ping: () => throwError(() => new Error('no key')) }, ['heartbeat.ping: no key']],
      ['yields undefined', { ping: () => undefined }, []],
      ['yields nothing', { ping: () => EMPTY }, []],
    ])('where a ping %s, and says why', (_name, config, failures) =>
      marbles(({ cold, flush, expectObservable }) => {
        const { log, heartbeat } = rig({ ...short, ...config });

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe('--------#', undefined, dead(8));
        flush();
        expect(log).toStrictEqual(failures.map((failure) => [5, failure]));
      })(),
    );

    it(
      'where a ping takes longer than timeoutMs to be made',
      marbles(({ cold, flush, expectObservable }) => {
        const { log, heartbeat } = rig({ ...short, ping: () => NEVER });

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe('-----------#', undefined, dead(11));
        flush();
        expect(log).toStrictEqual([[8, 'heartbeat.ping: ping yielded nothing within 3 ms']]);
      }),
    );

    it(
      'where a ping cannot be encoded',
      marbles(({ cold, flush, expectObservable }) => {
        const write = (): void => {
          throw new TypeError('a BigInt has no JSON');
        };
        const { log, heartbeat } = rig({ ...short, ping: () => 1n }, { write });

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe('--------#', undefined, dead(8));
        flush();
        expect(log).toStrictEqual([[5, 'heartbeat.ping: a BigInt has no JSON']]);
      }),
    );

    it(
      'where the platform has no ping frames',
      marbles(({ cold, expectObservable }) => {
        const { heartbeat } = rig(short, { socket: {} });

        expectObservable(cold('-').pipe(heartbeat.watch)).toBe('--------#', undefined, dead(8));
        at(6, () => expect(heartbeat.answered('frame')).toBeUndefined());
      }),
    );
  });

  describe('the round trip', () => {
    /** Runs a heartbeat over a source that is never silent, or over one that always is, for 100 ms. */
    const run = (source$: Observable<string>, config: HeartbeatConfig, link: Partial<RigLink> = {}): Rig => {
      const made = rig(config, link);
      const watching = source$.pipe(made.heartbeat.watch).subscribe({ error: () => undefined });
      at(100, () => watching.unsubscribe());
      return made;
    };
    const calm = { everyMs: 10, timeoutMs: 8, latencyEveryMs: Infinity };

    it(
      'HBT-09 is measured from when the ping left, not from when it was due',
      marbles(() => {
        const { heartbeat } = run(NEVER, calm, { post: holdsUntil(15) });

        at(12, () => expect(heartbeat.answered('frame')).toBeUndefined());
        at(19, () => {
          expect(heartbeat.answered('frame')).toBe(4);
        });
      }),
    );

    it(
      'HBT-06 is not told by a pong that nobody asked for, or by a second one',
      marbles(() => {
        const { heartbeat } = run(NEVER, calm);

        at(5, () => expect(heartbeat.answered('frame')).toBeUndefined());
        at(13, () =>
          expect([heartbeat.answered('frame'), heartbeat.answered('frame')]).toStrictEqual([3, undefined]),
        );
      }),
    );

    it(
      'HBT-06 is not told by a message where pings are frames, nor by a frame where they are messages',
      marbles(() => {
        const frames = run(NEVER, { ...calm, isPong }).heartbeat;
        const messages = run(NEVER, { ...calm, isPong, ping: () => 'ping' }).heartbeat;

        at(13, () => {
          expect([frames.answered('message'), frames.answered('frame')]).toStrictEqual([undefined, 3]);
          expect([messages.answered('frame'), messages.answered('message')]).toStrictEqual([undefined, 3]);
        });
      }),
    );

    it(
      'is not told when a pong may answer either of two pings, and is again with the next',
      marbles(({ hot }) => {
        // Pings at 4 and, after the sign at 5, at 9.
        const { heartbeat, log } = run(hot('-----a---------b'), { ...calm, everyMs: 4, timeoutMs: 30 });

        at(10, () => expect(heartbeat.answered('frame')).toBeUndefined());
        at(12, () => expect(heartbeat.answered('frame')).toBe(3));
        at(14, () =>
          expect(log).toStrictEqual([
            [4, 'frame'],
            [9, 'frame'],
          ]),
        );
      }),
    );

    it(
      'is told of a ping though the one before it was never answered',
      marbles(({ hot }) => {
        // Pings at 10 and, after the sign at 12, at 22.
        const { heartbeat } = run(hot('------------a'), calm);

        at(25, () => expect(heartbeat.answered('frame')).toBe(3));
      }),
    );

    it(
      'is not told where a pause may have kept the pong waiting',
      marbles(({ hot }) => {
        const { heartbeat } = run(NEVER, calm, { resumed$: hot('-----------r') });

        at(12, () => expect(heartbeat.answered('frame')).toBeUndefined());
        at(24, () => expect(heartbeat.answered('frame')).toBe(3)); // of the ping at 21
      }),
    );

    it(
      'is never negative, though the wall clock is set back',
      marbles(() => {
        const { heartbeat } = run(NEVER, calm);

        at(12, () => {
          const now = jest.spyOn(asyncScheduler, 'now').mockReturnValue(-3_600_000);
          expect(heartbeat.answered('frame')).toBe(0);
          now.mockRestore();
        });
      }),
    );

    describe('of a busy connection', () => {
      const busy = { everyMs: 10, timeoutMs: 8, latencyEveryMs: 20 };
      const frames = 'a'.repeat(100);
      const pingsOf = ({ log }: Rig): unknown[] => log.map((entry) => (entry as unknown[])[0]);

      it(
        'HBT-09 is asked for every latencyEveryMs',
        marbles(({ hot, flush }) => {
          const played = run(hot(frames), busy);
          for (const ms of [21, 41, 61, 81]) at(ms, () => expect(played.heartbeat.answered('frame')).toBe(1));

          flush();
          expect(pingsOf(played)).toStrictEqual([20, 40, 60, 80]);
        }),
      );

      it(
        'is asked for every 30 s unless told otherwise',
        marbles(({ hot, flush }) => {
          const played = rig({});
          const watching = hot('a 9s a 9s a 9s a 9s a').pipe(played.heartbeat.watch).subscribe();
          at(40_000, () => watching.unsubscribe());

          flush();
          expect(played.log).toStrictEqual([[30_000, 'frame']]);
        }),
      );

      it(
        'is not asked for beside the pings that silence sends',
        marbles(({ flush }) => {
          const control$ = new Subject<'pong'>();
          const log: number[] = [];
          const ping = (): void => {
            log.push(asyncScheduler.now());
            at(1, () => control$.next('pong'));
          };
          run(control$, busy, { socket: { ping } });

          flush();
          expect(log).toStrictEqual([10, 21, 32, 43, 54, 65, 76, 87, 98]);
        }),
      );

      it(
        'is not asked for a second time while an answer may still come',
        marbles(({ hot, flush }) => {
          const played = run(hot(frames), { ...busy, timeoutMs: 30 });

          flush();
          expect(pingsOf(played)).toStrictEqual([20, 60]);
        }),
      );

      it.each<[string, HeartbeatConfig, Partial<RigLink>]>([
        ['reading is paused', {}, { isPaused: () => true }],
        ['it is Infinity', { latencyEveryMs: Infinity }, {}],
        ['the platform has no ping frames', {}, { socket: {} }],
      ])('is not asked for where %s', (_name, config, link) =>
        marbles(({ hot, flush }) => {
          const played = run(hot(frames), { ...busy, ...config }, link);

          flush();
          expect(played.log).toStrictEqual([]);
        })(),
      );

      it(
        'is not asked for by default where no answer could be recognised',
        marbles(({ hot, flush }) => {
          const played = rig({ ping: () => 'ping' });
          const watching = hot('a 9s a 9s a 9s a 9s a').pipe(played.heartbeat.watch).subscribe();
          at(40_000, () => watching.unsubscribe());

          flush();
          expect(played.log).toStrictEqual([]);
        }),
      );

      it(
        'pings all the same every latencyEveryMs that is given, though no answer could be recognised, and measures nothing',
        marbles(({ hot, flush }) => {
          // No ping has to wait until the one before is taken for lost.
          const played = run(hot(frames), { ...busy, timeoutMs: 30, ping: () => 'ping' });
          at(50, () => expect(played.heartbeat.answered('message')).toBeUndefined());

          flush();
          expect(played.log).toStrictEqual([20, 40, 60, 80].map((ms) => [ms, 'ping']));
        }),
      );

      describe('whose answer does not come', () => {
        const overdueOf = ({ log }: Rig): unknown[] =>
          log.filter((entry) => String((entry as unknown[])[1]).startsWith('overdue'));
        /** The ping at 20 is answered at 21. */
        const answersFirst = (played: Rig): Rig => {
          at(21, () => expect(played.heartbeat.answered('frame')).toBe(1));
          return played;
        };

        it(
          'is told once, timeoutMs after the ping has left, and again after an answer',
          marbles(({ hot, flush }) => {
            const played = answersFirst(run(hot(frames), busy));
            at(65, () => expect(played.heartbeat.answered('frame')).toBe(5));

            flush();
            expect(overdueOf(played)).toStrictEqual([
              [48, 'overdue for 8'],
              [88, 'overdue for 8'],
            ]);
          }),
        );

        it(
          'is told of the ping that silence sent, where there is no other',
          marbles(({ hot, flush }) => {
            // Pings at 10 and, after the sign at 12, at 22, which the sign at 25 does not answer.
            const source = hot(`------------a------------${'b'.repeat(70)}`);
            const played = run(source, { ...busy, latencyEveryMs: Infinity });
            at(11, () => expect(played.heartbeat.answered('frame')).toBe(1));

            flush();
            expect(played.log).toStrictEqual([
              [10, 'frame'],
              [22, 'frame'],
              [30, 'overdue for 8'],
            ]);
          }),
        );

        it(
          'is not told of one that has arrived and waits to be read',
          marbles(({ hot, flush }) => {
            let answer: () => unknown = noop;
            const settled = defer(() => of(answer()));
            const played = answersFirst(run(hot(frames), busy, { settled }));
            answer = () => played.heartbeat.answered('frame');

            flush();
            expect(overdueOf(played)).toStrictEqual([]);
          }),
        );

        it.each<[string, Partial<RigLink>]>([
          ['a pause keeps back', { isPaused: () => asyncScheduler.now() === 48 }],
          ['waits for its turn', { isYielding: () => asyncScheduler.now() === 48 }],
          ['waited until now', { isPaused: () => asyncScheduler.now() === 48, settled: timer(1) }],
          [
            'a pause that begins now keeps back',
            { isPaused: () => asyncScheduler.now() === 49, settled: timer(1) },
          ],
        ])('is not told of one that %s, but of the next', (_name, link) =>
          marbles(({ hot, flush }) => {
            const played = answersFirst(run(hot(frames), busy, link));

            flush();
            expect(overdueOf(played)).toHaveLength(1);
            expect((overdueOf(played)[0] as unknown[])[0]).toBeGreaterThanOrEqual(68);
          })(),
        );

        it(
          'is not told of one that a pause may have kept back, but of the next',
          marbles(({ hot, flush }) => {
            const resumed$ = hot('r'.padStart(46, '-'));
            const played = answersFirst(run(hot(frames), busy, { resumed$ }));

            flush();
            expect(overdueOf(played)).toStrictEqual([[68, 'overdue for 8']]);
          }),
        );

        it(
          'ends the connection where it cannot be known what has arrived',
          marbles(({ hot, flush }) => {
            const boom = new Error('boom');
            const played = answersFirst(rig(busy, { settled: throwError(() => boom) }));
            const failed: unknown[] = [];
            hot(frames)
              .pipe(played.heartbeat.watch)
              .subscribe({ error: (error: unknown) => failed.push(error) });

            flush();
            expect(failed).toStrictEqual([boom]);
          }),
        );
      });

      it('takes one timer a connection, whatever there is to read', () => {
        const schedule = jest.spyOn(asyncScheduler, 'schedule');
        const source$ = new Subject<string>();
        const { heartbeat } = rig({});
        const watching = source$.pipe(heartbeat.watch).subscribe();
        for (let i = 0; i < 1_000; i += 1) source$.next('a');

        expect(schedule).toHaveBeenCalledTimes(1); // that of the silence, too
        watching.unsubscribe();
      });
    });
  });

  describe('replies', () => {
    const reply = (message: unknown): unknown => (message === 'ping?' ? 'pong!' : undefined);

    it(
      'HBT-05 answers a ping of the application, and tells it from data',
      marbles(() => {
        const { log, heartbeat } = rig({ reply });

        expect([
          heartbeat.reply('ping?'),
          heartbeat.reply('data'),
          rig({}).heartbeat.reply('ping?'),
        ]).toStrictEqual([true, false, false]);
        expect(log).toStrictEqual([[0, 'pong!']]);
      }),
    );

    it.each([undefined, null, false])('HBT-05 takes a message for data where the hook yields %s', (nothing) =>
      marbles(({ flush }) => {
        const { log, heartbeat } = rig({ reply: () => nothing });

        expect(heartbeat.reply('data')).toBe(false);
        flush();
        expect(log).toStrictEqual([]);
      })(),
    );

    it(
      'waits for an answer that takes time, a signature say',
      marbles(({ cold, flush }) => {
        const { log, heartbeat } = rig({ reply: () => cold('--(a|)', { a: 'signed' }) });

        expect(heartbeat.reply('challenge')).toBe(true);
        flush();
        expect(log).toStrictEqual([[2, 'signed']]);
      }),
    );

    it(
      'says why there is no answer',
      marbles(({ flush }) => {
        const { log, heartbeat } = rig({ ...short, reply: () => NEVER });

        expect(heartbeat.reply('challenge')).toBe(true);
        flush();
        expect(log).toStrictEqual([[3, 'heartbeat.reply: reply yielded nothing within 3 ms']]);
      }),
    );

    it(
      'says why an answer cannot be encoded, and throws nothing into the outbox that held it back',
      marbles(({ flush }) => {
        const write = (): void => {
          throw new TypeError('a BigInt has no JSON');
        };
        const { log, heartbeat } = rig({ reply: () => 1n }, { write, post: holdsUntil(4) });

        expect(heartbeat.reply('ping?')).toBe(true);
        flush();
        expect(log).toStrictEqual([[4, 'heartbeat.reply: a BigInt has no JSON']]);
      }),
    );

    it(
      'says and sends nothing once the connection is over',
      marbles(({ cold, flush }) => {
        const answers = { signed: cold('--(a|)'), failed: cold('--#') };
        const { log, heartbeat } = rig({ reply: (m) => answers[m as 'signed' | 'failed'], off: true });
        cold('-|').pipe(heartbeat.watch).subscribe();

        heartbeat.reply('signed');
        heartbeat.reply('failed');
        at(3, () => heartbeat.reply('signed'));
        flush();
        expect(log).toStrictEqual([]);
      }),
    );

    it('throws what the hook throws: the message is one that cannot be used', () => {
      const { heartbeat } = rig({
        reply: () => {
          throw new Error('thrown');
        },
      });

      expect(() => heartbeat.reply('a')).toThrow('thrown');
    });
  });
});

describe('checkHeartbeat', () => {
  it.each<[string, HeartbeatConfig]>([
    ['timeoutHeartbeat: everyMs must be above 0 and at most 2147483647, got 0', { everyMs: 0 }],
    ['timeoutHeartbeat: timeoutMs must be above 0 and at most 2147483647, got -1', { timeoutMs: -1 }],
    ['timeoutHeartbeat: everyMs must be above 0 and at most 2147483647, got NaN', { everyMs: NaN }],
    [
      'timeoutHeartbeat: timeoutMs must be above 0 and at most 2147483647, got 2147483648',
      { timeoutMs: 2 ** 31 },
    ],
    ['heartbeat: everyMs must be a whole number, got 0.5', { everyMs: 0.5 }],
    ['heartbeat: timeoutMs must be a whole number, got 1.5', { timeoutMs: 1.5 }],
    ...[0, -1, NaN, 0.5, 2 ** 31].map((ms): [string, HeartbeatConfig] => [
      `heartbeat: latencyEveryMs must be a whole number above 0 and at most 2147483647, or Infinity, got ${ms}`,
      { latencyEveryMs: ms },
    ]),
  ])('HBT-10 refuses intervals: %s', (message, wrong) => {
    expect(() => checkHeartbeat(wrong)).toThrow(new RangeError(message));
  });

  it.each<[string, object]>([
    [`ping must be 'frame' or a function, got "pong"`, { ping: 'pong' }],
    [`ping must be 'frame' or a function, got null`, { ping: null }],
    ['isPong must be a function, got string', { isPong: 'pong' }],
    ['reply must be a function, got object', { reply: {} }],
    ['off must be true or false, got string', { off: 'no' }],
  ])('refuses what is of another kind: %s', (message, wrong) => {
    expect(() => checkHeartbeat(wrong)).toThrow(new TypeError(`heartbeat: ${message}`));
  });

  it('takes the defaults, and what is at the edge', () => {
    expect(() => {
      checkHeartbeat({});
      checkHeartbeat({
        everyMs: 1,
        timeoutMs: 2 ** 31 - 1,
        latencyEveryMs: Infinity,
        ping: 'frame',
        off: true,
      });
    }).not.toThrow();
    // @ts-expect-error no such kind of ping
    expect(() => checkHeartbeat({ ping: 1 })).toThrow(TypeError);
  });
});
