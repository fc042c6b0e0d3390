import * as v from 'valibot';
import { type Runnable, schemaNode } from '../../src/operators/schemaNode.js';

const nodeOf = (schema: v.GenericSchema) => schemaNode(schema as unknown as Runnable);
const mapped = v.transform<string, number>(Number);

describe('schemaNode', () => {
  it.each<[string, v.GenericSchema, string]>([
    ['a leaf', v.string(), 'leaf'],
    ['an object', v.object({ a: v.string() }), 'object'],
    ['a pipe', v.pipe(v.string(), mapped), 'pipe'],
    ['a pipe of nothing but a name', v.pipe(v.string(), v.brand('b'), v.title('t')), 'leaf'],
    ['what is spread, and runs as before', { ...v.string() }, 'leaf'],
    ['a union that can be left early', v.union([v.object({ a: v.string() }), v.string()]), 'union'],
    ['a union whose options end in a transform', v.union([v.pipe(v.string(), mapped), v.number()]), 'union'],
    ['a variant', v.variant('a', [v.object({ a: v.literal(1) })]), 'variant'],
  ])('knows %s', (_what, schema, kind) => {
    expect(nodeOf(schema).kind).toBe(kind);
  });

  it.each<[string, v.GenericSchema]>([
    ['has another code', v.fallback(v.string(), 'a')],
    ['has another configuration', v.config(v.string(), { abortEarly: true })],
    ['is lazy', v.lazy(() => v.string())],
    ['is asynchronous within', v.object({ a: v.customAsync(() => true) } as never)],
    ['has a key that sets the prototype', v.object({ ['__proto__']: v.string() })],
    ['inherits entries', v.object(Object.create({ a: v.string() }) as object as never)],
    ['falls back where a key is missing', v.object({ a: v.fallback(v.string(), 'a') })],
    ['chooses between objects that call', v.union([v.object({ a: v.pipe(v.string(), mapped) }), v.string()])],
    ['chooses between lists that call', v.union([v.array(v.optional(v.string(), () => 'a')), v.string()])],
    ['chooses, and words what is wrong', v.union([v.string(() => 'no'), v.number()])],
    [
      'checks on after a check',
      v.union([
        v.pipe(
          v.string(),
          v.minLength(2),
          v.check(() => true),
        ),
        v.any(),
      ]),
    ],
    ['is a variant of variants', v.variant('a', [v.variant('b', [v.object({ a: v.any(), b: v.any() })])])],
    ['may miss its discriminator', v.variant('a', [v.object({ a: v.optional(v.literal(1)) })])],
  ])('leaves to valibot what %s', (_what, schema) => {
    expect(nodeOf(schema).kind).toBe('valibot');
  });
});
