import type { Subscriber, Unsubscribable } from 'rxjs';
import type { FeedRun, RunUser } from './feedRun.js';
import type { Failure } from './operators/boundedLine.js';
import type { Seat } from './sinks/channel.js';

type Run = Pick<FeedRun, 'leave'>;

/** A subscriber of a stream, who is done when both have ended: the stream and the run. */
export class Listener implements RunUser, Unsubscribable {
  /** In the stream. */
  seat: Pick<Seat<unknown>, 'mute'> | undefined = undefined;
  private going = 2;
  /** Not `private`: who prints a subscription is to see no URL and no header. */
  #run: Run | undefined = undefined;

  constructor(private readonly subscriber: Subscriber<unknown>) {}

  /**
   * @param run Lets it into the run, which begins with the first.
   * @param isPast The run has ended since it took its seat: who ended it at a value that was kept is not to start it again.
   */
  enter(run: (user: RunUser) => Run, isPast: boolean): void {
    const { subscriber } = this;
    if (isPast) subscriber.complete();
    if (subscriber.closed) return;
    this.#run = run(this);
    subscriber.add(this);
  }

  unsubscribe(): void {
    this.#run?.leave(this);
  }

  /** The stream has. */
  complete(): void {
    this.going -= 1;
    if (this.going === 0) this.subscriber.complete(); // its seat was muted when the stream ended
  }

  ended(failure: Failure | undefined): void {
    if (failure === undefined) {
      this.complete();
      return;
    }
    this.seat?.mute();
    this.subscriber.error(failure.error);
  }
}
