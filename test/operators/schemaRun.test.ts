import * as v from 'valibot';
import {
  defaultOf,
  isOwnName,
  misfit,
  missingDefaultOf,
  runAsValibot,
} from '../../src/operators/schemaRun.js';
import type { Runnable } from '../../src/operators/schemaNode.js';

const runnable = (item: unknown): Runnable => item as Runnable;

describe('what compiled schemas share', () => {
  it.each([
    ['a', true],
    ['toString', false],
    ['__proto__', false],
    ['prototype', false],
    ['constructor', false],
  ])('counts %s as a name of its own: %s', (key, expected) => {
    const object = JSON.parse('{"a":1,"__proto__":1,"prototype":1,"constructor":1}') as object;
    expect(isOwnName(object, key)).toBe(expected);
  });

  it('hands a default what valibot hands it', () => {
    const make = jest.fn<number, unknown[]>(() => 7);
    const schema = runnable(v.optional(v.number(), make));
    expect([defaultOf(schema, undefined), missingDefaultOf(schema)]).toStrictEqual([7, 7]);
    expect(make.mock.calls).toStrictEqual([
      [{ value: undefined }, v.getGlobalConfig()],
      [undefined, undefined],
    ]);
    expect(defaultOf(runnable(v.optional(v.number(), 3)), undefined)).toBe(3);
  });

  it('runs a schema or an action as valibot does', () => {
    expect(runAsValibot(runnable(v.number()), 7)).toBe(7);
    expect(runAsValibot(runnable(v.number()), '7')).toBe(misfit);
    expect(runAsValibot(runnable(v.trim()), ' a ')).toBe('a');
    expect(runAsValibot(runnable(v.url()), 'no url')).toBe(misfit);
  });
});
