import {
  EMPTY,
  ignoreElements,
  map,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  type Subscriber,
  take,
  tap,
  timer,
} from 'rxjs';
import { bufferBounded } from '../../src/operators/bufferBounded.js';
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

  it('does not resume a source it has left', () => {
    const gate$ = new Subject<never>();
    const onPause = jest.fn();
    const onResume = jest.fn();
    const source$ = new Subject<number>();
    source$
      .pipe(bufferBounded(2, { overflow: 'pause', project: behind(gate$), onPause, onResume }), take(1))
      .subscribe();
    range(0, 4).subscribe((value) => source$.next(value));
    gate$.complete();
    expect(onPause).toHaveBeenCalledTimes(1);
    expect(onResume).not.toHaveBeenCalled();
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
