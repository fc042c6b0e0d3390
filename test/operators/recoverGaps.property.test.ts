import * as fc from 'fast-check';
import { Subject } from 'rxjs';
import { detectGaps } from '../../src/operators/detectGaps.js';
import { createSeenKeys } from '../../src/operators/seenKeys.js';
import type { Gap } from '../../src/operators/sequence.js';

interface Value {
  readonly number: number;
  readonly link: number;
  readonly scope: number;
  readonly key: number;
  readonly isReset: boolean;
}

const value: fc.Arbitrary<Value> = fc
  .record({
    number: fc.nat(14),
    back: fc.integer({ min: 1, max: 3 }),
    scope: fc.nat(1),
    key: fc.nat(9),
    luck: fc.nat(11),
  })
  .map(({ number, back, scope, key, luck }) => ({
    number,
    link: number - back,
    scope,
    key,
    isReset: luck === 0,
  }));

type Act =
  | { readonly type: 'live'; readonly value: Value }
  | { readonly type: 'page'; readonly values: readonly Value[]; readonly which: number }
  | { readonly type: 'answered' | 'failed'; readonly which: number }
  | { readonly type: 'flush' }
  | { readonly type: 'leave' };

const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('live' as const), value }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('page' as const),
      values: fc.array(value, { maxLength: 4 }),
      which: fc.nat(3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom('answered' as const, 'failed' as const), which: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ type: 'flush' as const }, { type: 'leave' as const }) },
);

const rules = fc.record({
  numbering: fc.constantFrom(
    {},
    { previous: ({ link }: Value) => link },
    { first: ({ link }: Value) => link + 1 },
  ),
  reorder: fc.constantFrom({}, { reorder: { maxItems: 2, maxMs: 1_000 } }),
  maxHeld: fc.integer({ min: 1, max: 4 }),
  maxConcurrent: fc.integer({ min: 1, max: 2 }),
});

it('whatever is done by whom, also inside of a hook: each value is told of once, no key is emitted twice, each recovery ends once', () => {
  fc.assert(
    fc.property(
      fc.array(act, { maxLength: 25 }),
      fc.array(act, { maxLength: 10 }),
      rules,
      (acts, inside, { numbering, reorder, ...recovery }) => {
        const source$ = new Subject<Value>();
        const flush$ = new Subject<void>();
        const answers: Subject<Value[]>[] = [];
        const memory = createSeenKeys();
        const fed: Value[] = [];
        const out: Value[] = [];
        const emitted: number[] = [];
        const asked: Gap[] = [];
        const ended: Gap[] = [];
        /** How it ended; not at all if it was left. */
        const ends: unknown[] = [];

        const feed = (given: Value): Value => {
          const copy = { ...given };
          fed.push(copy);
          return copy;
        };
        const perform = (each: Act): void => {
          if (each.type === 'leave') subscription.unsubscribe();
          else if (each.type === 'flush') flush$.next();
          else if (each.type === 'live') {
            if (source$.observed && memory.add(each.value.key)) source$.next(feed(each.value));
          } else {
            const answer$ = answers[each.which % Math.max(1, answers.length)];
            if (answer$?.observed !== true) return;
            if (each.type === 'page')
              answer$.next(each.values.map((given) => feed({ ...given, isReset: false })));
            else if (each.type === 'answered') answer$.complete();
            else answer$.error(new Error('refused'));
          }
        };
        const within = [...inside];
        const disturb = (): void => {
          const next = within.shift();
          if (next) perform(next);
        };
        const end = (gap: Gap): void => {
          ended.push(gap);
          disturb();
        };
        const subscription = source$
          .pipe(
            detectGaps(({ number }: Value) => number, {
              ...numbering,
              ...reorder,
              scope: ({ scope }) => scope,
              isReset: ({ isReset }) => isReset,
              flush$,
              recovery,
              isNew: ({ key }) => memory.add(key),
              recover: () => {
                const answer$ = new Subject<Value[]>();
                answers.push(answer$);
                return answer$;
              },
              onRecovering: (gap) => {
                asked.push(gap);
                disturb();
              },
              onRecovered: end,
              onRecoveryFailed: end,
              onDrop: (dropped) => out.push(dropped),
              onDuplicate: (duplicate) => {
                out.push(duplicate);
                disturb();
              },
              onGap: disturb,
              onLate: disturb,
            }),
          )
          .subscribe({
            next: (next) => {
              out.push(next);
              emitted.push(next.key);
              disturb();
            },
            error: (error: unknown) => ends.push(error),
            complete: () => ends.push('complete'),
          });
        acts.forEach(perform);
        source$.complete();

        expect(out).toHaveLength(fed.length);
        expect(new Set(out)).toStrictEqual(new Set(fed));
        expect(emitted).toHaveLength(new Set(emitted).size);
        expect(ended).toHaveLength(new Set(ended).size);
        if (ends.length > 0) {
          expect(ends).toStrictEqual(['complete']);
          expect(ended).toStrictEqual(expect.arrayContaining(asked));
        }
        expect(answers.some(({ observed }) => observed)).toBe(false);
      },
    ),
    { numRuns: 500 },
  );
});
