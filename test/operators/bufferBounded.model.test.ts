import fc from 'fast-check';
import { map, Subject, tap } from 'rxjs';
import { bufferBounded, BufferOverflowError, type Overflow } from '../../src/operators/bufferBounded.js';

interface Value {
  readonly n: number;
  readonly key: number | undefined;
}
/** A value arrives, or one of those that are worked on is done. */
type Action = { readonly push: number | undefined } | { readonly finish: number };

const push = fc.record({ push: fc.option(fc.nat(2), { nil: undefined }) });
const finish = fc.record({ finish: fc.nat(5) });
const actions = fc.array(fc.oneof({ arbitrary: push, weight: 3 }, { arbitrary: finish, weight: 2 }), {
  maxLength: 80,
});

interface Bounds {
  readonly overflow: Overflow;
  readonly maxItems: number;
  readonly concurrency: number;
}
const bounds: fc.Arbitrary<Bounds> = fc.record({
  overflow: fc.constantFrom('drop-oldest', 'drop-newest', 'conflate', 'error', 'pause'),
  maxItems: fc.integer({ min: 1, max: 5 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
});

/** What the words of `Overflow` say, over plain arrays. */
function expected({ overflow, maxItems, concurrency }: Bounds, script: readonly Action[]): string[] {
  const log: string[] = [];
  const line: Value[] = [];
  const working: Value[] = [];
  let isPaused = false as boolean;
  let hasFailed = false as boolean;
  let made = 0;

  const wait = (value: Value): void => {
    const same = line.findIndex(({ key }) => key !== undefined && key === value.key);
    if (overflow === 'conflate' && same >= 0) {
      log.push(`conflated ${line[same]!.n}`);
      line[same] = value;
    } else if (line.length < maxItems || overflow === 'pause') {
      line.push(value);
      if (overflow === 'pause' && line.length > maxItems && !isPaused) {
        isPaused = true;
        log.push('pause');
      }
    } else if (overflow === 'drop-newest' || overflow === 'error') {
      log.push(`overflow ${value.n}`);
      hasFailed = overflow === 'error';
    } else {
      log.push(`overflow ${line.shift()!.n}`);
      line.push(value);
    }
  };
  const start = (value: Value): void => {
    working.push(value);
    log.push(`start ${value.n}`);
  };
  const finishOne = (which: number): void => {
    const [done] = working.splice(which % working.length, 1);
    log.push(`out ${done!.n}`);
    while (line.length > 0 && working.length < concurrency) {
      start(line.shift()!);
      if (isPaused && line.length <= maxItems / 2) {
        isPaused = false;
        log.push('resume');
      }
    }
    if (hasFailed && working.length === 0) log.push('failed');
  };

  for (const action of script) {
    if ('finish' in action) {
      if (working.length > 0) finishOne(action.finish);
    } else if (!hasFailed) {
      const value = { n: made++, key: action.push };
      if (working.length < concurrency) start(value);
      else wait(value);
    }
  }
  if (isPaused) log.push('resume'); // the source has ended
  isPaused = false;
  while (working.length > 0) finishOne(0);
  if (!hasFailed) log.push('complete');
  return log;
}

/** What the operator does. */
function actual({ overflow, maxItems, concurrency }: Bounds, script: readonly Action[]): string[] {
  const log: string[] = [];
  const working: { readonly done$: Subject<void> }[] = [];
  let made = 0;
  const source$ = new Subject<Value>();
  source$
    .pipe(
      bufferBounded<Value>(maxItems, {
        overflow,
        concurrency,
        key: ({ key }) => key,
        maxPauseMs: Infinity,
        project: (value) => {
          const done$ = new Subject<void>();
          working.push({ done$ });
          log.push(`start ${value.n}`);
          return done$.pipe(map(() => value));
        },
        onDrop: ({ n }, reason) => log.push(`${reason} ${n}`),
        onPause: () => log.push('pause'),
        onResume: () => log.push('resume'),
      }),
    )
    .subscribe({
      next: ({ n }) => log.push(`out ${n}`),
      complete: () => log.push('complete'),
      error: (error: unknown) => log.push(error instanceof BufferOverflowError ? 'failed' : String(error)),
    });
  const finishOne = (which: number): void => {
    const [{ done$ }] = working.splice(which % working.length, 1) as [{ done$: Subject<void> }];
    done$.next();
    done$.complete();
  };

  for (const action of script) {
    if ('finish' in action) {
      if (working.length > 0) finishOne(action.finish);
    } else if (source$.observed) {
      source$.next({ n: made++, key: action.push });
    }
  }
  source$.complete();
  while (working.length > 0) finishOne(0);
  return log;
}

describe('bufferBounded against a model', () => {
  it('starts, drops, conflates, pauses and resumes exactly what and when the policy says', () => {
    fc.assert(
      fc.property(bounds, actions, (config, script) => {
        expect(actual(config, script)).toStrictEqual(expected(config, script));
      }),
      { numRuns: 3_000 },
    );
  });

  it('works at most a slice a turn, in order, and loses nothing', () => {
    const sliceMs = 5;
    const steps = fc.array(
      fc.oneof(
        fc.record({ push: fc.nat(4) }),
        fc.record({ pass: fc.nat(3) }),
        fc.constant({ turn: true as const }),
      ),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(steps, (script) => {
        let now = 1_000;
        const clock = jest.spyOn(Date, 'now').mockImplementation(() => now);
        try {
          const turn$ = new Subject<void>();
          const source$ = new Subject<{ readonly n: number; readonly costMs: number }>();
          const out: number[] = [];
          let made = 0;
          let began: number | undefined;
          source$
            .pipe(
              bufferBounded(1_000, { sliceMs, settled: turn$ }),
              tap(({ n, costMs }) => {
                out.push(n);
                began ??= now;
                expect(now - began).toBeLessThan(sliceMs);
                now += costMs;
              }),
            )
            .subscribe();
          const turn = (): void => {
            began = undefined;
            turn$.next();
          };
          for (const step of script) {
            if ('push' in step) source$.next({ n: made++, costMs: step.push });
            else if ('pass' in step) now += step.pass;
            else turn();
          }
          while (out.length < made) {
            const before = out.length;
            turn();
            expect(out.length).toBeGreaterThan(before);
          }
          expect(out).toStrictEqual(Array.from({ length: made }, (_, n) => n));
        } finally {
          clock.mockRestore();
        }
      }),
    );
  });
});
