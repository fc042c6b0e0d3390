import fc from 'fast-check';
import { asyncScheduler, tap, timer } from 'rxjs';
import { createDeadlines, type Deadline, DeadlineHeap } from '../../src/sinks/deadlines.js';
import { HOUR_MS, marbles } from '../marbles.js';

interface Entry extends Deadline {
  readonly name: string;
}
const entry = (name: string): Entry => ({ name, dueAt: 0, slot: -1 });

/** Deadlines that write down what falls due and when. */
const recorded = (): { log: string[]; deadlines: ReturnType<typeof createDeadlines<Entry>> } => {
  const log: string[] = [];
  return { log, deadlines: createDeadlines<Entry>(({ name }, now) => log.push(`${name}@${now}`)) };
};

describe('createDeadlines', () => {
  it(
    'hands out each entry exactly at its deadline, in order',
    marbles(({ flush }) => {
      const { log, deadlines } = recorded();
      for (const [name, dueAt] of Object.entries({ c: 30, a: 10, d: 40, b: 20 }))
        deadlines.put(entry(name), dueAt);
      flush();
      expect(log).toStrictEqual(['a@10', 'b@20', 'c@30', 'd@40']);
    }),
  );

  it(
    'moves an entry that is put in again',
    marbles(({ flush }) => {
      const { log, deadlines } = recorded();
      const [a, b] = [entry('a'), entry('b')];
      deadlines.put(a, 10);
      deadlines.put(b, 20);
      deadlines.put(a, 30);
      deadlines.put(b, 5);
      flush();
      expect(log).toStrictEqual(['b@5', 'a@30']);
    }),
  );

  it(
    'forgets an entry that is taken out, and does not mind one that was not in',
    marbles(({ flush }) => {
      const { log, deadlines } = recorded();
      const [a, b] = [entry('a'), entry('b')];
      deadlines.put(a, 10);
      deadlines.put(b, 20);
      deadlines.remove(a);
      deadlines.remove(a);
      flush();
      expect(log).toStrictEqual(['b@20']);
    }),
  );

  it(
    'takes an entry back at its deadline',
    marbles(({ flush }) => {
      const log: number[] = [];
      const deadlines = createDeadlines<Entry>((due, now) => {
        log.push(now);
        if (now < 30) deadlines.put(due, now + 10);
      });
      deadlines.put(entry('a'), 10);
      flush();
      expect(log).toStrictEqual([10, 20, 30]);
    }),
  );

  it(
    'sets its timer once a round, however many entries fall due and come back',
    marbles(({ flush }) => {
      const schedule = jest.spyOn(asyncScheduler, 'schedule');
      const deadlines = createDeadlines<Entry>((due, now) => {
        if (now < 30) deadlines.put(due, now + 10);
      });
      for (const name of ['a', 'b', 'c']) deadlines.put(entry(name), 10);
      flush();
      expect(schedule.mock.calls.map(([, delayMs]) => delayMs)).toStrictEqual([10, 10, 10]);
      schedule.mockRestore();
    }),
  );

  it(
    'waits for a deadline that lies further away than a platform timer can',
    marbles(({ flush }) => {
      const { log, deadlines } = recorded();
      const schedule = jest.spyOn(asyncScheduler, 'schedule');
      deadlines.put(entry('a'), 2 ** 32);
      flush();
      expect(log).toStrictEqual([`a@${2 ** 32}`]);
      expect(schedule.mock.calls.map(([, delayMs]) => delayMs)).toStrictEqual([2 ** 31 - 1, 2 ** 31 - 1, 2]);
      schedule.mockRestore();
    }),
  );

  describe('on the clock of the platform', () => {
    beforeEach(() => jest.useFakeTimers({ now: 1_000_000 }));
    afterEach(() => jest.useRealTimers());

    it('has one timer for many entries, and none when it is empty', () => {
      const { deadlines } = recorded();
      const entries = Array.from({ length: 100 }, (_, n) => entry(String(n)));
      entries.forEach((each, n) => deadlines.put(each, 1_000_100 - n));
      expect(jest.getTimerCount()).toBe(1);

      for (const each of entries.slice(1)) deadlines.remove(each);
      expect(jest.getTimerCount()).toBe(1);
      deadlines.remove(entries[0]!);
      expect(jest.getTimerCount()).toBe(0);

      deadlines.put(entry('again'), 1_000_200);
      deadlines.clear();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('hands out every entry when the clock was set back, to be put in anew', () => {
      const { log, deadlines } = recorded();
      deadlines.put(entry('a'), 1_000_100);
      deadlines.put(entry('b'), 1_000_200);
      jest.setSystemTime(400_000);
      jest.advanceTimersByTime(100);
      expect(log).toStrictEqual(['a@400100', 'b@400100']);
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('hands out every entry when the clock was set back, though the timer was set anew since', () => {
    jest.useFakeTimers({ now: 1_000_000 });
    const { log, deadlines } = recorded();
    deadlines.put(entry('a'), 1_000_100);
    jest.setSystemTime(400_000);
    deadlines.put(entry('b'), 400_050);
    jest.advanceTimersByTime(50);
    expect(log).toStrictEqual(['b@400050', 'a@400050']);
    jest.useRealTimers();
  });

  it('says how late its timer rings before it hands out an entry, once', () => {
    jest.useFakeTimers({ now: 1_000_000 });
    const log: unknown[] = [];
    const deadlines = new DeadlineHeap<Entry>({
      onLate: (lateMs, now) => log.push([lateMs, now]),
      onDue: ({ name }) => log.push(name),
    });
    deadlines.put(entry('a'), 1_000_100);
    deadlines.put(entry('b'), 1_000_150);
    jest.setSystemTime(1_000_000 + HOUR_MS);
    jest.advanceTimersByTime(100);
    expect(log).toStrictEqual([[HOUR_MS, 1_000_100 + HOUR_MS], 'a', 'b']);
    deadlines.put(entry('c'), 1_000_150 + HOUR_MS);
    jest.setSystemTime(1_001_100 + HOUR_MS);
    jest.advanceTimersByTime(50);
    expect(log.slice(3)).toStrictEqual(['c']);
    jest.useRealTimers();
  });

  it('agrees with a sorted list, whatever is put in, moved and taken out', () => {
    const step = fc.record({
      at: fc.nat(200),
      name: fc.nat(9),
      inMs: fc.option(fc.integer({ min: 1, max: 100 })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (unsorted) => {
        const steps = unsorted.toSorted((one, other) => one.at - other.at);
        const expected: string[] = [];
        const planned = new Map<number, number>();
        const expire = (now: number): void => {
          const due = [...planned]
            .filter(([, at]) => at <= now)
            .toSorted(([, one], [, other]) => one - other);
          for (const [name, at] of due) {
            expected.push(`${name}@${at}`);
            planned.delete(name);
          }
        };

        marbles(({ flush }) => {
          const { log, deadlines } = recorded();
          const entries = Array.from({ length: 10 }, (_, n) => entry(String(n)));
          for (const { at, name, inMs } of steps) {
            // Half a millisecond keeps the steps clear of the deadlines.
            timer(at + 0.5)
              .pipe(
                tap(() => {
                  if (inMs === null) deadlines.remove(entries[name]!);
                  else deadlines.put(entries[name]!, at + inMs);
                }),
              )
              .subscribe();
          }
          flush();
          for (const { at, name, inMs } of steps) {
            expire(at);
            if (inMs === null) planned.delete(name);
            else planned.set(name, at + inMs);
          }
          expire(Infinity);
          const sorted = (lines: readonly string[]): string[] =>
            lines.toSorted(
              (one, other) =>
                Number(one.split('@')[1]) - Number(other.split('@')[1]) || (one < other ? -1 : 1),
            );
          expect(sorted(log)).toStrictEqual(sorted(expected));
          expect(log.map((line) => Number(line.split('@')[1]))).toStrictEqual(
            expected.map((line) => Number(line.split('@')[1])),
          );
        })();
      }),
    );
  });
});
