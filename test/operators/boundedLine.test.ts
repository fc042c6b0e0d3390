import { of, Subject } from 'rxjs';
import {
  type BoundedLine,
  type BoundedLineConfig,
  createBoundedLine,
} from '../../src/operators/boundedLine.js';
import { createTurnBudget, type TurnBudget, type Worker } from '../../src/operators/turnBudget.js';

const sliceMs = 5;

/** A worker whose turn never comes. */
const idle: Worker = {
  mayWork: () => false,
  enter: () => false,
  exit: () => undefined,
  wait: () => undefined,
  leave: () => undefined,
};

/** A clock that stands still until it is set. */
const clock = (): { now: number } => {
  const time = { now: 1_000 };
  jest.spyOn(Date, 'now').mockImplementation(() => time.now);
  return time;
};

interface Value {
  readonly n: number;
  readonly key?: number | undefined;
  /** How long it is worked on, and how many come meanwhile. */
  readonly costMs?: number;
  readonly brings?: number;
}

interface Rig extends Partial<BoundedLineConfig<Value>> {
  readonly budget: TurnBudget;
}

/** A line that writes down all it tells. */
const rig = ({ budget, ...config }: Rig): { log: string[]; line: BoundedLine<Value> } => {
  const log: string[] = [];
  const line = createBoundedLine<Value>({
    maxItems: 100,
    join: (onTurn) => budget.join(sliceMs, onTurn),
    take: ({ n }) => log.push(`take ${n}`),
    onDrop: ({ n }, reason) => log.push(`${reason} ${n}`),
    onPause: () => log.push('pause'),
    onResume: () => log.push('resume'),
    onYield: () => log.push('yield'),
    onTurn: () => log.push('turn'),
    onDone: (failure) => log.push(failure ? String(failure.error) : 'done'),
    onError: (error) => log.push(`broken by ${String(error)}`),
    ...config,
  });
  return { log, line };
};

describe('createBoundedLine', () => {
  afterEach(() => jest.restoreAllMocks());

  it('takes a value at once, at the time its caller tells, and reads no clock', () => {
    const time = jest.spyOn(Date, 'now');
    const taken: unknown[] = [];
    const { line } = rig({
      budget: createTurnBudget(of(undefined)),
      take: (value, at) => taken.push([value, at]),
    });

    expect([line.accept({ n: 1 }, 10), line.accept({ n: 2 }, 20), line.size()]).toStrictEqual([
      true,
      true,
      0,
    ]);
    expect(taken).toStrictEqual([
      [{ n: 1 }, 10],
      [{ n: 2 }, 20],
    ]);
    expect(time).not.toHaveBeenCalled();
  });

  it('yields once a turn at the first value that has to wait, and drains before its source goes on', () => {
    const time = clock();
    const turn$ = new Subject<void>();
    const { log, line } = rig({
      budget: createTurnBudget(turn$),
      take: ({ n }) => {
        log.push(`take ${n}`);
        time.now += 2;
      },
    });
    const accept = (...ns: number[]): string[] => {
      for (const n of ns) line.accept({ n }, time.now);
      return log.splice(0);
    };
    const turn = (): string[] => {
      turn$.next();
      return log.splice(0);
    };

    expect(accept(1, 2, 3, 4, 5, 6, 7, 8)).toStrictEqual(['take 1', 'take 2', 'take 3', 'yield']);
    expect(turn()).toStrictEqual(['take 4', 'take 5', 'take 6', 'turn']);
    expect(accept(9, 10)).toStrictEqual(['yield']);
    expect(turn()).toStrictEqual(['take 7', 'take 8', 'take 9', 'turn']);
    expect(turn()).toStrictEqual(['take 10']);
    expect([turn(), turn$.observed, line.size()]).toStrictEqual([[], false, 0]);
  });

  it('lets its source go on in a turn after it overflowed, up to an eighth of the line, and not in the next', () => {
    const time = clock();
    const turn$ = new Subject<void>();
    const { log, line } = rig({
      budget: createTurnBudget(turn$),
      maxItems: 2,
      take: ({ n }) => {
        log.push(`take ${n}`);
        time.now += 5;
      },
      onDrop: ({ n }) => log.push(`lose ${n}`),
    });
    const play = (...ns: number[]): string[] => {
      turn$.next();
      for (const n of ns) line.accept({ n }, time.now);
      return log.splice(0);
    };

    expect(play(1, 2, 3, 4)).toStrictEqual(['take 1', 'yield', 'lose 2']);
    expect(play(5)).toStrictEqual(['take 3', 'turn']);
    expect(play(6, 7, 8)).toStrictEqual(['take 4', 'yield', 'lose 5', 'lose 6']);
    expect(play(9, 10)).toStrictEqual(['take 7', 'turn', 'lose 8', 'yield']);
    expect(play(11, 12)).toStrictEqual(['take 9', 'turn', 'yield', 'lose 10']);
  });

  it('is called in turn with others of the same budget, and its source stays stopped until then', () => {
    const time = clock();
    const turn$ = new Subject<void>();
    const budget = createTurnBudget(turn$);
    const log: string[] = [];
    const lines = ['a', 'b', 'c'].map((name) =>
      rig({
        budget,
        take: ({ n }) => {
          log.push(`${name}${n}`);
          time.now += 5;
        },
        onYield: () => log.push(`${name} stops`),
        onTurn: () => log.push(`${name} goes on`),
      }),
    );
    for (const n of [1, 2]) for (const { line } of lines) line.accept({ n }, time.now);
    const turns = [1, 2, 3, 4, 5, 6].map(() => {
      const told = log.splice(0);
      turn$.next();
      return told;
    });

    expect(turns).toStrictEqual([
      ['a1', 'b stops', 'c stops', 'a stops'],
      ['b1', 'b goes on'],
      ['c1', 'c goes on'],
      ['a2', 'a goes on'],
      ['b2'],
      ['c2'],
    ]);
    expect(turn$.observed).toBe(false);
  });

  it('keeps in the place of a value that waits what it is given for it, for who fills one object again and again', () => {
    clock();
    const { log, line } = rig({
      budget: createTurnBudget(new Subject()),
      maxItems: 1,
      keep: ({ n }) => ({ n }),
      take: ({ n }) => {
        log.push(`take ${n}`);
        if (n === 1) for (value.n = 2; value.n < 4; value.n += 1) line.accept(value, 1_000);
      },
    });
    const value = { n: 1 };
    line.accept(value, 1_000);

    expect(log).toStrictEqual(['take 1', 'overflow 2', 'take 3']);
  });

  it('makes wait what comes while a value is taken, without a yield if it is taken in the same turn', () => {
    const { log, line } = rig({
      budget: createTurnBudget(of(undefined)),
      take: ({ n }) => {
        log.push(`begin ${n}`);
        if (n < 3) line.accept({ n: n + 1 }, 0);
        log.push(`end ${n}`);
      },
    });
    line.accept({ n: 1 }, 0);

    expect(log).toStrictEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
  });

  it('takes nothing more once it is left in the middle of a value, and tells what is dropped', () => {
    const turn$ = new Subject<void>();
    const { log, line } = rig({
      budget: createTurnBudget(turn$),
      take: ({ n }) => {
        log.push(`take ${n}`);
        line.accept({ n: 2 }, 0);
        line.accept({ n: 3 }, 0);
        line.leave();
      },
    });

    expect([line.accept({ n: 1 }, 0), line.accept({ n: 4 }, 0)]).toStrictEqual([false, false]);
    line.end();
    line.leave();
    expect(log).toStrictEqual(['take 1', 'ended 2', 'ended 3', 'ended 4']);
    expect(turn$.observed).toBe(false);
  });

  it('asks for the end of a turn when the first value of it has been taken, and where that failed', () => {
    const turn$ = new Subject<void>();
    const budget = createTurnBudget(turn$);
    const observed: boolean[] = [];
    const other = budget.join(sliceMs, () => undefined);
    const { line } = rig({
      budget,
      take: ({ n }) => {
        observed.push(turn$.observed);
        if (n === 2) throw new Error('broken');
      },
    });
    line.accept({ n: 1 }, 0);
    expect([observed, turn$.observed]).toStrictEqual([[false], true]);
    turn$.next();
    line.accept({ n: 2 }, 0);
    expect([observed, turn$.observed]).toStrictEqual([[false, false], true]);
    other.leave();
    expect(turn$.observed).toBe(false);
  });

  it('finishes a value before the next when a turn comes in the middle of it', () => {
    let goOn = (): void => undefined;
    let room = 0;
    const { log, line } = rig({
      budget: createTurnBudget(of(undefined)),
      join: (onTurn) => {
        goOn = onTurn;
        return { ...idle, mayWork: () => room > 0, enter: () => room > 0 };
      },
      take: ({ n }) => {
        log.push(`begin ${n}`);
        goOn();
        log.push(`end ${n}`);
      },
    });
    for (const n of [1, 2]) line.accept({ n }, 0);
    room = 1;
    goOn();

    expect(log).toStrictEqual(['yield', 'begin 1', 'end 1', 'begin 2', 'end 2', 'turn']);
  });

  it('tells its source nothing of a turn in which it was left', () => {
    const time = clock();
    const turn$ = new Subject<void>();
    const { log, line } = rig({
      budget: createTurnBudget(turn$),
      take: ({ n }) => {
        log.push(`take ${n}`);
        time.now += 5;
        if (n === 2) line.leave();
      },
    });
    for (const n of [1, 2, 3]) line.accept({ n }, time.now);
    turn$.next();

    expect(log).toStrictEqual(['take 1', 'yield', 'take 2', 'ended 3']);
  });

  it('is done when what waited at the end is taken, and waits for no turn after that', () => {
    const time = clock();
    const turn$ = new Subject<void>();
    const { log, line } = rig({
      budget: createTurnBudget(turn$),
      take: ({ n }) => {
        log.push(`take ${n}`);
        time.now += 5;
      },
    });
    line.accept({ n: 1 }, time.now);
    line.accept({ n: 2 }, time.now);
    line.end({ error: new Error('lost') });
    line.end();
    expect(line.accept({ n: 3 }, time.now)).toBe(false);
    expect(turn$.observed).toBe(true);
    turn$.next();
    expect(log).toStrictEqual(['take 1', 'yield', 'ended 3', 'take 2', 'turn', 'Error: lost']);
    expect(turn$.observed).toBe(false);
  });

  it('drops as ended what comes after its end, also from inside the overflow that ends it', () => {
    const time = clock();
    const { log, line } = rig({
      budget: createTurnBudget(new Subject()),
      maxItems: 1,
      overflow: 'error',
      onDrop: ({ n }, reason) => {
        log.push(`${reason} ${n}`);
        if (n === 3) line.accept({ n: 4 }, time.now);
      },
    });
    line.accept({ n: 1 }, time.now);
    time.now += sliceMs;
    for (const n of [2, 3, 5]) line.accept({ n }, time.now);
    line.leave();

    expect(log.filter((entry) => entry !== 'yield')).toStrictEqual([
      'take 1',
      'overflow 3',
      'ended 4',
      'ended 5',
      'ended 2',
    ]);
  });

  it('is done after the value in which it was ended', () => {
    const { log, line } = rig({
      budget: createTurnBudget(of(undefined)),
      take: ({ n }) => {
        line.end();
        log.push(`take ${n}`);
      },
    });

    expect(line.accept({ n: 1 }, 0)).toBe(false);
    expect(log).toStrictEqual(['take 1', 'done']);
  });

  const bad = (): never => {
    throw new Error('bad');
  };
  it.each<[string, Partial<BoundedLineConfig<Value>>, string[]]>([
    ['take', { take: bad }, ['broken by Error: bad', 'ended 2', 'ended 3']],
    ['key', { overflow: 'conflate', key: bad }, ['take 1', 'broken by Error: bad', 'ended 3']],
    ['onYield', { onYield: bad }, ['take 1', 'broken by Error: bad', 'ended 2', 'ended 3']],
    [
      'onPause',
      { overflow: 'pause', maxItems: 1, onPause: bad },
      ['take 1', 'yield', 'broken by Error: bad', 'ended 2', 'ended 3'],
    ],
  ])('is broken by a %s that throws: tells it, then what is dropped', (_name, config, expected) => {
    const time = clock();
    const turn$ = new Subject<void>();
    const { log, line } = rig({ budget: createTurnBudget(turn$), ...config });
    line.accept({ n: 1 }, time.now);
    time.now += 5;
    line.accept({ n: 2 }, time.now);

    expect(line.accept({ n: 3 }, time.now)).toBe(false);
    expect(log).toStrictEqual(expected);
    expect(turn$.observed).toBe(false);
  });

  it.each(['onTurn', 'onResume', 'take'] as const)('is broken by a %s that throws on a turn', (name) => {
    const time = clock();
    const turn$ = new Subject<void>();
    let isBad = false;
    const { log, line } = rig({
      budget: createTurnBudget(turn$),
      overflow: 'pause',
      maxItems: 1,
      take: () => (time.now += 5),
      [name]: () => {
        time.now += 5;
        if (isBad) bad();
      },
    });
    for (let n = 1; n <= 3; n += 1) line.accept({ n }, time.now);
    isBad = true;
    for (let turn = 0; turn < 3; turn += 1) turn$.next();
    expect(log.filter((said) => said.startsWith('broken'))).toStrictEqual(['broken by Error: bad']);
    expect([line.size(), line.accept({ n: 4 }, time.now), turn$.observed]).toStrictEqual([0, false, false]);
  });

  it('throws to whoever leaves what onDrop throws then', () => {
    const { line } = rig({
      budget: createTurnBudget(new Subject()),
      join: () => idle,
      onDrop: bad,
    });
    line.accept({ n: 1 }, 0);

    expect(() => line.leave()).toThrow('bad');
  });

  it('throws to its caller what take throws after it was left', () => {
    const { log, line } = rig({
      budget: createTurnBudget(of(undefined)),
      take: () => {
        line.leave();
        bad();
      },
    });

    expect(() => line.accept({ n: 1 }, 0)).toThrow('bad');
    expect(log).toStrictEqual([]);
  });
});
