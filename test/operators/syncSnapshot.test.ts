import {
  asyncScheduler,
  concat,
  EMPTY,
  from,
  lastValueFrom,
  map,
  NEVER,
  type Observable,
  of,
  Subject,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import {
  type DropReason,
  type Synced,
  type SyncEvent,
  syncSnapshot,
  type SyncSnapshotConfig,
} from '../../src/operators/syncSnapshot.js';
import { HOUR_MS, marbles, stepClock } from '../marbles.js';

/** A delta is written as its key, if any, and its number: `5`, `A5`. A snapshot is the number it is as of. */
type Config = SyncSnapshotConfig<string, number>;

const keyOf = (delta: string): string => delta.replace(/\d+$/, '');
const numberOf = (delta: string): number => Number(/\d+$/.exec(delta)?.[0]);

const rules = {
  key: keyOf,
  covers: (snapshot: number, delta: string) => numberOf(delta) <= snapshot,
  joins: (snapshot: number, delta: string) => numberOf(delta) === snapshot + 1,
  follows: (previous: string, delta: string) => numberOf(delta) === numberOf(previous) + 1,
  repeats: (previous: string, delta: string) => numberOf(delta) <= numberOf(previous),
};

/** Delays of 2, 4, 8, … ms: short enough to draw. A snapshot of its own for each time one is asked for, the last from then on. */
const synced = (snapshots: readonly ReturnType<Config['snapshot']>[], config: Partial<Config> = {}) => {
  let asked = 0;
  return syncSnapshot<string, number>({
    ...rules,
    snapshot: () => snapshots[Math.min(asked++, snapshots.length - 1)]!,
    retry: { initialMs: 2, jitter: 'none' },
    ...config,
  });
};

/** A delta as it is, a snapshot as `=6`, with its key in front. */
const shown = (out: Synced<string, number>): string =>
  out.type === 'delta' ? out.delta : `${out.key}=${out.snapshot}`;

/** What is told, in order, each as a line. */
function telling(): Pick<Config, 'onEvent' | 'onDrop'> & { readonly told: string[] } {
  const told: string[] = [];
  const line = (event: SyncEvent): string => {
    switch (event.type) {
      case 'synced':
        return `discarded ${event.discarded}, held ${event.heldMs} ms`;
      case 'lost':
        return `${event.reason}, retry in ${event.retryInMs}`;
      case 'failed':
        return `${(event.error as Error).name}, retry in ${event.retryInMs}`;
      case 'overflow':
        return `at ${event.maxHeld}`;
      case 'started':
        return '';
    }
  };
  return {
    told,
    onEvent: (event) => {
      const what = [event.type, event.key].filter(Boolean).join(' ');
      told.push([`${asyncScheduler.now()} ${what}`, line(event)].filter(Boolean).join(': '));
    },
    onDrop: (delta: string, reason: DropReason) =>
      told.push(`${asyncScheduler.now()} drop ${delta}: ${reason}`),
  };
}

const fail = (): never => {
  throw new Error('thrown');
};

afterEach(() => {
  jest.restoreAllMocks();
});

describe('syncSnapshot', () => {
  describe('as an operator', () => {
    it.each([
      ['never', '-', '-'],
      ['empty', '--|', '--|'],
      ['an error', '--#', '--#'],
      ['a source that ends before its snapshot is there', '-5-|', '---|'],
      ['a source that fails before its snapshot is there', '-5-#', '---#'],
    ])('ends as its source does: %s', (_name, events, expected) =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold(events).pipe(synced([NEVER]), take(9)), '^-----!').toBe(expected);
      })(),
    );

    it(
      'an unsubscribe ends source, flight and resync$, and what is held is dropped',
      marbles(({ cold, hot, flush, expectObservable, expectSubscriptions }) => {
        const source = hot('  -5-6--7');
        const flight = cold('  ------s', { s: 6 });
        const resync$ = hot<undefined>('-');
        const subs = '        ^---!';
        const { told, ...hooks } = telling();

        expectObservable(source.pipe(synced([flight], { resync$, ...hooks })), subs).toBe('-----');
        expectSubscriptions(source.subscriptions).toBe(subs);
        expectSubscriptions(resync$.subscriptions).toBe(subs);
        expectSubscriptions(flight.subscriptions).toBe('-^--!');
        flush();
        expect(told.slice(1)).toStrictEqual(['4 drop 5: ended', '4 drop 6: ended']);
      }),
    );

    it(
      'a hook that fails at once, time and again without a delay, leaves the stack alone',
      marbles(({ cold, expectObservable }) => {
        let asked = 0;
        const snapshot = (): number => (++asked < 5_000 ? fail() : 6);
        const source = cold('  -(567)');
        const values$ = source.pipe(
          syncSnapshot<string, number>({ ...rules, snapshot, retry: { jitter: () => 0 } }),
          map(shown),
        );

        expectObservable(values$, '^ 99ms !').toBe('-(st)', { s: '=6', t: '7' });
      }),
    );

    it(
      'a completion ends the flight and the wait',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const flight = cold('  ---s', { s: 6 });
        const { told, ...hooks } = telling();

        expectObservable(cold('-5-|').pipe(synced([flight], hooks))).toBe('---|');
        expectSubscriptions(flight.subscriptions).toBe('-^-!');
        expectObservable(cold('-5-|').pipe(synced([throwError(() => new Error('no'))]))).toBe('---|');
        flush();
        expect(told).toStrictEqual(['1 started', '3 drop 5: ended']);
      }),
    );

    it(
      'a second subscription starts fresh',
      marbles(({ cold, expectObservable }) => {
        const source = cold('5-6|').pipe(synced([5]), map(shown));

        expectObservable(source, '^').toBe('s-6|', { s: '=5', 6: '6' });
        expectObservable(source, '---^').toBe('---s-6|', { s: '=5', 6: '6' });
      }),
    );

    it('a synchronous source stops once nobody listens', () => {
      let pulled = 0;
      const deltas = function* (): Generator<string> {
        for (;;) yield String(pulled++);
      };
      const seen: string[] = [];

      from(deltas())
        .pipe(synced([0]), map(shown), take(3))
        .subscribe((out) => seen.push(out));

      expect(seen).toStrictEqual(['=0', '1', '2']);
      expect(pulled).toBe(3);
    });

    it('what a subscriber causes while it is told waits for its turn', () => {
      const source$ = new Subject<string>();
      const seen: string[] = [];
      source$
        .pipe(
          synced([5]),
          map(shown),
          tap((out) => {
            if (out === '=5') source$.next('7');
            if (out === '7') source$.complete();
          }),
        )
        .subscribe({ next: (out) => seen.push(out), complete: () => seen.push('|') });

      source$.next('6');
      expect(seen).toStrictEqual(['=5', '6', '7', '|']);
    });

    describe('what a hook causes', () => {
      /** Does `act` at the first drop; keeps what came out, and what was dropped. */
      const acting = (act: (source$: Subject<string>, leave: () => void) => void) => {
        const [source$, snapshot$, left$] = [
          new Subject<string>(),
          new Subject<number>(),
          new Subject<void>(),
        ];
        const seen: string[] = [];
        const drops: string[] = [];
        const onDrop = (delta: string, reason: DropReason): void => {
          drops.push(`${delta}: ${reason}`);
          if (drops.length === 1) act(source$, () => left$.next());
        };
        source$.pipe(synced([snapshot$], { onDrop }), map(shown), takeUntil(left$)).subscribe({
          next: (out) => seen.push(out),
          error: (error: unknown) => seen.push((error as Error).message),
          complete: () => seen.push('|'),
        });
        return { source$, snapshot$, seen, drops };
      };

      it('in onDrop has its turn after the delta that is being held', () => {
        const { source$, snapshot$, seen, drops } = acting(() => source$.next('8'));

        for (const delta of ['5', '7']) source$.next(delta);
        snapshot$.next(6);
        expect(seen).toStrictEqual(['=6', '7', '8']);
        expect(drops).toStrictEqual(['5: gap']);
      });

      it('in onDrop has its turn after what a snapshot brings', () => {
        const { source$, snapshot$, seen, drops } = acting(() => source$.next('7'));

        for (const delta of ['5', '6']) source$.next(delta);
        snapshot$.next(5);
        expect(seen).toStrictEqual(['=5', '6', '7']);
        expect(drops).toStrictEqual(['5: covered']);
      });

      it.each<[string, Parameters<typeof acting>[0], readonly string[], readonly string[]]>([
        ['a completion', (source$) => source$.complete(), ['|'], ['7: ended']],
        ['an error', (source$) => source$.error(new Error('lost')), ['lost'], ['7: ended']],
        ['an unsubscribe', (_source$, leave) => leave(), ['|'], ['7: ended']],
        [
          'a delta and an unsubscribe',
          (source$, leave) => {
            source$.next('8');
            leave();
          },
          ['|'],
          ['7: ended', '8: ended'],
        ],
      ])('in onDrop loses no delta untold: %s', (_name, act, end, ended) => {
        const { source$, seen, drops } = acting(act);

        for (const delta of ['5', '7']) source$.next(delta);
        expect(seen).toStrictEqual(end);
        expect(drops).toStrictEqual(['5: gap', ...ended]);
      });

      it('in onEvent has its turn before what is begun, and may have that forgotten', () => {
        const source$ = new Subject<string>();
        const seen: string[] = [];
        const told: string[] = [];
        const onEvent = ({ type, key }: SyncEvent): void => {
          told.push(`${type} ${key}`);
          if (told.length === 3) source$.next('A6');
        };
        source$
          .pipe(synced([5, 1, 6], { maxKeys: 1, onEvent }), map(shown))
          .subscribe((out) => seen.push(out));

        for (const delta of ['A5', 'B1']) source$.next(delta);
        expect(seen).toStrictEqual(['A=5', 'A=6']);
        expect(told.slice(2)).toStrictEqual(['lost A', 'lost B', 'started A', 'synced A']);
      });

      it('in onEvent at an overflow is no further one', () => {
        const source$ = new Subject<string>();
        const snapshot$ = new Subject<number>();
        const seen: string[] = [];
        const told: string[] = [];
        const onEvent = ({ type }: SyncEvent): void => {
          told.push(type);
          if (type === 'overflow') source$.next('8');
        };
        source$
          .pipe(synced([snapshot$], { maxHeld: 2, onEvent }), take(3), map(shown))
          .subscribe((out) => seen.push(out));

        for (const delta of ['5', '6', '7']) source$.next(delta);
        snapshot$.next(6);
        expect(seen).toStrictEqual(['=6', '7', '8']);
        expect(told).toStrictEqual(['started', 'overflow', 'synced']);
      });

      it('in snapshot, a delta say, is there before the snapshot is', () => {
        const source$ = new Subject<string>();
        const seen: string[] = [];
        const snapshot = (): number => {
          source$.next('6');
          return 5;
        };
        source$.pipe(synced([], { snapshot }), map(shown)).subscribe((out) => seen.push(out));

        source$.next('5');
        expect(seen).toStrictEqual(['=5', '6']);
      });
    });

    it('what goes on from a snapshot is dropped once nobody listens', () => {
      const snapshot$ = new Subject<number>();
      const { told, ...hooks } = telling();
      const seen: string[] = [];

      concat(from(['5', '6', '7']), NEVER)
        .pipe(synced([snapshot$], hooks), map(shown), take(2))
        .subscribe((out) => seen.push(out));
      snapshot$.next(5);

      expect(seen).toStrictEqual(['=5', '6']);
      expect(told.slice(2).map((line) => line.replace(/^\d+ /, ''))).toStrictEqual([
        'drop 5: covered',
        'drop 7: ended',
      ]);
    });

    it.each<[keyof Config, Partial<Config>, readonly string[]]>([
      ['key', { key: fail }, ['5']],
      ['covers', { covers: fail }, ['5', '6']],
      ['joins', { joins: fail }, ['5', '6']],
      ['follows', { follows: fail }, ['5', '6', '7']],
      ['repeats', { repeats: fail }, ['5', '6', '6']],
      ['onEvent', { onEvent: fail }, ['5']],
      ['onDrop', { onDrop: fail }, ['5', '6']],
      ['floorMs', { snapshot: fail, floorMs: fail }, ['5']],
    ])('what %s throws is the error of the stream', (_name, config, deltas) => {
      const seen: unknown[] = [];

      concat(from(deltas), NEVER)
        .pipe(synced([5], config))
        .subscribe({ error: (error: unknown) => seen.push(error) });

      expect(seen).toStrictEqual([new Error('thrown')]);
    });

    describe('what throws loses no delta untold:', () => {
      /** The hook throws at the delta or event named, and once. */
      const once = <A extends unknown[], R>(hook: (...args: A) => R, isIt: (...args: A) => boolean) => {
        let hasThrown = false;
        return (...args: A): R => {
          if (hasThrown || !isIt(...args)) return hook(...args);
          hasThrown = true;
          return fail();
        };
      };
      const at = (delta: string) => (_before: unknown, asked: string) => asked === delta;
      const onEventAt = (type: SyncEvent['type']) => ({
        onEvent: once(
          (event: SyncEvent) => event.key,
          (event) => event.type === type,
        ),
      });

      it.each<[string, Partial<Config>, readonly string[], 'early' | 'late']>([
        ['key', { key: once(keyOf, (delta) => delta === '5') }, ['5'], 'late'],
        ['key of one that goes on', { key: once(keyOf, (delta) => delta === '7') }, ['5', '7'], 'late'],
        ['covers', { covers: once(rules.covers, at('5')) }, ['4', '5', '6'], 'late'],
        ['covers of the next', { covers: once(rules.covers, at('7')) }, ['6', '7'], 'early'],
        ['joins', { joins: once(rules.joins, at('7')) }, ['5', '7'], 'late'],
        ['joins of the next', { joins: once(rules.joins, at('7')) }, ['6', '7'], 'early'],
        ['follows', { follows: once(rules.follows, at('7')) }, ['5', '6', '7'], 'late'],
        ['follows of one held', { follows: once(rules.follows, at('8')) }, ['7', '8'], 'late'],
        ['repeats', { repeats: once(rules.repeats, at('6')) }, ['6', '6'], 'late'],
        ['onEvent at started', onEventAt('started'), ['5', '6'], 'late'],
        ['onEvent at synced', onEventAt('synced'), ['5', '6', '7', '8'], 'late'],
        ['onEvent at overflow', { ...onEventAt('overflow'), maxHeld: 2 }, ['5', '6', '7', '8'], 'late'],
        ['onEvent at lost', onEventAt('lost'), ['7', '9'], 'early'],
        ['onEvent at failed', { snapshot: fail, ...onEventAt('failed') }, ['7', '8'], 'late'],
      ])('%s', (_name, config, deltas, comes) => {
        const source$ = new Subject<string>();
        const snapshot$ = new Subject<number>();
        const seen: string[] = [];
        const drops: string[] = [];
        let error: unknown;
        let arrived = 0;
        const hooks = { onDrop: (delta: string) => drops.push(delta) };
        source$.pipe(synced([snapshot$], { ...hooks, ...config }), map(shown)).subscribe({
          next: (out) => seen.push(out),
          error: (thrown: unknown) => (error = thrown),
        });
        for (const [place, delta] of deltas.entries()) {
          if (comes === 'early' && place === 1) snapshot$.next(6);
          if (error === undefined) arrived += 1;
          source$.next(delta);
        }
        if (error === undefined) snapshot$.next(6);

        expect(error).toStrictEqual(new Error('thrown'));
        const out = seen.filter((line) => !line.startsWith('='));
        expect([...out, ...drops].sort()).toStrictEqual(deltas.slice(0, arrived));
      });

      it('onDrop is told of all that are dropped with the one it throws at', () => {
        const snapshot$ = new Subject<number>();
        const drops: string[] = [];
        const errors: unknown[] = [];
        const onDrop = once(
          (delta: string, reason: DropReason): void => void drops.push(`${delta}: ${reason}`),
          (delta) => delta === '5',
        );
        concat(from(['5', '6', '7']), NEVER)
          .pipe(synced([snapshot$], { onDrop }))
          .subscribe({ error: (error: unknown) => errors.push(error) });
        snapshot$.next(6);

        expect(errors).toStrictEqual([new Error('thrown')]);
        expect(drops).toStrictEqual(['6: covered', '7: ended']);
      });

      it('what was about to come out is told before the error', () => {
        const snapshot$ = new Subject<number>();
        const { told, ...hooks } = telling();
        const heard: string[] = [];
        concat(from(['5', '6', '7']), NEVER)
          .pipe(synced([snapshot$], { ...hooks, ...onEventAt('synced') }))
          .subscribe({ error: () => heard.push(...told) });
        snapshot$.next(5);

        expect(heard.map((line) => line.replace(/^\d+ /, ''))).toStrictEqual([
          'drop 5: covered',
          ...['drop 6: ended', 'drop 7: ended'],
        ]);
      });
    });

    it.each([NaN, -1, '1 s'])('a floorMs of %p is the error of the stream', (floorMs) => {
      const seen: unknown[] = [];

      concat(of('5'), NEVER)
        .pipe(synced([throwError(() => new Error('no'))], { floorMs: () => floorMs as number }))
        .subscribe({ error: (error: unknown) => seen.push(error) });

      expect(seen).toStrictEqual([
        new RangeError(`syncSnapshot: floorMs must give a number of at least 0, got ${floorMs}`),
      ]);
    });

    it(
      'an error of resync$ is the error of the stream',
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('-').pipe(synced([5], { resync$: cold('--#') }))).toBe('--#');
      }),
    );

    const number = 'a whole number from 1 to';
    it.each<[string, string, object]>([
      ['TypeError', 'key must be a function, got undefined', { key: undefined }],
      ['TypeError', 'snapshot must be a function, got number', { snapshot: 5 }],
      ['TypeError', 'covers must be a function, got object', { covers: null }],
      ['TypeError', 'joins must be a function, got undefined', { joins: undefined }],
      ['TypeError', 'follows must be a function, got boolean', { follows: true }],
      ['TypeError', 'repeats must be a function, got boolean', { repeats: true }],
      ['TypeError', 'floorMs must be a function, got number', { floorMs: 5 }],
      ['TypeError', 'onEvent must be a function, got object', { onEvent: {} }],
      ['TypeError', 'onDrop must be a function, got string', { onDrop: 'log' }],
      ['TypeError', 'resync$ must be an Observable, got function', { resync$: () => EMPTY }],
      ['RangeError', `maxHeld must be ${number} ${Number.MAX_SAFE_INTEGER}, got 0`, { maxHeld: 0 }],
      ['RangeError', `maxKeys must be ${number} ${2 ** 24}, got 1.5`, { maxKeys: 1.5 }],
      ['RangeError', `maxKeys must be ${number} ${2 ** 24}, got ${2 ** 24 + 1}`, { maxKeys: 2 ** 24 + 1 }],
      ['RangeError', `concurrency must be ${number} ${Number.MAX_SAFE_INTEGER}, got -1`, { concurrency: -1 }],
      ['TypeError', 'maxHeld must be a number, got string', { maxHeld: '5' }],
      ['TypeError', 'timeoutMs must be a number, got string', { timeoutMs: '5' }],
      ['RangeError', `timeoutMs must be above 0 and at most ${2 ** 31 - 1}, got 0`, { timeoutMs: 0 }],
      [
        'RangeError',
        `timeoutMs must be above 0 and at most ${2 ** 31 - 1}, got Infinity`,
        { timeoutMs: Infinity },
      ],
      ['TypeError', 'stableMs must be a number, got string', { stableMs: '5' }],
      ['RangeError', 'stableMs must be at least 0, got NaN', { stableMs: NaN }],
    ])('throws a %s at creation: %s', (name, message, config) => {
      expect(() => synced([5], config)).toThrow(
        expect.objectContaining({ name, message: `syncSnapshot: ${message}` }) as Error,
      );
    });

    it('throws what backoff throws at creation', () => {
      expect(() => synced([5], { retry: { initialMs: 0 } })).toThrow(
        'backoff: initialMs must be above 0, got 0',
      );
    });

    it('is typed', () => {
      interface Change {
        readonly id: number;
      }
      const untyped = { ...rules, key: ({ id }: Change) => id, snapshot: () => of(5) };
      // @ts-expect-error The rules are for other deltas than the key.
      const mixed = (): unknown => syncSnapshot<Change, number, number>(untyped);
      // @ts-expect-error Without follows, a gap could not be seen.
      const blind: Omit<Config, 'follows'> = rules as Config satisfies { readonly follows: string };
      expect([mixed, blind]).toHaveLength(2);
    });
  });

  describe('joins a snapshot to the deltas held', () => {
    it.each<[string, number, readonly string[], string]>([
      ['older than the newest', 6, ['=6', '7'], 'discarded 2'],
      ['just before the first', 4, ['=4', '5', '6', '7'], 'discarded 0'],
      ['as of the newest', 7, ['=7'], 'discarded 3'],
      ['newer than all', 9, ['=9'], 'discarded 3'],
    ])('%s', (_name, snapshot, expected, discarded) => {
      const seen: string[] = [];
      const snapshot$ = new Subject<number>();
      const { told, ...hooks } = telling();

      concat(from(['5', '6', '7']), NEVER)
        .pipe(synced([snapshot$], hooks), map(shown))
        .subscribe((out) => seen.push(out));
      expect(seen).toStrictEqual([]);
      snapshot$.next(snapshot);

      expect(seen).toStrictEqual(expected);
      expect(told[1]).toContain(discarded);
    });

    it(
      'and goes on in order, with the deltas that come after',
      marbles(({ cold, flush, expectObservable }) => {
        const source = cold('-5-6-7------8-9');
        const flight = cold(' -------s|     ', { s: 6 });
        const expected = '   --------(s7)8-9';
        const { told, ...hooks } = telling();

        const out$ = source.pipe(synced([flight], hooks), map(shown));
        expectObservable(out$, '^--------------!').toBe(expected, { s: '=6', 7: '7', 8: '8', 9: '9' });
        flush();
        expect(told).toStrictEqual([
          '1 started',
          '8 synced: discarded 2, held 7 ms',
          '8 drop 5: covered',
          '8 drop 6: covered',
        ]);
      }),
    );

    it(
      'of which it covers more than has come yet: what is covered is dropped until one joins',
      marbles(({ cold, flush, expectObservable }) => {
        const source = cold('5-6-7-8-9');
        const flight = cold('-s       ', { s: 7 });
        const expected = '   -s----8-9';
        const { told, ...hooks } = telling();

        expectObservable(source.pipe(synced([flight], hooks), map(shown)), '^--------!').toBe(expected, {
          s: '=7',
          8: '8',
          9: '9',
        });
        flush();
        expect(told.slice(2)).toStrictEqual(['1 drop 5: covered', '2 drop 6: covered', '4 drop 7: covered']);
      }),
    );

    it('takes the first value of what the snapshot hook yields, and leaves', () => {
      const snapshot$ = new Subject<number>();
      const seen: string[] = [];

      concat(of('5'), NEVER)
        .pipe(synced([snapshot$]), map(shown))
        .subscribe((out) => seen.push(out));
      snapshot$.next(4);

      expect(snapshot$.observed).toBe(false);
      expect(seen).toStrictEqual(['=4', '5']);
    });

    it('takes a promise', async () => {
      const out$ = concat(of('5'), NEVER).pipe(synced([Promise.resolve(4)]), map(shown), take(2), toArray());

      await expect(lastValueFrom(out$)).resolves.toStrictEqual(['=4', '5']);
    });
  });

  describe('asks again, after a backoff, with the deltas still held,', () => {
    it(
      'where the snapshot is older than the first of them',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const source = cold('5-6-----7');
        const stale = cold(' -s       ', { s: 2 });
        const fresh = cold('    -s    ', { s: 5 });
        const expected = '   ----(s6)7';
        const { told, ...hooks } = telling();

        expectObservable(source.pipe(synced([stale, fresh], hooks), map(shown)), '^--------!').toBe(
          expected,
          {
            s: '=5',
            6: '6',
            7: '7',
          },
        );
        expectSubscriptions(stale.subscriptions).toBe('^!');
        expectSubscriptions(fresh.subscriptions).toBe('---^!');
        flush();
        expect(told).toStrictEqual([
          '0 started',
          '1 failed: SnapshotTooOldError, retry in 2',
          '3 started',
          '4 synced: discarded 1, held 4 ms',
          '4 drop 5: covered',
        ]);
      }),
    );

    it(
      'where there is none, each time later',
      marbles(({ cold, flush, expectObservable }) => {
        const { told, ...hooks } = telling();
        const snapshots = [throwError(() => new RangeError('no')), EMPTY, NEVER, 4];

        const out$ = cold('5-').pipe(synced(snapshots, { timeoutMs: 3, ...hooks }), map(shown));
        expectObservable(out$, '^ 20ms !').toBe('17ms (s5)', { s: '=4', 5: '5' });
        flush();
        expect(told).toStrictEqual([
          '0 started',
          '0 failed: RangeError, retry in 2',
          '2 started',
          '2 failed: EmptyError, retry in 4',
          '6 started',
          '9 failed: SnapshotTimeoutError, retry in 8',
          '17 started',
          '17 synced: discarded 0, held 17 ms',
        ]);
      }),
    );

    it('where the hook throws or its promise is rejected', async () => {
      const { told, ...hooks } = telling();
      const hook = jest
        .fn<ReturnType<Config['snapshot']>, []>()
        .mockImplementationOnce(fail)
        .mockRejectedValueOnce(new RangeError('no'))
        .mockReturnValue(4);
      const retry = { initialMs: 1, jitter: () => 0 };
      const out$ = concat(of('5'), NEVER).pipe(
        synced([], { snapshot: hook, retry, ...hooks }),
        map(shown),
        take(2),
        toArray(),
      );

      await expect(lastValueFrom(out$)).resolves.toStrictEqual(['=4', '5']);
      expect(
        told.filter((line) => line.includes('failed')).map((line) => line.replace(/^\d+ /, '')),
      ).toStrictEqual(['failed: Error, retry in 0', 'failed: RangeError, retry in 0']);
    });

    it(
      'with randomness that is injected',
      marbles(({ cold, flush }) => {
        const { told, ...hooks } = telling();
        const retry = { initialMs: 100, jitter: 'full', random: () => 0.25 } as const;

        cold('5-')
          .pipe(synced([throwError(() => new Error('no'))], { retry, ...hooks }), takeUntil(timer(70)))
          .subscribe();
        flush();
        expect(told.filter((line) => line.includes('failed'))).toStrictEqual([
          '0 failed: Error, retry in 25',
          '25 failed: Error, retry in 50',
        ]);
      }),
    );

    it(
      'and not before floorMs is over, not even for resync$; the backoff goes on top',
      marbles(({ cold, flush }) => {
        const { told, ...hooks } = telling();
        const snapshots = [throwError(() => new Error('429')), throwError(() => new Error('429')), 4];

        cold('--5-')
          .pipe(
            synced(snapshots, { floorMs: () => 10, resync$: cold('-----r', { r: '' }), ...hooks }),
            takeUntil(timer(32)),
          )
          .subscribe();
        flush();
        expect(told.filter((line) => !line.includes('drop'))).toStrictEqual([
          '2 started',
          '2 failed: Error, retry in 12',
          '12 started',
          '12 failed: Error, retry in 14',
          '26 started',
          '26 synced: discarded 0, held 21 ms',
        ]);
      }),
    );

    it.each([
      ['at once, after a snapshot', 15, ['=5', '=5', 'by now']],
      ['after the floor, while it lasts', 5, ['=5', 'by now']],
    ])('and no later for resync$ where the clock was set back: %s', (_name, resyncMs, expected) =>
      marbles(({ flush }) => {
        const resync$ = new Subject<string>();
        const seen: string[] = [];
        timer(resyncMs).subscribe(() => {
          stepClock(-HOUR_MS);
          resync$.next('');
        });
        timer(16).subscribe(() => seen.push('by now'));

        concat(of('5'), NEVER)
          .pipe(
            synced([throwError(() => new Error('429')), 5], { floorMs: () => 10, resync$ }),
            map(shown),
            takeUntil(timer(30)),
          )
          .subscribe((out) => seen.push(out));
        flush();
        expect(seen).toStrictEqual(expected);
      })(),
    );

    it(
      'and no more where floorMs says Infinity, until resync$ does',
      marbles(({ cold, hot, flush, expectObservable }) => {
        const { told, ...hooks } = telling();
        const source = cold('5-6----7');
        const resync$ = hot('----r', { r: '' });
        const snapshots = [throwError(() => new Error('404')), 6];

        const out$ = source.pipe(
          synced(snapshots, { floorMs: () => Infinity, resync$, ...hooks }),
          map(shown),
        );
        expectObservable(out$, '^-------!').toBe('----s--7', { s: '=6', 7: '7' });
        flush();
        expect(told).toStrictEqual([
          '0 started',
          '0 failed: Error, retry in Infinity',
          '0 drop 5: gaveUp',
          '2 drop 6: gaveUp',
          '4 started',
          '4 synced: discarded 0, held 0 ms',
        ]);
      }),
    );
  });

  describe('a gap', () => {
    it(
      'is found before anything behind it is emitted, and answered by a new snapshot',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const source = cold(' 5-6-8-9-----X', { 5: '5', 6: '6', 8: '8', 9: '9', X: '10' });
        const first = cold('  s            ', { s: 5 });
        const second = cold('      ---s    ', { s: 8 });
        const expected = '    s-6----(t9)-X';
        const { told, ...hooks } = telling();

        const out$ = source.pipe(synced([first, second], { stableMs: 4, ...hooks }), map(shown));
        expectObservable(out$, '^------------!').toBe(expected, {
          s: '=5',
          6: '6',
          t: '=8',
          9: '9',
          X: '10',
        });
        expectSubscriptions(second.subscriptions).toBe('----^--!');
        flush();
        expect(told.slice(3)).toStrictEqual([
          '4 lost: gap, retry in 0',
          '4 started',
          '7 synced: discarded 1, held 3 ms',
          '7 drop 8: covered',
        ]);
      }),
    );

    it(
      'that follows soon on the last trouble waits for the backoff, which grows',
      marbles(({ flush }) => {
        const { told, ...hooks } = telling();
        // Every second delta is missing, and a snapshot is as of now.
        const source = timer(0, 1).pipe(map((n) => String(2 * n)));
        const snapshot = (): number => 2 * asyncScheduler.now();

        source.pipe(synced([], { snapshot, stableMs: 5, ...hooks }), takeUntil(timer(20))).subscribe();
        flush();
        expect(told.filter((line) => line.includes('lost'))).toStrictEqual([
          '1 lost: gap, retry in 2',
          '4 lost: gap, retry in 4',
          '9 lost: gap, retry in 8',
          '18 lost: gap, retry in 16',
        ]);
      }),
    );

    it(
      'after stableMs in step begins a new row of delays',
      marbles(({ cold, flush }) => {
        const { told, ...hooks } = telling();
        const source = cold('1-3--4-56-8-----a-c', {
          1: '1',
          3: '3',
          4: '4',
          5: '5',
          6: '6',
          8: '8',
          a: '10',
          c: '12',
        });

        source.pipe(synced([1, 3, 8, 10], { stableMs: 5, ...hooks }), takeUntil(timer(19.5))).subscribe();
        flush();
        expect(told.filter((line) => !line.includes('drop'))).toStrictEqual([
          '0 started',
          '0 synced: discarded 1, held 0 ms',
          '2 lost: gap, retry in 2',
          '4 started',
          '4 synced: discarded 1, held 2 ms',
          '10 lost: gap, retry in 0',
          '10 started',
          '10 synced: discarded 1, held 0 ms',
          '16 lost: gap, retry in 0',
          '16 started',
          '16 synced: discarded 1, held 0 ms',
          '18 lost: gap, retry in 2',
        ]);
      }),
    );

    it(
      'between a snapshot and the first delta after it is one too',
      marbles(({ cold, expectObservable }) => {
        const source = cold('5---7---8');
        const expected = '   s---t---8';

        const out$ = source.pipe(synced([5, 7], { stableMs: 0 }), map(shown));
        expectObservable(out$, '^--------!').toBe(expected, { s: '=5', t: '=7', 8: '8' });
      }),
    );

    it(
      'among what is held: only what is behind it is held on',
      marbles(({ cold, flush, expectObservable }) => {
        const source = cold('5-7-8---');
        const flight = cold('------s ', { s: 6 });
        const { told, ...hooks } = telling();

        expectObservable(source.pipe(synced([flight], hooks), map(shown)), '^-------!').toBe('------(s78)', {
          s: '=6',
          7: '7',
          8: '8',
        });
        flush();
        expect(told).toStrictEqual(['0 started', '2 drop 5: gap', '6 synced: discarded 0, held 6 ms']);
      }),
    );

    it(
      'is not made by what repeats, held or not',
      marbles(({ cold, flush, expectObservable }) => {
        const source = cold('5-65---6-7');
        const flight = cold('-----s    ', { s: 5 });
        const expected = '   -----(s6)7';
        const { told, ...hooks } = telling();

        expectObservable(source.pipe(synced([flight], hooks), map(shown)), '^---------!').toBe(expected, {
          s: '=5',
          6: '6',
          7: '7',
        });
        flush();
        expect(told).toStrictEqual([
          '0 started',
          '3 drop 5: repeated',
          '5 synced: discarded 1, held 5 ms',
          '5 drop 5: covered',
          '7 drop 6: repeated',
        ]);
      }),
    );

    it('is made by what repeats where repeats is left out', () => {
      const { told, ...hooks } = telling();

      concat(from(['5', '6', '6']), NEVER)
        .pipe(synced([5], { ...hooks, repeats: undefined as never }))
        .subscribe()
        .unsubscribe();
      expect(told.map((line) => line.replace(/^\d+ /, ''))).toContain('lost: gap, retry in 2');
    });
  });

  describe('keys', () => {
    const letters = { a: 'A5', b: 'A6', c: 'A8', d: 'A9', p: 'B1', q: 'B2', r: 'B3', t: 'C7' };

    it(
      'have a snapshot each, and do not notice each other',
      marbles(({ cold, flush, expectObservable }) => {
        const source = cold('   ap-bq-c-r--d', letters);
        const expected = '      st-bq---ru-d';
        const { told, ...hooks } = telling();
        const asOf: Record<string, number[]> = { A: [5, 8], B: [1] };
        const snapshot = (key: string): number => asOf[key]!.shift()!;

        const retry = { initialMs: 3, jitter: 'none' } as const;
        const out$ = source.pipe(synced([], { snapshot, retry, ...hooks }), map(shown));
        expectObservable(out$, '^-----------!').toBe(expected, { ...letters, s: 'A=5', t: 'B=1', u: 'A=8' });
        flush();
        expect(told.filter((line) => !line.includes('drop'))).toStrictEqual([
          '0 started A',
          '0 synced A: discarded 1, held 0 ms',
          '1 started B',
          '1 synced B: discarded 1, held 0 ms',
          '6 lost A: gap, retry in 3',
          '9 started A',
          '9 synced A: discarded 1, held 3 ms',
        ]);
      }),
    );

    it(
      'share the flights allowed at a time, and have no second one of their own',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('(apt)-b-', letters);
        const a = cold('     ---s', { s: 5 });
        const b = cold('     ----s', { s: 1 });
        const c = cold('        --s', { s: 7 });
        const snapshot = (key: string): Observable<number> => ({ A: a, B: b, C: c })[key]!;

        const out$ = source.pipe(synced([], { snapshot, concurrency: 2 }), map(shown));
        expectObservable(out$, '^------!').toBe('---suvb', { ...letters, s: 'A=5', u: 'B=1', v: 'C=7' });
        expectSubscriptions(a.subscriptions).toBe('^--!');
        expectSubscriptions(b.subscriptions).toBe('^---!');
        expectSubscriptions(c.subscriptions).toBe('---^-!');
      }),
    );

    it(
      'beyond maxKeys push out the least recently seen: its flight ends, what it held is dropped',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const source = cold('ap-t-a--', letters);
        const flights = [
          cold('------', {}),
          cold<number>('s', { s: 1 }),
          cold('s', { s: 7 }),
          cold('s', { s: 5 }),
        ];
        const expected = '   -t-u-s--';
        const { told, ...hooks } = telling();

        const out$ = source.pipe(
          synced(flights as Observable<number>[], { maxKeys: 2, ...hooks }),
          map(shown),
        );
        expectObservable(out$, '^-------!').toBe(expected, { s: 'A=5', t: 'B=1', u: 'C=7' });
        expectSubscriptions(flights[0]!.subscriptions).toBe('^--!');
        flush();
        expect(told.filter((line) => !line.includes('covered'))).toStrictEqual([
          '0 started A',
          '1 started B',
          '1 synced B: discarded 1, held 0 ms',
          '3 drop A5: forgotten',
          '3 lost A: forgotten, retry in Infinity',
          '3 started C',
          '3 synced C: discarded 1, held 0 ms',
          '5 lost B: forgotten, retry in Infinity',
          '5 started A',
          '5 synced A: discarded 1, held 0 ms',
        ]);
      }),
    );

    it(
      'hold maxHeld deltas each: the oldest makes room, and it is told once',
      marbles(({ cold, flush, expectObservable }) => {
        const source = cold('5-6-7-8---');
        const flight = cold('-------s  ', { s: 6 });
        const expected = '   -------(s78)';
        const { told, ...hooks } = telling();

        expectObservable(
          source.pipe(synced([flight], { maxHeld: 2, ...hooks }), map(shown)),
          '^---------!',
        ).toBe(expected, { s: '=6', 7: '7', 8: '8' });
        flush();
        expect(told).toStrictEqual([
          '0 started',
          '4 overflow: at 2',
          '4 drop 5: overflow',
          '6 drop 6: overflow',
          '7 synced: discarded 0, held 7 ms',
        ]);
      }),
    );
  });

  describe('resync$', () => {
    const letters = { a: 'A5', b: 'A6', c: 'A7', p: 'B1', q: 'B2', r: 'B3' };

    it(
      'starts a key anew at once, and no other',
      marbles(({ cold, hot, flush, expectObservable, expectSubscriptions }) => {
        const source = cold('ap-bq-c-r', letters);
        const resync$ = hot('-----A', { A: 'A' });
        const expected = '   st-bq--ur';
        const second = cold('     --u', { u: 7 });
        const snapshots: Record<string, (number | Observable<number>)[]> = { A: [5, second], B: [1] };
        const { told, ...hooks } = telling();

        const snapshot = (key: string): ReturnType<Config['snapshot']> => snapshots[key]!.shift()!;
        const out$ = source.pipe(synced([], { snapshot, resync$, ...hooks }), map(shown));
        expectObservable(out$, '^--------!').toBe(expected, { ...letters, s: 'A=5', t: 'B=1', u: 'A=7' });
        expectSubscriptions(second.subscriptions).toBe('-----^-!');
        flush();
        expect(told.filter((line) => line.startsWith('5'))).toStrictEqual([
          '5 lost A: resync, retry in 0',
          '5 started A',
        ]);
      }),
    );

    it(
      'without a key starts all anew: what is held is dropped, the flight and the wait of before end',
      marbles(({ cold, hot, flush, expectSubscriptions }) => {
        const source = cold('ap-----', letters);
        const resync$ = hot<undefined>('----x', { x: undefined });
        const old = cold('-----------s', { s: 9 });
        const snapshots: Record<string, ReturnType<Config['snapshot']>[]> = {
          A: [old, 5],
          B: [throwError(() => new Error('no')), 1],
        };
        const { told, ...hooks } = telling();

        const snapshot = (key: string): ReturnType<Config['snapshot']> => snapshots[key]!.shift()!;
        const retry = { initialMs: 5 } as const;
        source.pipe(synced([], { snapshot, resync$, retry, ...hooks }), takeUntil(timer(20))).subscribe();
        expectSubscriptions(old.subscriptions).toBe('^---!');
        flush();
        expect(told.filter((line) => /^([4-9]|\d\d) /.test(line)).sort()).toStrictEqual([
          '4 drop A5: resync',
          '4 drop B1: resync',
          '4 started A',
          '4 started B',
          '4 synced A: discarded 0, held 0 ms',
          '4 synced B: discarded 0, held 0 ms',
        ]);
      }),
    );

    it(
      'goes on with the row of delays, unless the key was in step for stableMs',
      marbles(({ cold, hot, flush }) => {
        const { told, ...hooks } = telling();
        const no = throwError(() => new Error('no'));
        const resync$ = hot('-----A----A', { A: 'A' });

        cold('a', letters)
          .pipe(synced([no, 5, no, 5, no, 5], { resync$, stableMs: 3, ...hooks }), takeUntil(timer(20)))
          .subscribe();
        flush();
        expect(told.filter((line) => line.includes('retry'))).toStrictEqual([
          '0 failed A: Error, retry in 2',
          '5 lost A: resync, retry in 0',
          '5 failed A: Error, retry in 2',
          '10 lost A: resync, retry in 0',
          '10 failed A: Error, retry in 2',
        ]);
      }),
    );

    it('leaves without effect a snapshot of before that had to wait for its turn', () => {
      const source$ = new Subject<string>();
      const resync$ = new Subject<string>();
      const old$ = new Subject<number>();
      const answers: Record<string, ReturnType<Config['snapshot']>[]> = { A: [5], B: [old$, 2] };
      const seen: string[] = [];
      source$
        .pipe(
          synced([], { snapshot: (key) => answers[key]!.shift()!, resync$ }),
          map(shown),
          tap((out) => {
            if (out !== 'A=5') return;
            resync$.next('B');
            old$.next(1);
          }),
        )
        .subscribe((out) => seen.push(out));

      source$.next('B1');
      source$.next('A5');
      expect(seen).toStrictEqual(['A=5', 'B=2']);
    });

    it(
      'asks for the snapshot of a key before its first delta',
      marbles(({ cold, hot, expectObservable }) => {
        const source = cold('----c', letters);
        const resync$ = hot('-A', { A: 'A' });

        const out$ = source.pipe(synced([6], { resync$ }), map(shown));
        expectObservable(out$, '^----!').toBe('-s--c', { ...letters, s: 'A=6' });
      }),
    );
  });
});
