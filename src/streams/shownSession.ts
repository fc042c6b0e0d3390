import { defer } from 'rxjs';
import type { Session } from './session.js';

const shown = new WeakMap<Session, Session>();

/**
 * The session as hooks of the user get it, each time the same. Its parts lead to the whole connection, URL and headers among them: this
 * one shows none to who prints it, spreads it or writes it down.
 */
export function shownSession(session: Session): Session {
  let one = shown.get(session);
  if (one === undefined) shown.set(session, (one = new ShownSession(session)));
  return one;
}

class ShownSession implements Session {
  readonly generation: number;
  readonly #session: Session;

  constructor(session: Session) {
    this.generation = session.generation;
    this.#session = session;
  }

  get send(): Session['send'] {
    return (message) => this.#session.send(message);
  }

  get close(): Session['close'] {
    return (code, reason) => this.#session.close(code, reason);
  }

  get messages$(): Session['messages$'] {
    return defer(() => this.#session.messages$);
  }

  get latencyMs(): number | undefined {
    return this.#session.latencyMs;
  }
}
