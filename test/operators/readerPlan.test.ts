import * as v from 'valibot';
import { isFlat, planReader } from '../../src/operators/readerPlan.js';

describe('planReader', () => {
  it('says how a message stands in its text', () => {
    const plan = planReader(
      v.object({ type: v.literal('a'), levels: v.array(v.tuple([v.string(), v.number()])) }),
    );

    expect(plan).toMatchObject({
      kind: 'object',
      entries: [
        { key: 'type', plan: { kind: 'constant', json: '"a"' } },
        { key: 'levels', plan: { kind: 'array', item: { kind: 'tuple' } } },
      ],
    });
  });

  it.each<readonly [string, v.GenericSchema]>([
    ['a pipe', v.pipe(v.string(), v.minLength(1))],
    ['a fallback', v.fallback(v.string(), '')],
    ['a union', v.union([v.string(), v.number()])],
    ['a default', v.optional(v.string(), '')],
    ['a record', v.record(v.string(), v.number())],
    ['an entry that would set the prototype', v.object({ ['__proto__']: v.string() })],
    ['an inherited entry', v.strictObject(Object.create({ a: v.string() }) as object as never)],
  ])('has none of a schema with %s', (_what, inner) => {
    expect(planReader(v.object({ id: v.number(), inner }))).toBeUndefined();
  });

  it('tells what has no array inside', () => {
    const isFlatPlan = (schema: v.GenericSchema): boolean => isFlat(planReader(schema)!);

    expect(isFlatPlan(v.object({ a: v.object({ b: v.nullable(v.string()) }) }))).toBe(true);
    expect(isFlatPlan(v.object({ a: v.object({ b: v.array(v.string()) }) }))).toBe(false);
  });
});
