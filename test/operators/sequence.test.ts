import {
  type Sequence,
  type SequenceRules,
  sequencingOf,
  standingOf,
  tableOf,
} from '../../src/operators/sequence.js';

/** `of` is where a range ends, or a linked value's own number. */
interface Numbered {
  readonly of: number;
  readonly from?: number;
}
const of = ({ of: number }: Numbered): number => number;
const first = ({ of: number, from = number }: Numbered): number => from;
const previous = ({ from }: Numbered): number | undefined => from;

const at = (last: number, late?: number): Sequence => ({
  scope: 'a',
  last,
  late,
  missing: undefined,
  usedAt: 0,
});

describe('standingOf', () => {
  it.each<[string, SequenceRules<Numbered>, Numbered, Sequence, unknown]>([
    ['the next number', {}, { of: 6 }, at(5), 'next'],
    ['the same number', {}, { of: 5 }, at(5), 'late'],
    ['a number further on', {}, { of: 8 }, at(5), { after: 5, before: 8, missing: 2 }],
    ['a range that overlaps', { first }, { of: 8, from: 4 }, at(5), 'next'],
    [
      'a range that begins further on',
      { first },
      { of: 9, from: 7 },
      at(5),
      { after: 5, before: 7, missing: 1 },
    ],
    ['a link to the last', { previous }, { of: 2, from: 5 }, at(5), 'next'],
    ['no link', { previous }, { of: 9 }, at(5), 'next'],
    ['a link to a newer one', { previous }, { of: 9, from: 7 }, at(5), { after: 5, before: 8, missing: 2 }],
    ['a link to an older one', { previous }, { of: 9, from: 3 }, at(5), { after: 5, before: 4, missing: 0 }],
    [
      'a smaller number that links to the late one before',
      { previous },
      { of: 4, from: 3 },
      at(5, 3),
      { after: 5, before: 4, missing: 0 },
    ],
    ['a smaller number that links to another', { previous }, { of: 4, from: 3 }, at(5), 'late'],
  ])('%s', (_name, rules, value, sequence, standing) => {
    expect(standingOf(rules, value, value.of, sequence)).toStrictEqual(standing);
  });
});

describe('sequencingOf', () => {
  it('says where a value begins: with its range, or behind what it links to', () => {
    const start = (rules: SequenceRules<Numbered>, value: Numbered): number =>
      sequencingOf(of, rules).startOf(value, value.of);

    expect([
      start({}, { of: 8 }),
      start({ first }, { of: 8, from: 6 }),
      start({ previous }, { of: 8, from: 6 }),
      start({ previous }, { of: 8 }),
    ]).toStrictEqual([8, 6, 7, 8]);
  });

  it('refuses what is no safe integer, and a maxScopes out of its range', () => {
    expect(() => sequencingOf(of, {}).numberOf({ of: 1.5 })).toThrow(
      new RangeError('detectGaps: of must give a safe integer, got 1.5'),
    );
    expect(() => sequencingOf(of, { maxScopes: 2 ** 24 + 1 })).toThrow(
      new RangeError('detectGaps: maxScopes must be a whole number from 1 to 16777216, got 16777217'),
    );
  });
});

describe('tableOf', () => {
  it('has one sequence without scopes, and one for each otherwise, of which the oldest is forgotten', () => {
    const forgotten: unknown[] = [];
    const onForgotten = ({ scope }: Sequence): void => void forgotten.push(scope);
    const whole = tableOf<Numbered>({}, onForgotten);
    expect(whole.of('a')).toBe(whole.of('b'));
    const scoped = tableOf<Numbered>({ scope: of, maxScopes: 1 }, onForgotten);
    expect(scoped.of('a')).toBe(scoped.of('a'));
    expect(scoped.of('b')).toStrictEqual({ ...at(NaN), scope: 'b', usedAt: expect.any(Number) as number });

    expect(forgotten).toStrictEqual(['a']);
  });
});
