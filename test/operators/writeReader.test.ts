import * as v from 'valibot';
import { planReader } from '../../src/operators/readerPlan.js';
import { writeReader } from '../../src/operators/writeReader.js';

const written = (schema: v.GenericSchema) => writeReader(planReader(schema)!);

describe('writeReader', () => {
  it('makes one expression of a message without arrays, and more of one with', () => {
    const flat = v.object({ id: v.number(), name: v.string() });

    expect(written(flat).regexps).toHaveLength(1);
    expect(written(v.object({ id: v.number(), ids: v.array(v.number()) })).regexps.length).toBeGreaterThan(1);
  });

  it('lets no key or constant out of its quotes', () => {
    const trap = '"+globalThis.trapped()+"\'`${}\\\u2028';
    const { body } = written(v.object({ [trap]: v.literal(trap) }));
    const code = body.replaceAll(JSON.stringify(trap), '""');

    expect(code).not.toContain('trapped');
  });
});
