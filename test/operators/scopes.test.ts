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
  const use = createScopes(maxScopes, begin, ({ scope }) => forgotten.push(scope));
  return { use, forgotten };
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
    const use = createScopes(1, begin, ({ scope }) => found.push(scope, use('B').id));
    use('A');
    expect(use('B').id).toBe(1);
    expect(found).toStrictEqual(['A', 1]);
    expect(begun).toHaveLength(2);
  });
});
