import { EMPTY, Subscription } from 'rxjs';
import { Holes, type HolesHooks, type Step } from '../../src/operators/holes.js';
import type { Recovery } from '../../src/operators/recoverGaps.js';
import type { ReorderConfig } from '../../src/operators/reorder.js';
import { sequencingOf } from '../../src/operators/sequence.js';

/** Numbers of one sequence; a hole stays open for 4 ms, or until a third value waits. */
const scene = (config: Partial<ReorderConfig<number>> = {}) => {
  const waits: { readonly ms: number; readonly step: Step<number>; readonly timer: Subscription }[] = [];
  const asked: Recovery<number>[] = [];
  const told: string[] = [];
  const hooks: HolesHooks<number> = {
    later(ms, step) {
      const timer = new Subscription();
      waits.push({ ms, step, timer });
      return timer;
    },
    ask: (recovery) => asked.push(recovery),
  };
  const holes = new Holes(
    sequencingOf((value: number) => value, {}),
    {
      maxItems: 2,
      maxMs: 4,
      onGap: ({ missing }, value) => told.push(`${missing} missing before ${value}`),
      onLate: (value) => told.push(`${value} is late`),
      onDuplicate: (value) => told.push(`${value} again`),
      onDrop: (value) => told.push(`${value} dropped`),
      ...config,
    },
    hooks,
  );
  /** What comes out for each of these. */
  const take = (...values: number[]): number[][] =>
    values.map((value) => (holes.passes(value, true) ? [value] : [...holes.arrive(value)]));
  return { holes, take, waits, asked, told };
};

describe('Holes', () => {
  beforeEach(() => {
    jest.spyOn(Date, 'now').mockReturnValue(0); // no time passes while values are handed over
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('lets pass what goes on, and holds back what is behind a hole until that is filled', () => {
    const { take, told, waits } = scene();

    expect(take(1, 2, 5, 4, 3)).toStrictEqual([[1], [2], [], [], [3, 4, 5]]);
    expect(told).toStrictEqual([]);
    expect(waits).toMatchObject([{ ms: 4, timer: { closed: true } }]);
  });

  it('lets nothing pass by what waits to be placed', () => {
    const { holes, take } = scene();
    take(1);

    expect(holes.passes(2, false)).toBe(false);
    expect([...holes.arrive(2)]).toStrictEqual([2]);
  });

  it('gives up a hole with too much behind it, and one that is overdue', () => {
    const { take, told, waits } = scene();

    expect(take(1, 3, 4, 5)).toStrictEqual([[1], [], [], [3, 4, 5]]);
    expect(take(7)).toStrictEqual([[]]);
    expect([...(waits.at(-1) as (typeof waits)[number]).step()]).toStrictEqual([7]);
    expect(told).toStrictEqual(['1 missing before 3', '1 missing before 7']);
  });

  it('asks for what a hole lacks, once, and places what comes of it', () => {
    const { holes, take, asked, told } = scene({ recover: () => EMPTY });
    take(1, 4, 5, 6);
    const [recovery] = asked as [Recovery<number>];
    holes.came([2, 9, 3]);

    expect(recovery.gap).toStrictEqual({ after: 1, before: 4, missing: 2 });
    expect([...holes.takeIn(recovery, [2, 9, 3])]).toStrictEqual([2, 3, 4, 5, 6]);
    expect(recovery.isOver).toBe(true);
    expect([...holes.finish(recovery)]).toStrictEqual([]);
    expect(take(2)).toStrictEqual([[]]);
    expect(told).toStrictEqual(['9 again', '2 again']);
  });

  it('gives up a hole that what came of it did not fill', () => {
    const { holes, take, asked, told } = scene({ recover: () => EMPTY });
    take(1, 4, 5, 6);

    expect([...holes.finish(asked[0] as Recovery<number>, { error: 'lost' })]).toStrictEqual([4, 5, 6]);
    expect(told).toStrictEqual(['2 missing before 4']);
  });

  it('lets out all that it holds', () => {
    const { holes, take } = scene();
    take(1, 3, 5);

    expect([...holes.giveUpAll()]).toStrictEqual([3, 5]);
  });

  it('tells of all that does not come out, though it throws at one, and waits for nothing more', () => {
    const told: number[] = [];
    const { holes, take, waits } = scene({
      onDrop(value) {
        told.push(value);
        throw new Error(`thrown at ${value}`);
      },
    });
    take(1, 4, 3);
    holes.came([2]);

    expect(() => holes.drop()).toThrow('thrown at 3');
    expect(told).toStrictEqual([3, 4, 2]);
    expect(waits.map(({ timer }) => timer.closed)).toStrictEqual([true]);
    expect([...holes.giveUpAll()]).toStrictEqual([]);
  });
});
