import {
  defer,
  EMPTY,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  of,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { createLineOfSessions, type LineConfig, type LineHooks } from '../../src/streams/rotation.js';
import type { OpenSession } from '../../src/streams/session.js';
import { marbles } from '../marbles.js';

/** Sessions are numbered by their dial. */
const session = (generation: number): OpenSession => {
  const retired$ = new Subject<void>();
  return {
    generation,
    retired$,
    noticed$: NEVER,
    isOver: true,
    join: () => undefined,
    retire: () => retired$.next(),
  } as unknown as OpenSession;
};

const rig = (
  {
    rotate$ = NEVER,
    random = () => 0,
    rotate = {},
    ...own
  }: Partial<LineHooks> & LineConfig & { readonly rotate$?: Observable<unknown> } = {},
  lives: (generation: number) => Observable<never> = () => NEVER,
) => {
  const log: unknown[] = [];
  let dials = 0;
  const line = createLineOfSessions(
    {
      dial: (welcome) =>
        defer(() => {
          const one = session(++dials);
          return merge(welcome(one), lives(one.generation));
        }),
      onStart: () => log.push('start'),
      lead: (one, before) => {
        before?.retire();
        return of(one);
      },
      greet: () => EMPTY,
      join: () => EMPTY,
      retrying: () => (source) => source,
      onFailed: (error) => log.push(error),
      onOutlived: () => true,
      stop$: NEVER,
      ...own,
    },
    { rotate, random },
  );
  const line$ = new Observable<string>((subscriber) => {
    subscriber.add(line.sessions$.pipe(map(({ generation }) => String(generation))).subscribe(subscriber));
    subscriber.add(rotate$.subscribe(() => line.rotate()));
  });
  return { line, line$, log };
};

const dies = (ms: number): Observable<never> =>
  timer(ms).pipe(mergeMap(() => throwError(() => new Error('dead'))));

describe('a line of sessions', () => {
  it(
    'is led by one after the other, as often as it is asked',
    marbles(({ hot, expectObservable }) => {
      const rotate$ = hot('--r--r--r');
      const { line$ } = rig({ rotate$ });

      expectObservable(line$, '^----------!').toBe('1-2--3--4');
      expectObservable(line$, '---------^!').toBe('---------5');
    }),
  );

  it(
    'asks one rotation at a time, of the session in charge',
    marbles(({ hot, expectObservable, flush }) => {
      const rotate$ = hot('--r-r-r----');
      const { line$, log } = rig({ rotate$, join: () => timer(3).pipe(mergeMap(() => EMPTY)) });

      expectObservable(line$, '^---------!').toBe('1----2---3');
      flush();
      expect(log).toStrictEqual(['start', 'start']);
    }),
  );

  it(
    'waits for the topics and for the greeting, and leaves a greeting alone that goes on',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const greeting = cold<never>('------|');
      const { line$ } = rig({ rotate$: hot('--r'), greet: () => greeting });

      expectObservable(line$, '^-----------!').toBe('1-------2');
      expectSubscriptions(greeting.subscriptions).toBe('--^-----!');
    }),
  );

  it(
    'errors with the one in charge',
    marbles(({ hot, expectObservable }) => {
      const { line$ } = rig({ rotate$: hot('--r') }, (generation) => (generation === 2 ? dies(4) : NEVER));

      expectObservable(line$).toBe('1-2---#', undefined, new Error('dead'));
    }),
  );

  it(
    'keeps the one in charge when the next cannot be made, and can be asked again',
    marbles(({ hot, expectObservable, flush }) => {
      const { line$, log } = rig(
        { rotate$: hot('--r----r'), join: ({ generation }) => (generation === 2 ? NEVER : EMPTY) },
        (generation) => (generation === 2 ? dies(2) : NEVER),
      );

      expectObservable(line$, '^----------!').toBe('1------3');
      flush();
      expect(log).toStrictEqual(['start', new Error('dead'), 'start']);
    }),
  );

  it(
    'passes to the next when the one in charge dies while that one joins',
    marbles(({ hot, expectObservable }) => {
      const dying = (generation: number): Observable<never> => (generation === 1 ? dies(4) : NEVER);
      const joining = { rotate$: hot('--r'), join: () => NEVER };

      expectObservable(rig(joining, dying).line$, '^-------!').toBe('1---2');
      expectObservable(rig({ ...joining, onOutlived: () => false }, dying).line$).toBe(
        '1---#',
        undefined,
        new Error('dead'),
      );
    }),
  );

  it(
    'begins by the clock, between 90 and 100 % of everyMs',
    marbles(({ expectObservable }) => {
      expectObservable(rig({ rotate: { everyMs: 10 } }).line$, '^ 25ms !').toBe('1---------2---------3');
      expectObservable(rig({ rotate: { everyMs: 10 }, random: () => 1 }).line$, '^ 20ms !').toBe(
        '1--------2--------3',
      );
    }),
  );

  it(
    'gives one up that takes longer than timeoutMs',
    marbles(({ hot, expectObservable, flush }) => {
      const { line$, log } = rig({ rotate$: hot('--r'), join: () => NEVER, rotate: { timeoutMs: 5 } });
      expectObservable(line$, '^----------!').toBe('1');
      flush();

      expect(log).toMatchObject(['start', { name: 'RotationTimeoutError', timeoutMs: 5 }]);
    }),
  );

  it(
    'begins none by the clock once it was told to stop, and gives up one on its way',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const stop$ = hot('----s');
      expectObservable(rig({ rotate: { everyMs: 10 }, stop$ }).line$, '^ 25ms !').toBe('1');

      const joining = hot<never>('-');
      const { line$ } = rig({ rotate$: hot('--r'), join: () => joining, stop$ });
      expectObservable(line$, '^ 25ms !').toBe('1');
      expectSubscriptions(joining.subscriptions).toBe('--^-!');
    }),
  );

  it(
    'errors with what onOutlived throws',
    marbles(({ hot, expectObservable }) => {
      const broken = (): never => {
        throw new Error('broken');
      };
      const joining = { rotate$: hot('--r'), join: () => NEVER, onOutlived: broken };
      const { line$ } = rig(joining, (generation) => (generation === 1 ? dies(4) : NEVER));

      expectObservable(line$).toBe('1---#', undefined, new Error('broken'));
    }),
  );

  it(
    'asks for nothing where whoever got the session leaves at once',
    marbles(({ expectObservable, flush }) => {
      const { line, line$, log } = rig();
      expectObservable(line$.pipe(take(1))).toBe('(1|)');
      flush();
      line.rotate();

      expect(log).toStrictEqual([]);
    }),
  );
});
