import * as v from 'valibot';
import { compileSchema, misfit } from '../../src/operators/compileSchema.js';
import { rewind, type World } from './hostile.js';

type Outcome =
  | { readonly kind: 'fits'; readonly output: unknown; readonly log: string }
  | { readonly kind: 'misfit' }
  | { readonly kind: 'throws'; readonly error: unknown };

const outcomeOf = (world: World, run: () => { fits: boolean; output: unknown }): Outcome => {
  rewind(world);
  try {
    const { fits, output } = run();
    return fits ? { kind: 'fits', output, log: world.log.join() } : { kind: 'misfit' };
  } catch (error) {
    return { kind: 'throws', error };
  }
};

/** Deeply the same: keys in order, prototypes, descriptors, -0; and the very object of the input where the other has it. */
export function difference(
  a: unknown,
  b: unknown,
  kept: ReadonlySet<unknown>,
  path = '',
): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return `${path}: other value`;
  if (kept.has(a) || kept.has(b)) return `${path}: other identity`;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: other prototype`;
  if (Object.isFrozen(a) !== Object.isFrozen(b)) return `${path}: frozen`;
  if (a instanceof Map && b instanceof Map) return difference([...a], [...b], kept, path);
  const keys = Reflect.ownKeys(a);
  const others = Reflect.ownKeys(b);
  if (keys.length !== others.length || keys.some((key, at) => key !== others[at]))
    return `${path}: other keys`;
  for (const key of keys) {
    const x = Object.getOwnPropertyDescriptor(a, key)!;
    const y = Object.getOwnPropertyDescriptor(b, key)!;
    if (x.writable !== y.writable || x.enumerable !== y.enumerable || x.configurable !== y.configurable)
      return `${path}.${String(key)}: other descriptor`;
    const deeper = difference(x.value, y.value, kept, `${path}.${String(key)}`);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

function objectsOf(value: unknown, found = new Set()): Set<unknown> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  for (const key of Reflect.ownKeys(value)) {
    const { value: inner } = Object.getOwnPropertyDescriptor(value, key) as { value?: unknown };
    objectsOf(inner, found);
  }
  return found;
}

/** Throws where a compiled schema and valibot part. Tells what valibot made of the input. */
export function expectSameOutcome(
  schema: v.GenericSchema,
  input: unknown,
  world: World,
  hasChoice: boolean,
): 'fits' | 'misfit' | 'throws' {
  const theirs = outcomeOf(world, () => {
    const result = v.safeParse(schema, input);
    return { fits: result.success, output: result.output };
  });
  for (const generate of [true, false]) {
    const run = compileSchema(schema, { generate });
    const ours = outcomeOf(world, () => {
      const output = run(input);
      return { fits: output !== misfit, output };
    });
    // An option that failed is read less: what throws or changes as it is read may then be seen otherwise.
    if (hasChoice && world.hasEffects) continue;
    const where = generate ? 'generated' : 'closures';
    // A misfit where valibot throws later on is told by valibot, which is asked why.
    if (ours.kind === 'misfit' && theirs.kind !== 'fits') continue;
    if (ours.kind !== theirs.kind) throw new Error(`${where}: ${ours.kind}, valibot ${theirs.kind}`);
    if (ours.kind === 'throws' && theirs.kind === 'throws') {
      // An error that the language made is another each time.
      if (String(ours.error) !== String(theirs.error)) throw new Error(`${where}: other error`);
    } else if (ours.kind === 'fits' && theirs.kind === 'fits') {
      rewind(world);
      const found = difference(ours.output, theirs.output, objectsOf(input));
      if (found !== undefined) throw new Error(`${where}${found}`);
      if (!hasChoice && ours.log !== theirs.log)
        throw new Error(`${where}: read ${ours.log}, valibot ${theirs.log}`);
    }
  }
  return theirs.kind;
}
