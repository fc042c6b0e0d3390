import * as v from 'valibot';
import { actionRules, leafRules } from '../../src/operators/schemaRules.js';

const values = [
  '',
  'a',
  'ab',
  '12',
  '2020-01-01',
  [],
  [1, 2],
  0,
  -0,
  1,
  2.5,
  NaN,
  Infinity,
  4n,
  null,
  undefined,
  true,
];

type Facts = Readonly<Record<string, unknown>>;

describe.each([
  ['leaf', leafRules],
  ['action', actionRules],
] as const)('the rules of a %s', (_name, rules) => {
  it.each(Object.keys(rules))('say of %s the same as a function, as text and as valibot', (type) => {
    const item = rules[type]!.sample() as unknown as Facts & {
      '~run': (dataset: object, config: object) => { issues?: unknown };
    };
    expect(item['type']).toBe(type);
    const test = rules[type]!.test(item)!;
    const constants: unknown[] = [];
    const source = test.source('value', (constant) => `constants[${constants.push(constant) - 1}]`);
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- as generated code is made
    const told = new Function('value', 'constants', `return !!(${source});`) as (
      ...facts: unknown[]
    ) => boolean;
    for (const value of values) {
      const verdict = (decide: () => unknown): unknown => {
        try {
          return decide();
        } catch (error) {
          return (error as Error).name;
        }
      };
      const theirs = verdict(() => !item['~run']({ typed: true, value }, v.getGlobalConfig()).issues);
      expect(verdict(() => test.holds(value))).toBe(theirs);
      expect(verdict(() => told(value, constants))).toBe(theirs);
      if (test.run) expect(test.run(value) === value || value !== value).toBe(theirs || value !== value);
    }
  });

  it('leave alone a pattern that remembers where it stopped', () => {
    expect(actionRules['regex']?.test({ requirement: /a/g })).toBeUndefined();
    expect(actionRules['regex']?.test({ requirement: /a/y })).toBeUndefined();
  });
});
