import { TurnEnd } from '../../src/operators/turnEnd.js';

/** Turns that end when the test says so. */
const rig = (): { turn: TurnEnd; end: () => void; asked: Set<() => void> } => {
  const asked = new Set<() => void>();
  const turn = new TurnEnd((task) => {
    asked.add(task);
    return () => void asked.delete(task);
  });
  const end = (): void => {
    for (const task of asked) {
      asked.delete(task);
      task();
    }
  };
  return { turn, end, asked };
};

const hear = (turn: TurnEnd, heard: string[]): ReturnType<TurnEnd['subscribe']> =>
  turn.subscribe({ next: () => heard.push('next'), complete: () => heard.push('complete') });

describe('TurnEnd', () => {
  it('emits once and completes when the turn ends, and no sooner', () => {
    const tasks: (() => void)[] = [];
    const heard: string[] = [];
    hear(
      new TurnEnd((task) => {
        tasks.push(task);
        return () => undefined;
      }),
      heard,
    );
    expect(heard).toStrictEqual([]);
    tasks[0]?.();
    tasks[0]?.();
    expect([heard, tasks.length]).toStrictEqual([['next', 'complete'], 1]);
  });

  it('is asked anew by each who subscribes, and no more for who has left', () => {
    const { turn, end, asked } = rig();
    const heard: string[] = [];
    const left = hear(turn, heard);
    hear(turn, heard);
    expect(asked.size).toBe(2);
    left.unsubscribe();
    expect(asked.size).toBe(1);
    end();
    expect(heard).toStrictEqual(['next', 'complete']);
  });

  it('calls who asks by a call, unless that is taken back', () => {
    const { turn, end } = rig();
    const heard: string[] = [];
    turn.ask(() => heard.push('asked'));
    turn.ask(() => heard.push('taken back'))();
    end();
    expect(heard).toStrictEqual(['asked']);
  });
});
