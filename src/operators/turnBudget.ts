import { asyncScheduler, type Observable, take, throwError } from 'rxjs';

/** One of those who share the turns of a budget. */
export interface Worker {
  /** Whether it may work on in this turn: `at` is the time now (epoch ms). Whoever asks first begins the turn. */
  mayWork(at: number): boolean;
  /** Gives it a place in line for its turn, the last one, if it has none. */
  wait(): void;
  /** Gives up its place; when all have left, the turn is not waited for any more. */
  leave(): void;
}

/** The time that one turn of the event loop may be worked on, shared by all who work in it. */
export interface TurnBudget {
  /**
   * @param sliceMs It works on only while the turn has lasted less than so many milliseconds, whoever worked in it.
   * @param onTurn Its turn has come: some of the time of this turn of the event loop is left. What it throws is reported
   *   as an uncaught error, and the others get their turn.
   */
  join(sliceMs: number, onTurn: () => void): Worker;
}

/**
 * Shares the turns of the event loop, so that many together starve timers and sockets no longer than one alone.
 *
 * A turn begins with the first who works in it, and ends with `settled`. Then those who wait are called, first come first
 * served, until the time of the next turn is used up as well; who was not reached stays in front. One may be called in a
 * turn only once.
 *
 * @param settled Emits, or completes, on the next turn of the event loop; asked once a turn, and only when somebody works.
 */
export function createTurnBudget(settled: Observable<unknown>): TurnBudget {
  const ended$ = settled.pipe(take(1));
  const waiting = new Set<Member>();
  let members = 0;
  let round = 0;
  let isOn = false;
  let isCalling = false;
  let beganAt = 0;
  let turn: { unsubscribe(): void } | undefined;

  interface Member {
    readonly sliceMs: number;
    readonly onTurn: () => void;
    /** The last round of calls that it had its turn in. */
    round: number;
  }

  const begin = (at: number): void => {
    isOn = true;
    beganAt = at;
    turn = ended$.subscribe({ complete: end, error: fail });
  };

  const hasTime = (at: number, sliceMs: number): boolean => {
    if (!isOn) return true;
    if (at < beganAt) beganAt = at; // the clock was set back
    return at - beganAt < sliceMs;
  };

  const end = (): void => {
    isOn = false;
    if (waiting.size > 0) callThem();
  };
  const fail = (error: unknown): void => {
    report(error);
    end();
  };

  const callThem = (): void => {
    if (isCalling) return;
    isCalling = true;
    round += 1;
    for (const member of waiting) {
      // Who waits again meanwhile has had its turn.
      if (member.round === round || !hasTime(asyncScheduler.now(), member.sliceMs)) break;
      member.round = round;
      waiting.delete(member);
      try {
        member.onTurn();
      } catch (error) {
        report(error);
      }
    }
    isCalling = false;
    if (waiting.size > 0 && !isOn) begin(asyncScheduler.now());
  };

  return {
    join(sliceMs, onTurn) {
      const member: Member = { sliceMs, onTurn, round: 0 };
      let isIn = true;
      members += 1;
      return {
        mayWork(at) {
          if (isOn) return hasTime(at, sliceMs);
          begin(at);
          return true;
        },
        wait() {
          if (!isIn) return;
          waiting.add(member);
          if (!isOn && !isCalling) begin(asyncScheduler.now());
        },
        leave() {
          if (!isIn) return;
          isIn = false;
          waiting.delete(member);
          members -= 1;
          if (members > 0) return;
          turn?.unsubscribe();
          isOn = false;
        },
      };
    },
  };
}

/** As rxjs does with what nobody catches: it is thrown when the stack is empty. */
const report = (error: unknown): void => {
  throwError(() => error).subscribe(); // eslint-disable-line rxjs-x/throw-error -- an error is passed on as it came
};

const budgets = new WeakMap<Observable<unknown>, TurnBudget>();

/** The one budget of all who name the same `settled`. */
export function turnBudgetOf(settled: Observable<unknown>): TurnBudget {
  let budget = budgets.get(settled);
  if (budget === undefined) budgets.set(settled, (budget = createTurnBudget(settled)));
  return budget;
}
