import type { Observer, Subscriber, Unsubscribable } from 'rxjs';
import type { FrameReader, OpenSession, TakeFrame } from './session.js';

export interface DeliveryHooks {
  /** All frames of a session are handed over. */
  onDelivered(session: OpenSession): void;
}

/**
 * Takes sessions as they take charge, and hands over the frames of one after the other: after a rotation the old connection's
 * last ones come first. Completes the run when the last frame of the last session is out; its error ends the run at once.
 *
 *     sessions   A------B---|
 *     A, B       -a-a----a|
 *     B                -b-b-b-|
 *     take       -a-a----a(bb)b
 */
export const deliverInTurn = (
  run: Subscriber<never>,
  take: TakeFrame,
  hooks: DeliveryHooks,
): Observer<OpenSession> => {
  const delivery = new Delivery(run, take, hooks);
  run.add(delivery);
  return delivery;
};

/** A class, since every idle connection keeps one: operators, or closures of its own, would take five times the memory. */
class Delivery implements Observer<OpenSession>, FrameReader, Unsubscribable {
  private current: OpenSession | undefined = undefined;
  private waiting: readonly OpenSession[] = NOBODY;
  private isLastCome = false;

  constructor(
    private readonly run: Subscriber<never>,
    private readonly take: TakeFrame,
    private readonly hooks: DeliveryHooks,
  ) {}

  next(session: OpenSession): void {
    if (this.current === undefined) this.begin(session);
    else this.waiting = [...this.waiting, session];
  }

  error(error: unknown): void {
    this.run.error(error);
  }

  complete(): void {
    this.isLastCome = true;
    if (this.current === undefined) this.run.complete();
  }

  get closed(): boolean {
    return this.run.closed;
  }

  /** The session in turn has ended, and all its frames are out. */
  onEnd(): void {
    const { current } = this;
    if (current !== undefined) this.hooks.onDelivered(current);
    const [next, ...waiting] = this.waiting;
    this.waiting = waiting;
    this.current = undefined;
    if (next !== undefined) this.begin(next);
    else if (this.isLastCome) this.run.complete();
  }

  /** The run is over. */
  unsubscribe(): void {
    this.current?.leave();
  }

  private begin(session: OpenSession): void {
    this.current = session;
    if (this.run.closed) return;
    try {
      session.deliver(this.take, this);
    } catch (error) {
      this.run.error(error);
    }
  }
}

const NOBODY: readonly OpenSession[] = [];
