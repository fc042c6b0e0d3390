import { NEVER, type Observable, of, Subject, tap } from 'rxjs';
import { createBacklog } from '../../src/sinks/backlog.js';

/** A backlog with everything in hand; `log` is what `workedOff$` did. */
const inHand = () => {
  const settled = new Subject<void>();
  const resumed$ = new Subject<void>();
  const state = { isPaused: false, isYielding: false };
  const backlog = createBacklog({
    settled,
    resumed$,
    isPaused: () => state.isPaused,
    isYielding: () => state.isYielding,
  });
  const log: string[] = [];
  const ask = () =>
    backlog.workedOff$.subscribe({ next: () => log.push('next'), complete: () => log.push('complete') });
  return { backlog, settled, resumed$, state, log, ask };
};
const isOver = ['next', 'complete'];

describe('createBacklog', () => {
  it('waits for what had arrived to be handed over, then for it to be worked off', () => {
    const { backlog, settled, log, ask } = inHand();
    ask();
    expect(log).toStrictEqual([]);
    backlog.came();
    backlog.came();
    settled.next();
    backlog.done();
    expect(log).toStrictEqual([]);
    backlog.done();
    expect(log).toStrictEqual(isOver);
  });

  it('is over at once where nothing waits', () => {
    const { backlog, log, ask, settled } = inHand();
    backlog.came();
    backlog.done();
    ask();
    settled.next();
    expect(log).toStrictEqual(isOver);
  });

  it('frames that come later put nothing off', () => {
    const { backlog, settled, log, ask } = inHand();
    backlog.came();
    ask();
    settled.next();
    for (let more = 0; more < 9; more += 1) backlog.came();
    backlog.done();
    expect(log).toStrictEqual(isOver);
  });

  it('waits for what waits, however many come after it and are dropped, or take its place', () => {
    const { backlog, settled, log, ask } = inHand();
    backlog.came();
    backlog.came();
    ask();
    settled.next();
    for (let more = 0; more < 9; more += 1) {
      backlog.came();
      backlog.turnedAway();
    }
    backlog.done();
    expect(log).toStrictEqual([]);
    backlog.done();
    expect(log).toStrictEqual(isOver);
  });

  it('waits for the end of a pause, and only then for what has arrived', () => {
    const { backlog, settled, resumed$, state, log, ask } = inHand();
    state.isPaused = true;
    ask();
    settled.next();
    expect(log).toStrictEqual([]);
    state.isPaused = false;
    resumed$.next();
    backlog.came();
    settled.next();
    expect(log).toStrictEqual([]);
    backlog.done();
    expect(log).toStrictEqual(isOver);
  });

  describe('while reading rests', () => {
    it('waits for a turn without a rest, then for what had come by its end', () => {
      const { backlog, settled, state, log, ask } = inHand();
      ask();
      state.isYielding = true;
      settled.next();
      backlog.came();
      backlog.done();
      settled.next();
      state.isYielding = false;
      backlog.came();
      expect(log).toStrictEqual([]);
      settled.next(); // at its start it rested
      expect(log).toStrictEqual([]);
      settled.next();
      expect(log).toStrictEqual([]);
      backlog.done();
      expect(log).toStrictEqual(isOver);
    });

    it.each([
      ['before', true],
      ['after', false],
    ])('is not over with the rest it began in, if reading goes on %s it looks', (_, isFirst) => {
      const { settled, state, log, ask } = inHand();
      const readOn = () => settled.subscribe(() => (state.isYielding = false));
      state.isYielding = true;
      if (isFirst) readOn();
      ask();
      if (!isFirst) readOn();
      settled.next();
      expect(log).toStrictEqual([]);
    });

    it('looks at the next turn only once a pause is over: nothing is read in it', () => {
      const { settled, resumed$, state, log, ask } = inHand();
      state.isYielding = true;
      ask();
      state.isPaused = true;
      settled.next();
      state.isYielding = false;
      settled.next();
      settled.next();
      expect(log).toStrictEqual([]);
      state.isPaused = false;
      resumed$.next();
      settled.next();
      expect(log).toStrictEqual(isOver);
    });

    it('waits for 100 turns at most, as under a flood that never ends', () => {
      const { backlog, settled, state, log, ask } = inHand();
      state.isYielding = true;
      ask();
      for (let turn = 1; turn < 100; turn += 1) settled.next();
      backlog.came();
      expect(log).toStrictEqual([]);
      settled.next();
      expect(log).toStrictEqual([]);
      backlog.done();
      expect(log).toStrictEqual(isOver);
      expect(settled.observed).toBe(false);
    });

    it('ends where a turn takes no time', () => {
      let turns = 0;
      const settled: Observable<unknown> = of(0).pipe(tap(() => (turns += 1)));
      const log: string[] = [];
      createBacklog({
        settled,
        isPaused: () => false,
        resumed$: NEVER,
        isYielding: () => true,
      }).workedOff$.subscribe(() => log.push('over'));
      expect([turns, log]).toStrictEqual([100, ['over']]);
    });

    it('whoever leaves asks for no more turns', () => {
      const { settled, state, ask } = inHand();
      state.isYielding = true;
      const asking = ask();
      settled.next();
      asking.unsubscribe();
      expect(settled.observed).toBe(false);
    });
  });

  it('takes one turn where nobody says that reading rests', () => {
    const settled = new Subject<void>();
    const log: string[] = [];
    createBacklog({ settled, isPaused: () => false, resumed$: NEVER }).workedOff$.subscribe(() =>
      log.push('over'),
    );
    settled.next();
    expect(log).toStrictEqual(['over']);
  });

  it('whoever leaves is heard of no more, and a second one asks anew', () => {
    const { settled, log, ask } = inHand();
    ask().unsubscribe();
    settled.next();
    expect(log).toStrictEqual([]);
    ask();
    settled.next();
    expect(log).toStrictEqual(isOver);
  });

  it('counts from nothing once it is cleared', () => {
    const backlog = createBacklog({ settled: of(0), isPaused: () => false, resumed$: NEVER });
    const log: string[] = [];
    backlog.came();
    backlog.clear();
    backlog.workedOff$.subscribe(() => log.push('over'));
    expect(log).toStrictEqual(['over']);
  });
});
