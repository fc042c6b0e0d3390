import { NEVER, of, Subject } from 'rxjs';
import { createBacklog } from '../../src/sinks/backlog.js';

/** A backlog with everything in hand; `log` is what `workedOff$` did. */
const inHand = () => {
  const settled = new Subject<void>();
  const resumed$ = new Subject<void>();
  const state = { isPaused: false };
  const backlog = createBacklog({ settled, resumed$, isPaused: () => state.isPaused });
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
