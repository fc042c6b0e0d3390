import { Observable } from 'rxjs';

/** Runs `task` once, when the turn of the event loop is over, unless what it returns is called before; afterwards that does nothing. */
export type AtTurnEnd = (task: () => void) => () => void;

/**
 * The end of the turn in which it is subscribed to: emits once, then completes. Who asks for it in every turn asks by a plain call: a
 * subscription takes half a microsecond more, several where its code has left the cache, and the messages that were read with the first of
 * a turn wait for that.
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
