import fc from 'fast-check';
import {
  asyncScheduler,
  config,
  EMPTY,
  firstValueFrom,
  NEVER,
  type Observable,
  of,
  Subject,
  tap,
  timer,
} from 'rxjs';
import { createTurnBudget, turnBudgetOf, type Worker } from '../../src/operators/turnBudget.js';
import { TurnEnd } from '../../src/operators/turnEnd.js';
import { marbles } from '../marbles.js';
import { collectGarbage } from '../collectGarbage.js';

/** A clock that stands still until it is set. */
const clock = (): { now: number } => {
  const time = { now: 1_000 };
  jest.spyOn(Date, 'now').mockImplementation(() => time.now);
  return time;
};

const nothing = (): void => undefined;

/** The end of turns, and what is known of those who ask for it. */
interface Turns {
  readonly settled: Observable<unknown>;
  readonly end: () => void;
  readonly isAwaited: () => boolean;
  /** How often it was asked for. */
  readonly asks: () => number;
}

const bySubscribing = (): Turns => {
  const turn$ = new Subject<void>();
  let asks = 0;
  const settled = turn$.pipe(tap({ subscribe: () => (asks += 1) }));
  return { settled, end: () => turn$.next(), isAwaited: () => turn$.observed, asks: () => asks };
};

/** One that may not be subscribed to. */
const byCalling = (): Turns => {
  const asked = new Map<number, () => void>();
  let asks = 0;
  const settled = new TurnEnd((task) => {
    const ask = (asks += 1);
    asked.set(ask, task);
    return () => void asked.delete(ask);
  });
  jest.spyOn(settled, 'subscribe').mockImplementation(() => {
    throw new Error('subscribed to');
  });
  const end = (): void => {
    const tasks = [...asked.values()];
    asked.clear();
    for (const task of tasks) task();
  };
  return { settled, end, isAwaited: () => asked.size > 0, asks: () => asks };
};

describe.each([
  ['an Observable', bySubscribing],
  ['a TurnEnd', byCalling],
])('createTurnBudget of %s', (_what, turnsOf) => {
  afterEach(() => jest.restoreAllMocks());

  it('asks for the end of the turn when work that was entered is left', () => {
    const { settled, end, isAwaited } = turnsOf();
    const budget = createTurnBudget(settled);
    const [one, other] = [budget.join(5, nothing), budget.join(5, nothing)];
    const told = [one.enter(0), other.enter(4), other.mayWork(4), other.enter(5), isAwaited()];
    one.exit();
    told.push(isAwaited());
    one.exit();
    end();
    one.exit(); // in no turn
    expect([...told, isAwaited()]).toStrictEqual([true, true, true, false, false, true, false]);

    expect(one.enter(5)).toBe(true);
    one.leave();
    expect(isAwaited()).toBe(true);
    end();
    expect(other.enter(1e6)).toBe(true);
  });

  it('asks for the end of the turn once, and only when somebody works or waits', () => {
    const { settled, end, isAwaited, asks } = turnsOf();
    const worker = createTurnBudget(settled).join(5, nothing);
    expect(asks()).toBe(0);
    for (let at = 0; at < 50; at += 1) worker.mayWork(at);
    expect(asks()).toBe(1);
    end();
    expect([asks(), isAwaited()]).toStrictEqual([1, false]);
    worker.wait();
    worker.wait();
    expect(asks()).toBe(2);
  });

  it('does not call who has left, and waits for no turn when all have', () => {
    const { settled, end, isAwaited } = turnsOf();
    const budget = createTurnBudget(settled);
    const onTurn = jest.fn();
    const gone = budget.join(5, onTurn);
    const stays = budget.join(5, nothing);
    gone.wait();
    gone.leave();
    gone.leave();
    gone.wait();
    expect(isAwaited()).toBe(true);
    end();
    expect(onTurn).not.toHaveBeenCalled();
    stays.mayWork(0);
    expect(isAwaited()).toBe(true);
    stays.leave();
    expect(isAwaited()).toBe(false);

    expect(budget.join(5, nothing).mayWork(1e6)).toBe(true);
  });

  it('passes nobody over twice by one behind it, works at most a slice too much a turn, and loses nothing', () => {
    const sliceMs = 5;
    const jobs = fc.array(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(jobs, fc.array(fc.nat(7), { maxLength: 10 }), (work, leavers) => {
        const time = clock();
        const { settled, end, isAwaited } = turnsOf();
        const budget = createTurnBudget(settled);
        const left = work.map((costs) => [...costs]);
        const gone = new Set<number>();
        /** Names in the order in which they asked, as the budget ought to keep them. */
        const order: number[] = [];
        let began: number | undefined;
        const workers = work.map((_costs, name) => {
          const worker = budget.join(sliceMs, () => {
            expect(order.shift()).toBe(name);
            expect(left[name]!.length).toBeGreaterThan(0);
            while (left[name]!.length > 0 && worker.mayWork(time.now)) {
              began ??= time.now;
              expect(time.now - began).toBeLessThan(sliceMs);
              time.now += left[name]!.shift()!;
            }
            if (left[name]!.length === 0) return;
            order.push(name);
            worker.wait();
          });
          return worker;
        });
        for (const [name, worker] of workers.entries()) {
          order.push(name);
          worker.wait();
        }
        for (let turn = 0; order.length > 0; turn += 1) {
          const before = left.flat().length;
          began = undefined;
          end();
          expect(left.flat().length).toBeLessThan(before);
          const leaver = leavers[turn];
          if (leaver === undefined || leaver >= workers.length) continue;
          workers[leaver]!.leave();
          gone.add(leaver);
          if (order.includes(leaver)) order.splice(order.indexOf(leaver), 1);
        }
        expect(left.filter((rest, name) => rest.length > 0 && !gone.has(name))).toStrictEqual([]);
        // The last turn ends like every other; then nothing is waited for.
        end();
        expect(isAwaited()).toBe(false);
      }),
    );
  });
});

describe('createTurnBudget', () => {
  afterEach(() => {
    jest.restoreAllMocks();
    config.onUnhandledError = null;
  });

  it('gives the time of one turn to all together', () => {
    const turn$ = new Subject<void>();
    const budget = createTurnBudget(turn$);
    const one = budget.join(5, nothing);
    const other = budget.join(5, nothing);

    expect([
      one.mayWork(1_000),
      other.mayWork(1_004),
      one.mayWork(1_005),
      other.mayWork(1_005),
    ]).toStrictEqual([true, true, false, false]);
    turn$.next();
    expect([other.mayWork(1_006), one.mayWork(1_010), one.mayWork(1_011)]).toStrictEqual([true, true, false]);
  });

  it('holds each to its own slice of the turn', () => {
    const budget = createTurnBudget(NEVER);
    const short = budget.join(2, nothing);
    const long = budget.join(Infinity, nothing);

    expect([short.mayWork(0), short.mayWork(2), long.mayWork(2), long.mayWork(1e9)]).toStrictEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it.each<[string, Observable<unknown>]>([
    ['emits', of(undefined)],
    ['completes', EMPTY],
  ])('is never used up where settled %s at once, as in virtual time', (_what, settled) => {
    const calls: string[] = [];
    const worker = createTurnBudget(settled).join(5, () => calls.push('turn'));

    expect([worker.mayWork(0), worker.mayWork(50), worker.mayWork(1e6)]).toStrictEqual([true, true, true]);
    worker.wait();
    expect(calls).toStrictEqual(['turn']);
  });

  it(
    'ends a turn when settled says so',
    marbles(({ cold, flush }) => {
      const answers: [number, boolean][] = [];
      const worker = createTurnBudget(timer(9)).join(5, nothing);
      cold('a-a-a-a-a-a-a|').subscribe(() => {
        const at = asyncScheduler.now();
        answers.push([at, worker.mayWork(at)]);
      });
      flush();
      expect(answers).toStrictEqual([
        [0, true],
        [2, true],
        [4, true],
        [6, false],
        [8, false],
        [10, true],
        [12, true],
      ]);
    }),
  );

  it('measures anew when the clock is set back, and does not freeze', () => {
    const worker = createTurnBudget(NEVER).join(5, nothing);

    expect([worker.mayWork(1_000), worker.mayWork(10), worker.mayWork(14), worker.mayWork(15)]).toStrictEqual(
      [true, true, true, false],
    );
  });

  it('calls those who wait in the order they asked, until the time is used up; the next turn goes on there', () => {
    const time = clock();
    const turn$ = new Subject<void>();
    const budget = createTurnBudget(turn$);
    const calls: string[] = [];
    const workers = ['a', 'b', 'c', 'd'].map((name) => {
      const worker = budget.join(5, () => {
        worker.mayWork(time.now);
        calls.push(name);
        time.now += 3;
        worker.wait();
      });
      return worker;
    });
    for (const worker of workers) worker.wait();
    const turns = [1, 2, 3].map(() => {
      turn$.next();
      return calls.splice(0).join('');
    });

    expect(turns).toStrictEqual(['ab', 'cd', 'ab']);
  });

  it('calls one that waits on without using any time once a turn', () => {
    const turn$ = new Subject<void>();
    let calls = 0;
    const worker: Worker = createTurnBudget(turn$).join(5, () => {
      calls += 1;
      worker.wait();
    });
    worker.wait();
    turn$.next();
    expect(calls).toBe(1);
    turn$.next();
    expect(calls).toBe(2);
  });

  it('calls it once a turn also when another, who waited, leaves meanwhile', () => {
    const turn$ = new Subject<void>();
    const budget = createTurnBudget(turn$);
    let calls = 0;
    const worker: Worker = budget.join(5, () => {
      calls += 1;
      other.leave();
      worker.wait();
    });
    const other = budget.join(5, nothing);
    worker.wait();
    other.wait();
    turn$.next();

    expect(calls).toBe(1);
  });

  it('calls nobody in the middle of the turn of another', () => {
    const turn$ = new Subject<void>();
    const budget = createTurnBudget(turn$);
    const log: string[] = [];
    const first = budget.join(5, () => {
      first.mayWork(asyncScheduler.now());
      log.push('first begins');
      turn$.next();
      log.push('first ends');
    });
    const second = budget.join(5, () => log.push('second'));
    first.wait();
    second.wait();
    turn$.next();

    expect(log).toStrictEqual(['first begins', 'first ends', 'second']);
  });

  it('reports what one throws, and calls the others', () => {
    jest.useFakeTimers();
    try {
      const reported: unknown[] = [];
      config.onUnhandledError = (error) => reported.push(error);
      const turn$ = new Subject<void>();
      const budget = createTurnBudget(turn$);
      const onTurn = jest.fn();
      const bad = budget.join(5, () => {
        throw new Error('bad');
      });
      const good = budget.join(5, onTurn);
      bad.wait();
      good.wait();
      turn$.next();
      expect(onTurn).toHaveBeenCalledTimes(1);
      jest.runAllTimers();
      expect(reported).toStrictEqual([new Error('bad')]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('takes an error of settled for the end of the turn, and reports it', () => {
    jest.useFakeTimers();
    try {
      const reported: unknown[] = [];
      config.onUnhandledError = (error) => reported.push(error);
      const turn$ = new Subject<void>();
      const worker = createTurnBudget(turn$).join(5, nothing);
      worker.mayWork(0);
      turn$.error(new Error('no turn'));
      expect(worker.mayWork(100)).toBe(true);
      jest.runAllTimers();
      expect(reported[0]).toStrictEqual(new Error('no turn'));
    } finally {
      jest.useRealTimers();
    }
  });

  it('takes a TurnEnd that cannot be asked for the end of the turn, and reports it', () => {
    jest.useFakeTimers();
    try {
      const reported: unknown[] = [];
      config.onUnhandledError = (error) => reported.push(error);
      const budget = createTurnBudget(
        new TurnEnd(() => {
          throw new Error('no turn');
        }),
      );
      const [one, other] = [budget.join(5, nothing), budget.join(5, nothing)];
      expect([one.mayWork(0), other.mayWork(100)]).toStrictEqual([true, true]);
      jest.runAllTimers();
      expect(reported).toStrictEqual([new Error('no turn'), new Error('no turn')]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('keeps nothing of a turn that is over', async () => {
    const ended: (() => void)[] = [];
    let kept: WeakRef<object> | undefined;
    const settled = new TurnEnd((task) => {
      ended.push(task);
      const cancel = (): void => undefined;
      kept = new WeakRef(cancel);
      return cancel;
    });
    const worker = createTurnBudget(settled).join(5, nothing);
    worker.mayWork(0);
    ended.pop()?.();
    await firstValueFrom(timer(0)); // a WeakRef holds until the end of its turn
    collectGarbage();
    expect([kept?.deref(), worker.mayWork(1e6)]).toStrictEqual([undefined, true]);
  });
});

describe('turnBudgetOf', () => {
  it('is the same for the same settled, and another for another', () => {
    const turn$ = new Subject<void>();

    expect(turnBudgetOf(turn$)).toBe(turnBudgetOf(turn$));
    expect(turnBudgetOf(turn$)).not.toBe(turnBudgetOf(new Subject<void>()));
  });
});
