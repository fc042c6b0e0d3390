import * as fc from 'fast-check';
import { LRUCache } from 'lru-cache';
import { createScopes, type Used } from '../../src/operators/scopes.js';

interface Entry extends Used {
  readonly scope: unknown;
  readonly id: number;
}

/** What an LRU does: it numbers the entries as they begin, and notes which were forgotten. */
const createModel = (maxScopes: number) => {
  const forgotten: unknown[] = [];
  const ids = new LRUCache<string | number, number>({
    max: maxScopes,
    dispose: (_id, scope, reason) => {
      if (reason === 'evict') forgotten.push(scope);
    },
  });
  let begun = 0;
  const use = (scope: string | number): number => {
    const known = ids.get(scope);
    if (known !== undefined) return known;
    ids.set(scope, begun);
    return begun++;
  };
  return { use, forgotten };
};

const createTable = (maxScopes: number) => {
  const forgotten: unknown[] = [];
  let begun = 0;
  const begin = (scope: unknown): Entry => ({ scope, id: begun++, usedAt: 0 });
  const table = createScopes(maxScopes, begin, ({ scope }) => forgotten.push(scope));
  const put = (scope: unknown, entry: Entry): void => {
    const lost = table.put(scope, entry);
    if (lost !== undefined) forgotten.push(lost.scope);
  };
  return {
    put,
    take: (scope: unknown) => table.take(scope),
    use: (scope: unknown) => table.of(scope),
    forgotten,
  };
};

describe('createScopes', () => {
  it('forgets what an LRU forgets, when it does', () => {
    const used = fc.array(fc.oneof(fc.nat(12), fc.nat(12).map(String), fc.constantFrom(NaN, -0, '')), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(used, fc.integer({ min: 1, max: 20 }), (scopes, maxScopes) => {
        const table = createTable(maxScopes);
        const model = createModel(maxScopes);
        for (const scope of scopes) {
          expect(table.use(scope).id).toBe(model.use(scope));
          expect(table.forgotten).toStrictEqual(model.forgotten);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([10_000, 10_001, 25_000])(
    'does so with more scopes than are put in order at once: %i',
    (maxScopes) => {
      const table = createTable(maxScopes);
      const model = createModel(maxScopes);
      const useBoth = (scope: number): void => {
        expect(table.use(scope).id).toBe(model.use(scope));
      };
      for (let scope = 0; scope < maxScopes; scope += 1) useBoth(scope);
      for (let scope = 0; scope < maxScopes; scope += 7) useBoth(scope);
      expect(table.forgotten).toStrictEqual([]);
      for (let scope = maxScopes; scope < maxScopes + 50; scope += 1) useBoth(scope);
      expect(table.forgotten).toHaveLength(50);
      expect(table.forgotten).toStrictEqual(model.forgotten);
    },
  );

  it('does not forget what is taken out, and has it as the last one used when it is put back', () => {
    const step = fc.record({ act: fc.constantFrom('use', 'use', 'take', 'put'), scope: fc.nat(12) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 9 }), (steps, maxScopes) => {
        const table = createTable(maxScopes);
        /** Oldest first. */
        const inside: Entry[] = [];
        const outside = new Map<number, Entry>();
        const forgotten: unknown[] = [];
        const known = new Map<unknown, number>();
        const add = (entry: Entry): void => {
          if (inside.length === maxScopes) {
            const [lost] = inside.splice(0, 1);
            forgotten.push(lost?.scope);
            known.delete(lost?.scope);
          }
          inside.push(entry);
        };
        const leave = (scope: number): void => {
          const at = inside.findIndex((each) => each.scope === scope);
          if (at >= 0) inside.splice(at, 1);
        };
        for (const { act, scope } of steps) {
          const taken = outside.get(scope);
          if (act === 'put' && taken !== undefined) {
            table.put(scope, taken);
            outside.delete(scope);
            add(taken);
          } else if (act !== 'put' && taken === undefined) {
            const entry = act === 'take' ? table.take(scope) : table.use(scope);
            if (known.has(scope)) expect(entry.id).toBe(known.get(scope));
            known.set(scope, entry.id);
            leave(scope);
            if (act === 'take') outside.set(scope, entry);
            else add(entry);
          }
          expect(table.forgotten).toStrictEqual(forgotten);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('undefined and null are one scope', () => {
    const { use } = createTable(2);
    expect(use(undefined)).toBe(use(null));
    expect(use(undefined)).not.toBe(use('undefined'));
  });

  it('has the new scope in it when it tells of the one forgotten', () => {
    const begun: Entry[] = [];
    const begin = (scope: unknown): Entry => {
      const entry = { scope, id: begun.length, usedAt: 0 };
      begun.push(entry);
      return entry;
    };
    const found: unknown[] = [];
    const table = createScopes(1, begin, ({ scope }) => found.push(scope, table.of('B').id));
    table.of('A');
    expect(table.of('B').id).toBe(1);
    expect(found).toStrictEqual(['A', 1]);
    expect(begun).toHaveLength(2);
  });

  it('tells only who puts one back of the one forgotten for it', () => {
    const told: unknown[] = [];
    const table = createScopes(
      1,
      (scope) => ({ scope, usedAt: 0 }),
      ({ scope }) => told.push(scope),
    );
    const taken = table.take('A');
    table.of('B');
    expect(table.put('A', taken)).toMatchObject({ scope: 'B' });
    expect([told, table.put('C', table.take('A'))]).toStrictEqual([[], undefined]);
  });
});
