import {
  EMPTY,
  ignoreElements,
  map,
  NEVER,
  noop,
  Observable,
  of,
  range,
  Subject,
  type Subscriber,
  take,
  tap,
  timer,
  UnsubscriptionError,
} from 'rxjs';
import {
  bufferBounded,
  type BufferBoundedConfig,
  BufferPauseTimeoutError,
} from '../../src/operators/bufferBounded.js';
import { marbles } from '../marbles.js';

/** The first value keeps the only place until `gate$` completes; the others are done at once. */
const behind = (gate$: Observable<never>) => (value: number) => (value === 0 ? gate$ : of(value));

describe('bufferBounded', () => {
  it('hands what waits to onDrop when a synchronous subscriber has enough in the middle of a drain', () => {
    const onDrop = jest.fn<undefined, [number, string]>();
    const seen: number[] = [];
    let source: Subscriber<number> | undefined;
    new Observable<number>((subscriber) => {
      source = subscriber;
      subscriber.next(1);
    })
      .pipe(bufferBounded(5, { sliceMs: Infinity, onDrop }), take(2))
      .subscribe((value) => {
        seen.push(value);
        if (value === 1) [2, 3, 4].forEach((next) => source?.next(next));
      });
    expect(seen).toStrictEqual([1, 2]);
    expect(onDrop.mock.calls).toStrictEqual([
      [3, 'ended'],
      [4, 'ended'],
    ]);
  });

  describe('resumes once what it has paused', () => {
    /** Pauses at the fourth value: the first runs and the other three wait. */
    const paused = (config: BufferBoundedConfig<number> = {}) => {
      const log: unknown[] = [];
      const source$ = new Subject<number>();
      const gate$ = new Subject<never>();
      const values$ = source$.pipe(
        bufferBounded(2, {
          overflow: 'pause',
          project: behind(gate$),
          onDrop: (value, reason) => log.push(`${reason} ${value}`),
          onPause: () => log.push('pause'),
          onResume: () => log.push('resume'),
          ...config,
        }),
      );
      const start = (): void => {
        range(0, 4).subscribe((value) => source$.next(value));
      };
      return { log, source$, gate$, values$, start };
    };
    const lost = ['ended 1', 'ended 2', 'ended 3'];

    it('when it is left', () => {
      const { log, values$, start } = paused();
      const subscription = values$.subscribe();
      start();
      expect(log).toStrictEqual(['pause']);
      subscription.unsubscribe();
      expect(log).toStrictEqual(['pause', ...lost, 'resume']);
    });

    it('when a synchronous subscriber has enough in the middle of a drain', () => {
      const { log, gate$, values$, start } = paused();
      values$.pipe(take(1)).subscribe();
      start();
      gate$.complete();
      expect(log).toStrictEqual(['pause', 'ended 2', 'ended 3', 'resume']);
    });

    it('when a project errors', () => {
      const { log, gate$, values$, start } = paused();
      values$.subscribe({ error: (error: unknown) => log.push(error) });
      start();
      gate$.error(new Error('broken'));
      expect(log).toStrictEqual(['pause', new Error('broken'), ...lost, 'resume']);
    });

    it(
      'when the pause has lasted for too long',
      marbles(({ flush }) => {
        const { log, values$, start } = paused({ maxPauseMs: 5 });
        values$.subscribe({ error: (error: unknown) => log.push(error) });
        start();
        flush();
        expect(log).toStrictEqual(['pause', new BufferPauseTimeoutError(5), ...lost, 'resume']);
      }),
    );

    it.each([
      ['completes', (source$: Subject<number>) => source$.complete()],
      ['errors', (source$: Subject<number>) => source$.error(new Error('lost'))],
    ])('when its source %s, though values still wait', (_how, end) => {
      const { log, source$, gate$, values$, start } = paused();
      values$.subscribe({ next: (value) => log.push(value), error: noop });
      start();
      end(source$);
      expect(log).toStrictEqual(['pause', 'resume']);
      gate$.complete();
      expect(log).toStrictEqual(['pause', 'resume', 1, 2, 3]);
    });

    it('when onPause throws', () => {
      const onResume = jest.fn();
      const error = jest.fn();
      const onPause = (): void => {
        throw new Error('oops');
      };
      const { values$, start } = paused({ onPause, onResume });
      values$.subscribe({ error });
      start();
      expect(error.mock.calls).toStrictEqual([[new Error('oops')]]);
      expect(onResume).toHaveBeenCalledTimes(1);
    });

    it('when onDrop throws as it is left', () => {
      const onResume = jest.fn();
      const onDrop = (): void => {
        throw new Error('oops');
      };
      const { values$, start } = paused({ onDrop, onResume });
      const subscription = values$.subscribe();
      start();
      expect(() => subscription.unsubscribe()).toThrow(UnsubscriptionError);
      expect(onResume).toHaveBeenCalledTimes(1);
    });

    it('and not again when the pause was over before', () => {
      const { log, gate$, values$, start } = paused();
      const subscription = values$.subscribe();
      start();
      gate$.complete();
      subscription.unsubscribe();
      expect(log).toStrictEqual(['pause', 'resume']);
    });
  });

  describe('an onResume that throws', () => {
    const onResume = (): void => {
      throw new Error('oops');
    };
    const config = { overflow: 'pause', project: behind(NEVER), onResume } as const;

    it('reaches whoever unsubscribes', () => {
      const source$ = new Subject<number>();
      const subscription = source$.pipe(bufferBounded(1, config)).subscribe();
      range(0, 3).subscribe((value) => source$.next(value));
      expect(() => subscription.unsubscribe()).toThrow(/oops/);
      expect(source$.observed).toBe(false);
    });

    it(
      'takes no error of the stream from its subscriber',
      marbles(({ flush }) => {
        const source$ = new Subject<number>();
        const error = jest.fn();
        source$.pipe(bufferBounded(1, { ...config, maxPauseMs: 5 })).subscribe({ error });
        range(0, 3).subscribe((value) => source$.next(value));
        flush();
        expect(error.mock.calls).toStrictEqual([[new BufferPauseTimeoutError(5)]]);
        expect(source$.observed).toBe(false);
      }),
    );

    it('is the error of the stream when the source has ended', () => {
      const error = jest.fn();
      range(0, 3).pipe(bufferBounded(1, config)).subscribe({ error });
      expect(error.mock.calls).toStrictEqual([[new Error('oops')]]);
    });
  });

  it(
    'forgets the deadline of a pause that is over',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  (0123)------|', { 0: 0, 1: 1, 2: 2, 3: 3 });
      const gate = timer(2).pipe(ignoreElements());
      const expected = '    --(123)-----|';
      const buffer = bufferBounded(2, { overflow: 'pause', maxPauseMs: 5, project: behind(gate) });
      expectObservable(source.pipe(buffer)).toBe(expected, { 1: 1, 2: 2, 3: 3 });
    }),
  );

  it(
    'gives what waits all the time it needs once its source has ended',
    marbles(({ cold, expectObservable }) => {
      const source = cold(' (01|)');
      const expected = '   --------0-------(1|)';
      const project = (value: string) => timer(8).pipe(map(() => value));
      const buffer = bufferBounded<string>(1, { overflow: 'pause', maxPauseMs: 5, project });
      expectObservable(source.pipe(buffer)).toBe(expected);
      expectObservable(cold('(012|)').pipe(buffer)).toBe('--------0-------1-------(2|)');
    }),
  );

  it('holds 2 × maxItems + 10_000 during a pause, then drops the newest', () => {
    const dropped: unknown[] = [];
    const config = {
      overflow: 'pause',
      project: () => NEVER,
      onDrop: (...drop: unknown[]) => dropped.push(drop),
    } as const;
    const source$ = new Subject<number>();
    const subscription = source$.pipe(bufferBounded(1, config)).subscribe();
    // One is running, 10 002 wait, one is too many.
    range(0, 10_004).subscribe((value) => source$.next(value));
    expect(dropped).toStrictEqual([[10_003, 'overflow']]);
    subscription.unsubscribe();
    expect(dropped).toHaveLength(10_003);
  });

  describe('in slices', () => {
    afterEach(() => jest.restoreAllMocks());

    /** A clock that stands still until it is set. */
    const clock = (): { now: number } => {
      const time = { now: 1_000 };
      jest.spyOn(Date, 'now').mockImplementation(() => time.now);
      return time;
    };

    it('takes a settled that completes for one that emits', () => {
      const time = clock();
      const turn$ = new Subject<never>();
      const seen: number[] = [];
      of(1, 2)
        .pipe(
          bufferBounded(5, { settled: turn$ }),
          tap(() => (time.now += 5)),
        )
        .subscribe((value) => seen.push(value));
      expect(seen).toStrictEqual([1]);
      turn$.complete();
      expect(seen).toStrictEqual([1, 2]);
    });

    it('keeps the order when the clock is set back', () => {
      const time = clock();
      const source$ = new Subject<number>();
      const seen: number[] = [];
      const turn$ = new Subject<void>();
      source$.pipe(bufferBounded(5, { settled: turn$ })).subscribe((value) => seen.push(value));
      source$.next(1);
      time.now += 5;
      source$.next(2);
      time.now -= 4;
      source$.next(3);
      turn$.next();
      expect(seen).toStrictEqual([1, 2, 3]);
    });

    it('errors when settled does', () => {
      const turn$ = new Subject<void>();
      const source$ = new Subject<number>();
      const error = jest.fn();
      source$.pipe(bufferBounded(5, { settled: turn$ })).subscribe({ error });
      source$.next(1);
      turn$.error(new Error('no turn'));
      expect(error.mock.calls).toStrictEqual([[new Error('no turn')]]);
      expect(source$.observed).toBe(false);
    });

    it('never waits where settled is synchronous', () => {
      const time = clock();
      const seen: number[] = [];
      of(1, 2, 3)
        .pipe(
          bufferBounded(5, { settled: EMPTY }),
          tap(() => (time.now += 50)),
        )
        .subscribe((value) => seen.push(value));
      expect(seen).toStrictEqual([1, 2, 3]);
    });
  });
});
