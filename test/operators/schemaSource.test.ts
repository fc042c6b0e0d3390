import * as v from 'valibot';
import { type Runnable, schemaNode } from '../../src/operators/schemaNode.js';
import { schemaSource } from '../../src/operators/schemaSource.js';

const textOf = (schema: v.GenericSchema): string =>
  schemaSource(schemaNode(schema as unknown as Runnable)).text;

describe('schemaSource', () => {
  it('writes one literal for an object and all it holds', () => {
    const text = textOf(v.object({ a: v.object({ b: v.string() }), c: v.tuple([v.number()]) }));
    expect(text).toMatch(/return \{"a": \{"b": v\d+\}, "c": \[v\d+\]\};/);
  });

  it('lets nothing of a schema into the text but keys and short literals, as JSON writes them', () => {
    const evil = '"];evil("`${x}\n';
    const text = textOf(
      v.object({
        [evil]: v.literal(evil),
        b: v.pipe(v.string(), v.startsWith(evil), v.regex(/evil/)),
        c: v.enum({ evil: 'evil' }),
        d: v.instance(Error),
      }),
    );
    const rest = text.replaceAll(JSON.stringify(evil), '').replaceAll(JSON.stringify('evil'), '');
    expect(rest).not.toMatch(/evil/i);
  });

  it('stays in proportion to the schemas, however often one holds another', () => {
    const nested = (levels: number): v.GenericSchema => {
      let schema: v.GenericSchema = v.object({ n: v.number() });
      for (let level = 0; level < levels; level++) schema = v.object({ a: schema, b: schema });
      return schema;
    };
    expect(textOf(nested(60)).length).toBeLessThan(3 * textOf(nested(30)).length);
  });
});
