import * as fc from 'fast-check';
import {
  defer,
  EMPTY,
  finalize,
  NEVER,
  type Observable,
  of,
  Subject,
  switchMap,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { type Synced, syncSnapshot } from '../../src/operators/syncSnapshot.js';

/** What a key is after so many changes: the change of number n sets place n % 3 to n. */
type State = readonly number[];
interface Snapshot {
  readonly at: number;
  readonly state: State;
}
/** The changes `first … last` of a key. */
interface Delta {
  readonly key: string;
  readonly first: number;
  readonly last: number;
}

const PLACES = 3;
const apply = (state: State, { first, last }: Delta): State => {
  const next = [...state];
  for (let n = first; n <= last; n++) next[n % PLACES] = n;
  return next;
};
const truth = (key: string, at: number): State =>
  apply(
    Array.from({ length: PLACES }, () => 0),
    { key, first: 1, last: at },
  );

const keys = ['A', 'B', 'C'];

/** What happens at one instant. */
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('change' as const),
      key: fc.constantFrom(...keys),
      size: fc.integer({ min: 1, max: 3 }),
      fate: fc.constantFrom('sent', 'sent', 'sent', 'sent', 'lost', 'twice', 'replayed'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('resync' as const), key: fc.constantFrom(...keys, undefined) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 12 }) }),
  },
);

/** How the server answers a request for a snapshot: as of `behind` changes ago, when it was asked or when it answers. */
const answer = fc.record({
  latencyMs: fc.integer({ min: 0, max: 6 }),
  behind: fc.constantFrom(0, 0, 0, 1, 5),
  isLate: fc.boolean(),
  fails: fc.constantFrom('no', 'no', 'no', 'no', 'error', 'empty', 'silence', 'throw'),
});

/** What the source emits from within a hook that is told of something: a change of this key, if any. */
const echo = fc.constantFrom(undefined, undefined, ...keys);

const limits = fc.record({
  maxHeld: fc.integer({ min: 1, max: 6 }),
  maxKeys: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  stableMs: fc.constantFrom(0, 3, 10, Infinity),
});

/** Virtual ms after which the server makes no more faults, and after which a script of at most 60 steps is over. */
const CALM_MS = 200;

describe('syncSnapshot', () => {
  it('emits the truth or nothing, loses no delta untold, and is whole again once the faults are over', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.array(answer, { minLength: 1, maxLength: 20 }),
        limits,
        fc.array(echo, { maxLength: 20 }),
        (script, answers, config, echoes) => {
          new TestScheduler(() => undefined).run(({ flush }) => {
            const last = new Map(keys.map((key) => [key, 0]));
            const sent = new Map<string, Delta[]>(keys.map((key) => [key, []]));
            const source$ = new Subject<Delta>();
            const resync$ = new Subject<string | undefined>();
            const books = new Map<string, Snapshot>();
            const flying = new Set<string>();
            // An expectation at each value takes longer than all the rest.
            const wrong: string[] = [];
            let isCalm = false;
            let asked = 0;
            let arrived = 0;
            let emitted = 0;
            let dropped = 0;
            let mostFlying = 0;
            let heard = 0;

            const send = (delta: Delta): void => {
              arrived += 1;
              source$.next(delta);
            };
            const change = (key: string, size: number, fate: string): void => {
              const first = last.get(key)! + 1;
              last.set(key, first + size - 1);
              const delta = { key, first, last: first + size - 1 };
              const before = sent.get(key)!;
              before.push(delta);
              if (fate === 'lost') return;
              send(delta);
              if (fate === 'twice') send(delta);
              if (fate === 'replayed') before.slice(-4).forEach(send);
            };

            const answerBack = (): void => {
              const key = echoes[heard++];
              if (key !== undefined) change(key, 1, 'sent');
            };

            const asOf = (key: string, behind: number): Snapshot => {
              const at = Math.max(0, last.get(key)! - behind);
              return { at, state: truth(key, at) };
            };
            const snapshot = (key: string): Observable<Snapshot> => {
              const { latencyMs, behind, isLate, fails } = answers[asked++ % answers.length]!;
              if (fails === 'throw' && !isCalm) throw new Error('no');
              return defer(() => {
                if (flying.has(key)) wrong.push(`${key}: asked twice`);
                flying.add(key);
                mostFlying = Math.max(mostFlying, flying.size);
                const early = asOf(key, isCalm ? 0 : behind);
                if (fails === 'error' && !isCalm) return throwError(() => new Error('no'));
                if (fails === 'silence' && !isCalm) return NEVER;
                const given = defer(() => {
                  if (fails === 'empty' && !isCalm) return EMPTY;
                  return of(isLate ? asOf(key, isCalm ? 0 : behind) : early);
                });
                return latencyMs === 0 ? given : timer(latencyMs).pipe(switchMap(() => given));
              }).pipe(finalize(() => flying.delete(key)));
            };

            const take = (out: Synced<Delta, Snapshot>): void => {
              if (out.type === 'snapshot') {
                books.set(out.key, out.snapshot);
              } else {
                emitted += 1;
                const book = books.get(out.key)!;
                if (out.delta.first > book.at + 1)
                  wrong.push(`${out.key}: ${out.delta.first} upon ${book.at}`);
                books.set(out.key, { at: out.delta.last, state: apply(book.state, out.delta) });
              }
              const { at, state } = books.get(out.key)!;
              if (String(state) !== String(truth(out.key, at)))
                wrong.push(`${out.key}: ${state.join()} at ${at}`);
            };

            source$
              .pipe(
                syncSnapshot<Delta, Snapshot>({
                  key: ({ key }) => key,
                  snapshot,
                  covers: ({ at }, delta) => delta.last <= at,
                  joins: ({ at }, { first }) => first <= at + 1,
                  follows: (previous, { first }) => first === previous.last + 1,
                  repeats: (previous, delta) => delta.last <= previous.last,
                  timeoutMs: 8,
                  retry: { initialMs: 1, maxMs: 8, jitter: 'none' },
                  resync$,
                  onDrop: () => {
                    dropped += 1;
                    answerBack();
                  },
                  onEvent: answerBack,
                  ...config,
                }),
                tap(take),
              )
              .subscribe();

            let at = 0;
            for (const happening of script) {
              at += happening.type === 'wait' ? happening.ms : 1;
              timer(at).subscribe(() => {
                if (happening.type === 'resync') resync$.next(happening.key);
                if (happening.type === 'change') change(happening.key, happening.size, happening.fate);
              });
            }
            const calmAt = at + CALM_MS;
            timer(calmAt).subscribe(() => (isCalm = true));
            // One after the other, so that even a single key remembered is enough.
            keys.forEach((key, turn) => {
              for (let n = 1; n <= 40; n++) {
                timer(calmAt + turn * 200 + n * 4).subscribe(() => change(key, 1, 'sent'));
              }
              timer(calmAt + (turn + 1) * 200).subscribe(() => {
                expect(books.get(key)).toStrictEqual(asOf(key, 0));
              });
            });
            timer(calmAt + 700).subscribe(() => source$.complete());
            flush();

            expect(wrong).toStrictEqual([]);
            expect(emitted + dropped).toBe(arrived);
            expect(mostFlying).toBeLessThanOrEqual(config.concurrency);
            expect(flying.size).toBe(0);
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});
