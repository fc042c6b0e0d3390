import { asyncScheduler, noop, type Observable, take, throwError } from 'rxjs';
import { type AtTurnEnd, TurnEnd } from './turnEnd.js';

/** One of those who share the turns of a budget. */
export interface Worker {
  /** Whether it may work on in this turn: `at` is the time now (epoch ms). Whoever asks first begins the turn. */
  mayWork(at: number): boolean;
  /**
   * As `mayWork`, for one piece of work that ends with `exit`, or with `leave`: only then is the end of the turn asked for. That takes
   * longer than most work, and the first value of a turn is not to wait for it.
   */
  enter(at: number): boolean;
  exit(): void;
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
 * @param settled Emits, or completes, on the next turn of the event loop; asked once a turn, and only when somebody works. A `TurnEnd`
 *   is asked by a call.
 */
export const createTurnBudget = (settled: Observable<unknown>): TurnBudget => new SharedTurns(settled);

class SharedTurns implements TurnBudget {
  private readonly ask: AtTurnEnd;
  private readonly onEnd = (): void => this.end();
  private readonly waiting = new Set<Member>();
  private members = 0;
  private round = 0;
  private isOn = false;
  private isEndAwaited = false;
  private isCalling = false;
  private beganAt = 0;
  /** Asks for the end no more. */
  private cancel: () => void = noop;

  constructor(settled: Observable<unknown>) {
    this.ask = settled instanceof TurnEnd ? settled.ask : askBySubscribing(settled);
  }

  join(sliceMs: number, onTurn: () => void): Worker {
    this.members += 1;
    return new Member(this, sliceMs, onTurn);
  }

  mayWork(at: number, sliceMs: number): boolean {
    if (this.isOn) return this.hasTime(at, sliceMs);
    this.begin(at);
    this.awaitEnd();
    return true;
  }

  enter(at: number, sliceMs: number): boolean {
    if (this.isOn) return this.hasTime(at, sliceMs);
    this.begin(at);
    return true;
  }

  exit(): void {
    if (this.isOn && !this.isEndAwaited) this.awaitEnd();
  }

  wait(member: Member): void {
    this.waiting.add(member);
    if (this.isOn || this.isCalling) return;
    this.begin(asyncScheduler.now());
    this.awaitEnd();
  }

  leave(member: Member): void {
    this.waiting.delete(member);
    this.members -= 1;
    if (this.members > 0) {
      this.exit(); // it may have been at work
      return;
    }
    this.cancel();
    this.cancel = noop;
    this.isOn = false;
  }

  private begin(at: number): void {
    this.isOn = true;
    this.isEndAwaited = false;
    this.beganAt = at;
  }

  private awaitEnd(): void {
    this.isEndAwaited = true;
    try {
      this.cancel = this.ask(this.onEnd);
    } catch (error) {
      report(error);
      this.end();
    }
  }

  private hasTime(at: number, sliceMs: number): boolean {
    if (!this.isOn) return true;
    if (at < this.beganAt) this.beganAt = at; // the clock was set back
    return at - this.beganAt < sliceMs;
  }

  private end(): void {
    this.isOn = false;
    this.cancel = noop; // what it was asked by may keep much
    if (this.waiting.size > 0) this.callThem();
  }

  private callThem(): void {
    const { waiting } = this;
    if (this.isCalling) return;
    this.isCalling = true;
    this.round += 1;
    for (const member of waiting) {
      // Who waits again meanwhile has had its turn.
      if (member.round === this.round || !this.hasTime(asyncScheduler.now(), member.sliceMs)) break;
      member.round = this.round;
      waiting.delete(member);
      try {
        member.onTurn();
      } catch (error) {
        report(error);
      }
    }
    this.isCalling = false;
    if (waiting.size === 0 || this.isOn) return;
    this.begin(asyncScheduler.now());
    this.awaitEnd();
  }
}

/** A class, since every idle connection keeps one: closures of its own took six times the memory. */
class Member implements Worker {
  /** The last round of calls that it had its turn in. */
  round = 0;
  private isIn = true;

  constructor(
    private readonly turns: SharedTurns,
    readonly sliceMs: number,
    readonly onTurn: () => void,
  ) {}

  mayWork(at: number): boolean {
    return this.turns.mayWork(at, this.sliceMs);
  }

  enter(at: number): boolean {
    return this.turns.enter(at, this.sliceMs);
  }

  exit(): void {
    this.turns.exit();
  }

  wait(): void {
    if (this.isIn) this.turns.wait(this);
  }

  leave(): void {
    if (!this.isIn) return;
    this.isIn = false;
    this.turns.leave(this);
  }
}

const askBySubscribing = (settled: Observable<unknown>): AtTurnEnd => {
  const ended$ = settled.pipe(take(1));
  return (task) => {
    const turn = ended$.subscribe({
      complete: task,
      error: (error: unknown) => {
        report(error);
        task();
      },
    });
    return () => turn.unsubscribe();
  };
};

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
