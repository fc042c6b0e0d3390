import * as fc from 'fast-check';
import { from } from 'rxjs';
import { detectGaps, type DetectGapsConfig } from '../../src/operators/detectGaps.js';
import { createGapWatch } from '../../src/operators/gapWatch.js';

/** The number a value ends with: 7 of `7` and of `6>7`, which links to 6. */
const last = (value: string): number => Number(/\d+$/.exec(value)?.[0]);
const previous = (value: string): number => Number(value.split('>')[0]);

const fail = (): never => {
  throw new Error('thrown');
};

describe('createGapWatch', () => {
  it('tells what the operator tells, whatever comes', () => {
    const numbers = fc.oneof(fc.nat(12), fc.constantFrom(2 ** 31, 2 ** 40, 2 ** 40 + 1));
    const values = fc.array(fc.tuple(fc.constantFrom('A', 'B', 'C'), numbers, numbers, fc.nat(9)), {
      maxLength: 60,
    });
    type Message = readonly [scope: string, number: number, link: number, luck: number];
    const kinds: DetectGapsConfig<Message>[] = [
      {},
      { first: ([, number, link]) => Math.min(number, link) },
      { previous: ([, , link, luck]) => (luck === 0 ? undefined : link) },
    ];
    fc.assert(
      fc.property(values, fc.nat(2), fc.boolean(), fc.boolean(), (messages, kind, isScoped, isReset) => {
        const told = (play: (config: DetectGapsConfig<Message>) => void): unknown[] => {
          const events: unknown[] = [];
          play({
            ...kinds[kind],
            ...(isScoped && { scope: ([name]) => name, maxScopes: 2 }),
            ...(isReset && { isReset: ([, , , luck]) => luck === 1 }),
            onGap: (gap, value) => events.push([gap, value]),
            onLate: (value, expected) => events.push([value, expected]),
            onScopeForgotten: (name) => events.push(name),
          });
          return events;
        };

        expect(
          told((config) => {
            const gaps = createGapWatch<Message>(([, number]) => number, config);
            for (const message of messages) gaps.watch(message);
          }),
        ).toStrictEqual(
          told((config) => {
            from(messages)
              .pipe(detectGaps(([, number]: Message) => number, config))
              .subscribe();
          }),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('tells what a few plain lines tell, where numbers are all there is', () => {
    const numbers = fc.array(fc.tuple(fc.nat(12), fc.nat(9)), { maxLength: 60 });
    fc.assert(
      fc.property(numbers, fc.boolean(), (messages, isScoped) => {
        const told: unknown[] = [];
        const gaps = createGapWatch<readonly [number, number]>(([number]) => number, {
          isReset: ([, luck]) => luck === 1,
          ...(isScoped && { scope: () => 'one' }),
          onGap: ({ after, before }) => told.push(['gap', after, before]),
          onLate: ([number], expected) => told.push(['late', number, expected]),
        });
        if (isScoped) gaps.take('one', 0);
        for (const message of messages) gaps.watch(message, 0);

        const due: unknown[] = [];
        let last: number | undefined;
        for (const [number, luck] of messages) {
          if (last !== undefined && luck !== 1 && number <= last) {
            due.push(['late', number, last + 1]);
            continue;
          }
          if (last !== undefined && luck !== 1 && number > last + 1) due.push(['gap', last, number]);
          last = number;
        }
        expect(told).toStrictEqual(due);
      }),
      { numRuns: 300 },
    );
  });

  it('has told when it returns', () => {
    const told: unknown[] = [];
    const gaps = createGapWatch(last, {
      onGap: (gap) => told.push(gap),
      onLate: (value, expected) => told.push([value, expected]),
    });
    gaps.watch('1');
    expect(told).toStrictEqual([]);
    gaps.watch('3');
    expect(told.splice(0)).toStrictEqual([{ after: 1, before: 3, missing: 1 }]);
    gaps.watch('2');
    expect(told).toStrictEqual([['2', 4]]);
  });

  it.each<[string, string, DetectGapsConfig<string>, readonly string[]]>([
    ['without links', '1 2 5 3 6', { first: last }, ['of', 'scope', 'isReset', 'first']],
    ['with links', '0>1 1>2 4>5 2>3 5>6', { previous, first: fail }, ['of', 'scope', 'isReset', 'previous']],
  ])('asks each hook at most once a value, %s', (_name, values, config, names) => {
    const asked: string[] = [];
    const counted =
      <A, R>(name: string, hook: (value: A) => R) =>
      (value: A): R => {
        asked.push(name);
        return hook(value);
      };
    const gaps = createGapWatch(counted('of', last), {
      ...(config.previous
        ? { previous: counted('previous', config.previous) }
        : { first: counted('first', last) }),
      scope: counted('scope', () => 'one'),
      isReset: counted('isReset', () => false),
    });
    for (const value of values.split(' ')) {
      gaps.watch(value);
      expect(asked).toStrictEqual([...new Set(asked)]);
      expect(names).toStrictEqual(expect.arrayContaining(asked.splice(0)));
    }
  });

  it('goes on where it was when a hook puts the sequence back', () => {
    const scopeOf = (value: string): string => value.charAt(0);
    const told: unknown[] = [];
    const gaps = createGapWatch((value: string) => Number(value.slice(1)), {
      scope: scopeOf,
      onGap: (_gap, value) => {
        told.push(value);
        if (scopeOf(value) === 'A') gaps.put(7);
      },
    });
    gaps.take('A', 7);
    for (const value of ['A1', 'A2', 'A5']) gaps.watch(value, 7);
    gaps.watch('A6');
    expect(told).toStrictEqual(['A5']);
  });

  it('goes on from what a hook lets in', () => {
    const told: unknown[] = [];
    const gaps = createGapWatch((number: number) => number, {
      onGap: ({ after, before }) => {
        told.push([after, before]);
        if (before === 5) for (const number of [6, 7]) gaps.watch(number);
      },
    });
    for (const number of [1, 2, 5, 8, 9]) gaps.watch(number);
    expect(told).toStrictEqual([[2, 5]]);
  });

  it('tells the same of a scope taken out as of one that is not, whatever its hooks let in', () => {
    const numbers = fc.array(fc.tuple(fc.nat(12), fc.array(fc.nat(12), { maxLength: 4 })), { maxLength: 20 });
    fc.assert(
      fc.property(numbers, (messages) => {
        const toldOf = (place?: number): unknown[] => {
          const told: unknown[] = [];
          let inside: readonly number[] = [];
          const tell = (...event: readonly unknown[]): void => {
            told.push(event);
            const [now, later] = [inside.slice(0, 2), inside.slice(2)];
            inside = later;
            for (const number of now) gaps.watch(number, place);
          };
          const gaps = createGapWatch((number: number) => number, {
            scope: () => 'one',
            onGap: tell,
            onLate: tell,
          });
          if (place !== undefined) gaps.take('one', place);
          for (const [number, nested] of messages) {
            inside = nested;
            gaps.watch(number, place);
          }
          return told;
        };
        expect(toldOf(0)).toStrictEqual(toldOf());
      }),
      { numRuns: 300 },
    );
  });

  it('leaves the one alone that a hook takes in the place of the one it puts back', () => {
    const scopeOf = (value: string): string => value.charAt(0);
    const told: unknown[] = [];
    const gaps = createGapWatch((value: string) => Number(value.slice(1)), {
      scope: scopeOf,
      onGap: (_gap, value) => {
        told.push(value);
        if (scopeOf(value) !== 'A') return;
        gaps.put(0);
        gaps.take('B', 0);
      },
    });
    gaps.watch('B7');
    gaps.take('A', 0);
    for (const value of ['A1', 'A3', 'B8']) gaps.watch(value, 0);
    expect(told).toStrictEqual(['A3']);
  });

  it('keeps the one that a place has, and watches as without a place where none is, also where one was', () => {
    const scopeOf = (value: string): string => value.charAt(0);
    const told: unknown[] = [];
    const gaps = createGapWatch((value: string) => Number(value.slice(1)), {
      scope: scopeOf,
      onGap: (_gap, value) => told.push(value),
    });
    gaps.take('A', 0);
    gaps.watch('A1', 0);
    gaps.take('B', 0);
    gaps.watch('A3', 0);
    expect(told.splice(0)).toStrictEqual(['A3']);
    expect([gaps.put(0), gaps.put(0), gaps.put(1)]).toStrictEqual([false, false, false]);
    for (const value of ['A4', 'B4']) gaps.watch(value, 0);
    for (const value of ['A5', 'B5', 'A7', 'B6']) gaps.watch(value);
    expect(told).toStrictEqual(['A7']);
  });

  it('has one sequence where no scope is told, whatever is taken out, put back, or comes with a value', () => {
    const told: unknown[] = [];
    const gaps = createGapWatch(last, {
      onGap: (gap) => told.push(gap),
      onLate: (value, expected) => told.push([value, expected]),
    });
    gaps.watch('1', 3);
    gaps.take(undefined, 3);
    gaps.watch('2');
    gaps.watch('3', 0);
    gaps.watch('2', 7);
    gaps.put(3);
    gaps.watch('4', 7);
    gaps.put(0);
    gaps.watch('6', 3);
    gaps.watch('8');

    expect(told).toStrictEqual([
      ['2', 4],
      { after: 4, before: 6, missing: 1 },
      { after: 6, before: 8, missing: 1 },
    ]);
  });

  it('what a hook throws comes out, and so does a number that is no safe integer', () => {
    const gaps = createGapWatch(last, { onGap: fail });
    gaps.watch('1');
    expect(() => {
      gaps.watch('3');
    }).toThrow('thrown');
    expect(() => {
      gaps.watch('x');
    }).toThrow(new RangeError('detectGaps: of must give a safe integer, got NaN'));
  });

  it('refuses a maxScopes out of its range', () => {
    expect(() => createGapWatch(last, { maxScopes: 0 })).toThrow(
      new RangeError('detectGaps: maxScopes must be a whole number from 1 to 16777216, got 0'),
    );
  });
});
