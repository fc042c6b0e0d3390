import {
  concat,
  EMPTY,
  from,
  map,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subscription,
  throwError,
} from 'rxjs';
import { deliverInTurn } from '../../src/streams/delivery.js';
import type { Frame, FrameReader, OpenSession, TakeFrame } from '../../src/streams/session.js';
import { marbles } from '../marbles.js';

/** What is handed over, and `(generation)` where one is delivered; sessions deliver what `frames` emit from then on. */
const rig = (sessions$: Observable<string>, frames: Record<string, ObservableInput<string>>) => {
  const delivered: string[] = [];
  const taken$ = new Observable<string>((subscriber) => {
    const run = new Observable<never>((whole) => {
      const delivery = deliverInTurn(whole, ({ data }) => subscriber.next(String(data)), {
        onDelivered: ({ generation }) => delivered.push(String(generation)),
      });
      return sessions$.pipe(map((name) => sessionOf(name, frames[name] ?? NEVER))).subscribe(delivery);
    });
    return run.subscribe(subscriber);
  });
  return { taken$, delivered };
};

const sessionOf = (name: string, frames: ObservableInput<string>): OpenSession => {
  const reading = new Subscription();
  return {
    generation: name,
    deliver: (take: TakeFrame, reader: FrameReader) => {
      const failures: unknown[] = [];
      reading.add(
        from(frames).subscribe({
          next: (data) => take({ data } as Frame, 0),
          error: (error: unknown) => failures.push(error),
          complete: () => reader.onEnd(),
        }),
      );
      if (failures.length > 0) throw failures[0];
    },
    leave: () => reading.unsubscribe(),
  } as unknown as OpenSession;
};

const boom = new Error('boom');

describe('deliverInTurn', () => {
  it(
    'hands over the frames of one session after the other',
    marbles(({ hot, cold, expectObservable, flush }) => {
      const sessions = hot('       A-B------C---');
      const frames = { A: cold('   -a--a|       '), B: cold('b-b|'), C: ['c', 'd'] };
      const expected = '           -a--ab-b-(cd)';

      const { taken$, delivered } = rig(sessions, frames);
      expectObservable(taken$).toBe(expected);
      flush();
      expect(delivered).toStrictEqual(['A', 'B', 'C']);
    }),
  );

  it.each([
    { sessions: '(A|)  ', expected: ' -a--|', why: 'the last frame after the last session' },
    { sessions: 'A-----|', expected: '-a----|', why: 'the last session after the last frame' },
    { sessions: '------|', expected: '------|', why: 'no session' },
  ])('completes with the later of both: $why', ({ sessions, expected }) =>
    marbles(({ hot, cold, expectObservable }) => {
      expectObservable(rig(hot(sessions), { A: cold('-a--|') }).taken$).toBe(expected);
    })(),
  );

  it.each([
    { sessions: 'A---#', expected: '-a--#', why: 'no more sessions' },
    { sessions: '--B--', expected: '--(b#)', why: 'a session whose held frames cannot be taken' },
  ])('errors at once: $why', ({ sessions, expected }) =>
    marbles(({ hot, cold, expectObservable }) => {
      const B = concat(
        of('b'),
        throwError(() => boom),
      );
      expectObservable(rig(hot(sessions, undefined, boom), { A: cold('-a'), B }).taken$).toBe(
        expected,
        undefined,
        boom,
      );
    })(),
  );

  it(
    'leaves the session when the run ends',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const frames = cold('-a-a-a');
      expectObservable(rig(hot('A'), { A: frames }).taken$, '^--!').toBe('-a');
      expectSubscriptions(frames.subscriptions).toBe('^--!');
    }),
  );

  it('takes many sessions that have nothing, one after the other', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => String(index));
    const { taken$, delivered } = rig(from(names), Object.fromEntries(names.map((name) => [name, EMPTY])));
    taken$.subscribe();

    expect(delivered).toStrictEqual(names);
  });
});
