import fc from 'fast-check';
import { asyncScheduler, Observable, share, Subject, timer } from 'rxjs';
import { FeedRun, type RunHooks, type RunParts, type RunUser } from '../src/feedRun.js';
import type { Frame } from '../src/streams/session.js';
import { marbles } from './marbles.js';

/** A feed that has only runs: `source$` stands for the connection's frames, each of which is its data. */
const rig = (source$: Observable<string>, lingerMs = 0) => {
  const log: string[] = [];
  const owner: RunParts &
    RunHooks & {
      run: FeedRun | undefined;
      isBusy: boolean;
      work: () => void;
      overflow: RunParts['overflow'];
    } = {
    run: undefined,
    isBusy: false,
    work: () => undefined,
    maxItems: 2,
    sliceMs: 5,
    overflow: 'drop-oldest',
    frameKey: undefined,
    lingerMs,
    connection: {
      run: (take) =>
        new Observable((subscriber) => {
          log.push('dial');
          subscriber.add(() => log.push('hang up'));
          subscriber.add(
            source$.subscribe({
              next: (data) => take({ data } as Frame, asyncScheduler.now()),
              error: (error: unknown) => subscriber.error(error),
              complete: () => subscriber.complete(),
            }),
          );
        }),
      giveUp: (error) => log.push(`give up: ${(error as Error).message}`),
    },
    dispatch: { receive: ({ data }) => log.push(`took ${String(data)}`) },
    backlog: {
      came: () => log.push('came'),
      done: () => log.push('done'),
      turnedAway: () => log.push('turned away'),
    },
    ledger: { receive: () => undefined, settle: (outcome) => log.push(outcome) },
    reading: {
      hold: () => log.push('hold'),
      letGo: () => log.push('let go'),
      yieldTurn: () => log.push('yield'),
      takeTurn: () => log.push('turn'),
    },
    losses: {
      count: (of) => log.push(`lost to ${of}`),
      tell: (of, policy, count) => log.push(`${count} lost to ${of}, ${policy}`),
    },
    turns: {
      join: (_sliceMs, onTurn) => {
        owner.work = onTurn;
        return {
          mayWork: () => !owner.isBusy,
          enter: () => !owner.isBusy,
          exit: () => undefined,
          wait: () => undefined,
          leave: () => log.push('left'),
        };
      },
    },
    begun: () => log.push('begun'),
    over: () => {
      log.push('over');
      return () => log.push('told');
    },
    ending: () => log.push('ending'),
    abandoned: () => log.push('abandoned'),
    finished: (_run, failure) =>
      log.push(failure === undefined ? 'finished' : `failed: ${(failure.error as Error).message}`),
    rested: () => log.push('rested'),
  };
  const enter = (user: RunUser): FeedRun => {
    if (owner.run?.isOver === false) {
      owner.run.enter(user);
      return owner.run;
    }
    const run = (owner.run = new FeedRun(owner, owner));
    run.enter(user);
    run.start();
    return run;
  };
  const user = (name: string): RunUser => ({
    ended: (failure) => log.push(failure === undefined ? `${name} done` : `${name} failed`),
  });
  return { owner, log, enter, user };
};

describe('a run of a feed', () => {
  it('takes a frame at once, and is over for its users in the order they came when the frames are', () => {
    const source$ = new Subject<string>();
    const { log, enter, user } = rig(source$);
    enter(user('a'));
    enter(user('b'));
    source$.next('1');
    source$.complete();

    expect(log).toStrictEqual([
      ...['begun', 'dial', 'came', 'took 1', 'done', 'left', 'over', 'left', 'hang up', 'told'],
      ...['finished', 'a done', 'b done', 'rested'],
    ]);
  });

  it('dials nothing if it was ended as it began', () => {
    const { owner, log, user, enter } = rig(new Subject());
    const begun = jest.fn(() => owner.run?.complete());
    Object.assign(owner, { begun });
    enter(user('a'));

    expect(log).toStrictEqual(['over', 'left', 'told', 'finished', 'a done', 'rested']);
  });

  it('works off what waits in line before it ends, and drops that when the deadline does not wait', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    const run = enter(user('a'));
    owner.isBusy = true;
    source$.next('1');
    source$.complete();
    expect(log).toStrictEqual(['begun', 'dial', 'came', 'yield', 'hang up', 'ending']);
    run.complete();

    expect(log.slice(6)).toStrictEqual([
      ...[
        'over',
        'left',
        'done',
        'dropped',
        '1 lost to buffer, closed',
        'told',
        'finished',
        'a done',
        'rested',
      ],
    ]);
  });

  it('books what the bound costs', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    enter(user('a'));
    owner.isBusy = true;
    for (const data of '123') source$.next(data);

    expect(log.slice(-4)).toStrictEqual(['came', 'done', 'dropped', 'lost to buffer']);
  });

  it.each([
    ['drop-newest', '123', ['dropped', 'lost to buffer']],
    ['pause', '1'.repeat(10_005), ['dropped', 'lost to buffer']],
    ['conflate', '11', ['conflated']],
  ] as const)(
    'does not book as worked off, by %s, what goes while all others wait',
    (overflow, all, fate) => {
      const source$ = new Subject<string>();
      const { owner, log, enter, user } = rig(source$);
      Object.assign(owner, { overflow, frameKey: ({ data }: Frame) => data });
      enter(user('a'));
      owner.isBusy = true;
      for (const data of all) source$.next(data);

      expect(log.slice(-2 - fate.length)).toStrictEqual(['came', 'turned away', ...fate]);
      expect(log).not.toContain('done');
    },
  );

  it('that takes nothing more, since the bound is an error, gives up, and drops what waits when the last user leaves', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    owner.overflow = 'error';
    const a = user('a');
    const run = enter(a);
    owner.isBusy = true;
    for (const data of '123') source$.next(data);
    expect(log.slice(-3)).toStrictEqual([
      ...['give up: more than 2 values had to wait', 'hang up', 'ending'],
    ]);
    log.length = 0;
    run.leave(a);

    expect(log).toStrictEqual([
      ...['over', 'left', 'done', 'dropped', 'done', 'dropped', '2 lost to buffer, closed'],
      ...['told', 'abandoned', 'rested'],
    ]);
  });

  it('that ends at a frame counts it no more, as the next one may count by then', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    const a = user('a');
    owner.dispatch.receive = () => run.leave(a);
    const run = enter(a);
    log.length = 0;
    source$.next('1');

    expect(log).toStrictEqual(['came', 'over', 'left', 'hang up', 'told', 'abandoned', 'rested']);
  });

  it('ends once, and not for nobody', () => {
    const { log, enter, user } = rig(new Subject());
    const run = enter(user('a'));
    run.complete();
    run.complete();
    expect(log.filter((each) => each === 'finished')).toHaveLength(1);
    log.length = 0;
    const b = user('b');
    const next = enter(b);
    next.leave(b);
    next.complete();

    expect(log).not.toContain('finished');
  });

  it('ends with what it is told of first, though its bound is an error', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    owner.overflow = 'error';
    owner.losses.count = () => source$.complete(); // as by close(), of who is told of the overflow
    enter(user('a'));
    owner.isBusy = true;
    for (const data of '123') source$.next(data);
    owner.isBusy = false;
    owner.work();

    expect(log.filter((each) => each.startsWith('give up'))).toStrictEqual([]);
    expect(log.slice(-4)).toStrictEqual(['told', 'finished', 'a done', 'rested']);
  });

  it('gives up once, though frames that were held come out as it does', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    owner.overflow = 'error';
    owner.connection.giveUp = () => {
      log.push('give up');
      source$.next('4');
    };
    enter(user('a'));
    owner.isBusy = true;
    for (const data of '123') source$.next(data);

    expect(log.filter((each) => each === 'give up')).toHaveLength(1);
    expect(log.slice(-3)).toStrictEqual(['dropped', 'hang up', 'ending']); // 4 is booked, too
    owner.run?.complete();

    expect(log).toContain('3 lost to buffer, closed'); // and told
  });

  it('gives up no other run, if who is told that its bound is hit leaves it', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    owner.overflow = 'error';
    const a = user('a');
    owner.losses.count = () => {
      run.leave(a);
      enter(user('b'));
    };
    const run = enter(a);
    owner.isBusy = true;
    for (const data of '123') source$.next(data);

    expect(log.filter((each) => /give up|dial/.test(each))).toStrictEqual(['dial', 'dial']);
  });

  it('works off each frame that waited as it came, though all came in one object', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter, user } = rig(source$);
    const frame = { data: '' };
    owner.connection.run = (take) =>
      new Observable(() => source$.subscribe((data) => take(Object.assign(frame, { data }) as Frame, 0)));
    owner.dispatch.receive = ({ data }) => {
      log.push(`took ${String(data)}`);
      if (data === '1') for (const next of '23') source$.next(next);
    };
    enter(user('a'));
    source$.next('1');

    expect(log.filter((each) => each.startsWith('took'))).toStrictEqual(['took 1', 'took 2', 'took 3']);
  });

  it('fails for all its users', () => {
    const source$ = new Subject<string>();
    const { log, enter, user } = rig(source$);
    enter(user('a'));
    source$.error(new Error('gone'));

    expect(log.slice(2)).toStrictEqual([
      ...['left', 'over', 'left', 'hang up', 'told', 'failed: gone', 'a failed', 'rested'],
    ]);
  });

  it(
    'lingers after its last user has left, and nobody is told of its end then',
    marbles(({ flush }) => {
      const { log, enter, user } = rig(new Subject(), 10);
      const a = user('a');
      const run = enter(a);
      run.leave(a);
      asyncScheduler.schedule(() => enter(a), 9);
      asyncScheduler.schedule(() => run.leave(a), 15);
      asyncScheduler.schedule(() => log.push(`at ${asyncScheduler.now()}`), 24);
      flush();

      expect(log).toStrictEqual([
        'begun',
        'dial',
        'at 24',
        'over',
        'left',
        'hang up',
        'told',
        'abandoned',
        'rested',
      ]);
    }),
  );

  it('lets who comes back while it tells of its end begin the next one', () => {
    const source$ = new Subject<string>();
    const { owner, log, enter } = rig(source$);
    const first = enter({ ended: () => void enter({ ended: () => undefined }) });
    source$.complete();

    expect(log.filter((each) => each === 'dial')).toHaveLength(2);
    expect(owner.run).not.toBe(first);
  });

  it('is to its users what share is', () => {
    const isHangUp = (line: string): boolean => line.startsWith('hang up');
    const step = fc.record({
      after: fc.nat(6),
      do: fc.constantFrom('enter', 'enter', 'leave', 'leave', 'complete', 'fail'),
      who: fc.nat(2),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 25 }),
        fc.constantFrom(0, 5),
        fc.boolean(),
        (steps, lingerMs, again) => {
          marbles(({ flush }) => {
            const play = (
              subscribe: (
                log: string[],
                source$: Observable<string>,
              ) => (name: string, told: () => void) => () => void,
            ): string[] => {
              const log: string[] = [];
              let source$ = new Subject<string>();
              const dials$ = new Observable<string>((subscriber) => {
                log.push(`dial at ${asyncScheduler.now()}`);
                subscriber.add(() => log.push(`hang up at ${asyncScheduler.now()}`));
                subscriber.add((source$ = new Subject()).subscribe(subscriber));
              });
              const enter = subscribe(log, dials$);
              const leaves = new Map<number, () => void>();
              let at = 0;
              const come = (who: number): void => {
                const leave = enter(`${who}`, () => {
                  leaves.delete(who);
                  if (again && who === 0) come(1);
                });
                leaves.set(who, leave);
              };
              for (const { after, do: deed, who } of steps) {
                at += after;
                asyncScheduler.schedule(() => {
                  if (deed === 'enter' && !leaves.has(who)) come(who);
                  if (deed === 'leave') {
                    const leave = leaves.get(who);
                    leaves.delete(who);
                    leave?.();
                  }
                  if (deed === 'complete') source$.complete();
                  if (deed === 'fail') source$.error(new Error('gone'));
                }, at);
              }
              return log;
            };
            const ofRun = play((log, source$) => {
              const { enter } = rig(source$, lingerMs);
              return (name, told) => {
                const user: RunUser = {
                  ended: (failure) => {
                    log.push(`${name} ${failure === undefined ? 'done' : 'failed'}`);
                    told();
                  },
                };
                const run = enter(user);
                return () => run.leave(user);
              };
            });
            const ofShare = play((log, source$) => {
              const shared$ = source$.pipe(
                share({ resetOnRefCountZero: lingerMs === 0 ? true : () => timer(lingerMs) }),
              );
              return (name, told) => {
                const ended = (how: string) => (): void => {
                  log.push(`${name} ${how}`);
                  told();
                };
                const subscription = shared$.subscribe({ complete: ended('done'), error: ended('failed') });
                return () => subscription.unsubscribe();
              };
            });
            flush();
            // Which hangs up after it has told its users.
            const [ownHangUps, sharedHangUps] = [ofRun, ofShare].map((log) => log.filter(isHangUp));
            const [own, shared] = [ofRun, ofShare].map((log) => log.filter((line) => !isHangUp(line)));
            expect([own, ownHangUps]).toStrictEqual([shared, sharedHangUps]);
          })();
        },
      ),
      { numRuns: 300 },
    );
  });
});
