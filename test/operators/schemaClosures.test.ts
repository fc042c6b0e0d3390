import * as v from 'valibot';
import { schemaClosures } from '../../src/operators/schemaClosures.js';
import { type Runnable, schemaNode } from '../../src/operators/schemaNode.js';
import { misfit } from '../../src/operators/schemaRun.js';

const closuresOf = (schema: v.GenericSchema) => schemaClosures(schemaNode(schema as unknown as Runnable));

// Kind by kind it is told with the other back end, in compileSchema.test.ts.
describe('schemaClosures', () => {
  it('does without generated code', () => {
    const forbidden = jest.spyOn(globalThis, 'Function');
    const run = closuresOf(v.object({ a: v.array(v.tuple([v.string(), v.number()])) }));
    expect(run({ a: [['x', 1, 2]], b: 1 })).toStrictEqual({ a: [['x', 1]] });
    expect(run({ a: [['x', '1']] })).toBe(misfit);
    expect(forbidden).not.toHaveBeenCalled();
    forbidden.mockRestore();
  });
});
