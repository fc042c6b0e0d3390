import { Observable } from 'rxjs';

/** Runs `task` when the turn of the event loop is over, unless what it returns is called before. */
export type AtTurnEnd = (task: () => void) => () => void;

/**
 * The end of the turn in which it is subscribed to: emits once, then completes. Who asks for it in every turn asks by a plain call. A
 * subscription takes longer than the first message of a turn, code that was not run for a while longer still, and all the other
 * messages that were read with it wait behind.
 */
// eslint-disable-next-line rxjs-x/no-subclass -- transports offer it as the Observable that it is
export class TurnEnd extends Observable<void> {
  constructor(readonly ask: AtTurnEnd) {
    super((subscriber) =>
      ask(() => {
        subscriber.next();
        subscriber.complete();
      }),
    );
  }
}
