import fc from 'fast-check';
import { Subject } from 'rxjs';
import { createBoundedLine, type Overflow } from '../../src/operators/boundedLine.js';
import { createTurnBudget } from '../../src/operators/turnBudget.js';

const sliceMs = 5;

interface Value {
  readonly n: number;
  readonly key: number | undefined;
  /** How long it is worked on. */
  readonly costMs: number;
  /** How many come meanwhile. */
  readonly brings: number;
}
type Step =
  | { readonly push: Omit<Value, 'n'> }
  | { readonly passMs: number }
  | { readonly do: 'turn' | 'end' | 'leave' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({
        push: fc.record({
          key: fc.option(fc.nat(2), { nil: undefined }),
          costMs: fc.nat(4),
          brings: fc.constantFrom(0, 0, 0, 1, 3),
        }),
      }),
      weight: 12,
    },
    { arbitrary: fc.record({ passMs: fc.nat(3) }), weight: 3 },
    { arbitrary: fc.constant({ do: 'turn' as const }), weight: 5 },
    { arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'leave' as const) }), weight: 1 },
  ),
  { maxLength: 80 },
);
const bounds = fc.record({
  overflow: fc.constantFrom<Overflow>('drop-oldest', 'drop-newest', 'conflate', 'error', 'pause'),
  maxItems: fc.integer({ min: 1, max: 5 }),
});
interface Bounds {
  readonly overflow: Overflow;
  readonly maxItems: number;
}
interface Machine {
  readonly log: string[];
  push(value: Value): void;
  pass(ms: number): void;
  do(what: 'turn' | 'end' | 'leave'): void;
}

/** What a value brings: one that costs nothing, and brings no more. */
const brought = (value: Value, which: number): Value => ({
  n: value.n * 10 + which + 0.5,
  key: value.key,
  costMs: 0,
  brings: 0,
});

/** What the words of the interface say, over a plain array. */
const model = ({ overflow, maxItems }: Bounds): Machine => {
  const log: string[] = [];
  const line: Value[] = [];
  let now = 1_000;
  let turnBegan: number | undefined;
  let state: 'open' | 'ended' | 'over' = 'open';
  let failure: string | undefined;
  let isTaking = false;
  let isPaused = false;
  let isYielding = false;
  let isWaiting = false;
  let lost = 0;
  let isOverloaded = false;

  const mayWork = (): boolean => now - (turnBegan ??= now) < sliceMs;
  const yields = (): void => {
    isWaiting = true;
    if (isOverloaded && lost < maxItems / 8) return;
    if (!isYielding) log.push('yield');
    isYielding = true;
  };
  const finish = (): void => {
    if (state !== 'ended' || line.length > 0) return;
    state = 'over';
    log.push(failure ?? 'done');
  };
  const take = (value: Value): void => {
    log.push(`take ${value.n} at ${now}`);
    isTaking = true;
    for (let which = 0; which < value.brings; which += 1) push(brought(value, which));
    now += value.costMs;
    isTaking = false;
  };
  const drain = (): void => {
    while (line.length > 0 && mayWork()) {
      take(line.shift()!);
      if (isPaused && line.length <= maxItems / 2) {
        isPaused = false;
        log.push('resume');
      }
    }
  };
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
      lost += 1;
      log.push(`overflow ${value.n}`);
      if (overflow === 'error') {
        state = 'ended';
        failure = 'BufferOverflowError';
      }
    } else {
      lost += 1;
      log.push(`overflow ${line.shift()!.n}`);
      line.push(value);
    }
    if (!isTaking) yields();
  };
  const push = (value: Value): void => {
    if (state !== 'open') {
      log.push(`ended ${value.n}`);
      return;
    }
    if (isTaking || line.length > 0 || !mayWork()) {
      wait(value);
      return;
    }
    take(value);
    drain();
    if (line.length > 0) yields();
    finish();
  };

  return {
    log,
    push,
    pass: (ms) => void (now += ms),
    do(what) {
      if (state === 'over') return;
      if (what === 'turn') {
        turnBegan = undefined;
        if (!isWaiting) return;
        drain();
        isWaiting = line.length > 0;
        isOverloaded = lost > 0 && !isOverloaded && isWaiting;
        lost = 0;
        if (isYielding) log.push('turn');
        isYielding = false;
        finish();
      } else if (what === 'end') {
        state = 'ended';
        finish();
      } else {
        state = 'over';
        for (const { n } of line.splice(0)) log.push(`ended ${n}`);
      }
    },
  };
};

const real = ({ overflow, maxItems }: Bounds): Machine & { readonly turn$: Subject<void> } => {
  const log: string[] = [];
  let now = 1_000;
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  const turn$ = new Subject<void>();
  const budget = createTurnBudget(turn$);
  const line = createBoundedLine<Value>({
    maxItems,
    overflow,
    key: ({ key }) => key,
    join: (onTurn) => budget.join(sliceMs, onTurn),
    take: (value, at) => {
      log.push(`take ${value.n} at ${at}`);
      for (let which = 0; which < value.brings; which += 1) push(brought(value, which));
      now += value.costMs;
    },
    onDrop: ({ n }, reason) => log.push(`${reason} ${n}`),
    onPause: () => log.push('pause'),
    onResume: () => log.push('resume'),
    onYield: () => log.push('yield'),
    onTurn: () => log.push('turn'),
    onDone: (failure) => log.push(failure === undefined ? 'done' : (failure.error as Error).name),
    onError: (error) => log.push(String(error)),
  });
  const push = (value: Value): void => void line.accept(value, now);
  return {
    log,
    turn$,
    push,
    pass: (ms) => void (now += ms),
    do(what) {
      if (what === 'turn') turn$.next();
      else if (what === 'end') line.end();
      else line.leave();
    },
  };
};

describe('createBoundedLine against a model', () => {
  afterEach(() => jest.restoreAllMocks());

  it('takes, drops, yields and ends exactly what and when its interface says', () => {
    fc.assert(
      fc.property(bounds, steps, (config, script) => {
        const line = real(config);
        const machines = [model(config), line];
        let made = 0;
        for (const step of script) {
          const n = made++;
          for (const machine of machines) {
            if ('push' in step) machine.push({ n, ...step.push });
            else if ('passMs' in step) machine.pass(step.passMs);
            else machine.do(step.do);
          }
        }
        for (const machine of machines) {
          machine.do('end');
          for (let turn = 0; turn <= 4 * made + 1; turn += 1) machine.do('turn');
        }
        expect(line.log).toStrictEqual(machines[0]!.log);
        expect(line.turn$.observed).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });
});
