import * as v from 'valibot';
import { describeItem, gapRules, type Item } from '../src/feedItem.js';
import { marbles } from './marbles.js';

const schema = v.any();
const arrival = { generation: 1, at: 0 };
const fail = (): never => {
  throw new Error('bad rule');
};

describe('describeItem', () => {
  it(
    'asks each rule once',
    marbles(() => {
      const item = describeItem(
        {
          schema,
          key: () => 'k',
          topic: () => 't',
          sourceTime: () => 7,
          sequence: { of: () => 5, first: () => 3, previous: () => 2, isReset: () => true },
        },
        'value',
        { generation: 4, at: 9 },
        fail,
      );

      expect(item).toStrictEqual({
        value: 'value',
        generation: 4,
        at: 9,
        key: 'k',
        topic: 't',
        sourceTime: 7,
        sequence: 5,
        first: 3,
        previous: 2,
        isReset: true,
        isRecovered: false,
        isLate: false,
      });
    }),
  );

  it.each(['key', 'topic', 'sourceTime'] as const)('refuses a value whose %s rule throws', (rule) => {
    const refused: unknown[] = [];
    const item = describeItem({ schema, [rule]: fail }, 1, arrival, (reason, cause) =>
      refused.push([reason, cause]),
    );

    expect([item, refused]).toStrictEqual([undefined, [[rule, new Error('bad rule')]]]);
  });

  it.each([Number.NaN, Infinity, 1.5, 2 ** 53, '7', undefined])(
    'refuses %p as a sequence number',
    (number) => {
      const refused: string[] = [];
      describeItem({ schema, sequence: { of: () => number as number } }, 1, arrival, (_reason, cause) =>
        refused.push((cause as Error).message),
      );

      expect(refused).toStrictEqual([`sequence.of must yield a safe integer, got ${String(number)}`]);
    },
  );

  it.each([
    ['key', undefined],
    ['key', Number.NaN],
    ['key', {}],
    ['topic', undefined],
    ['topic', 7],
  ] as const)('refuses a value whose %s is %p', (rule, yielded) => {
    const refused: unknown[] = [];
    describeItem({ schema, [rule]: () => yielded }, 1, arrival, (reason, cause) =>
      refused.push([reason, (cause as Error).name]),
    );

    expect(refused).toStrictEqual([[rule, 'TypeError']]);
  });

  it('refuses a link that is no safe integer, and takes one that is missing', () => {
    const refused: unknown[] = [];
    const link = (previous: unknown) =>
      describeItem(
        { schema, sequence: { of: () => 1, previous: () => previous as number } },
        1,
        arrival,
        (reason) => refused.push(reason),
      );

    expect([link('x')?.previous, link(undefined)?.previous, link(-1)?.previous]).toStrictEqual([
      undefined,
      undefined,
      -1,
    ]);
    expect(refused).toStrictEqual(['sequence']);
  });
});

describe('gapRules', () => {
  const item = { topic: 'BTC', generation: 3, first: 1, previous: 2, isReset: true } as Item;
  const sequence = { of: () => 1 };

  it.each([
    ['topic', true, undefined, 'BTC'],
    ['connection', true, 'connection' as const, 3],
  ])('shares one numbering per %s', (_name, hasTopic, scope, expected) => {
    expect(gapRules({ ...sequence, ...(scope && { scope }) }, hasTopic).scope?.(item)).toBe(expected);
  });

  it('remembers one connection: with the first value of the next, what the one before held comes out', () => {
    expect(gapRules({ ...sequence, scope: 'connection' }, true).maxScopes).toBe(1);
    expect(gapRules(sequence, true).maxScopes).toBeUndefined();
  });

  it('shares one numbering in the whole stream without a topic, or when told to', () => {
    expect([
      gapRules(sequence, false).scope,
      gapRules({ ...sequence, scope: 'stream' }, true).scope,
    ]).toStrictEqual([undefined, undefined]);
  });

  it('hands on the rules there are, and no others', () => {
    const rules = gapRules(
      {
        ...sequence,
        first: () => 0,
        previous: () => 0,
        isReset: () => false,
        reorder: { maxItems: 1, maxMs: 2 },
        recovery: { maxHeld: 3 },
      },
      false,
    );

    expect([rules.first?.(item), rules.previous?.(item), rules.isReset?.(item)]).toStrictEqual([1, 2, true]);
    expect(rules).toMatchObject({ reorder: { maxItems: 1, maxMs: 2 }, recovery: { maxHeld: 3 } });
    expect(gapRules(sequence, false)).toStrictEqual({});
  });
});
