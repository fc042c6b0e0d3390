import { filter, from, noop } from 'rxjs';
import type { Port } from './outbox.js';

/** A dial from its beginning to its end, with the connection it leads to. */
export interface LiveDial {
  /** An error from outside ends it now. */
  drop(error: unknown): void;
  /** Nothing more is to be taken in. */
  stopIntake(): void;
  /** The socket of a port takes nothing more. */
  refused(port: Port): void;
  /** A pause of reading has ended. */
  resumed(): void;
}

/** The dials of a feed that live: one, or two while a rotation moves over. */
export interface LiveDials {
  add(dial: LiveDial): void;
  delete(dial: LiveDial): void;
  /** Tells all, but who is added or deleted meanwhile; what one throws is reported as unhandled. */
  tell(act: (dial: LiveDial) => void): void;
}

export const createLiveDials = (): LiveDials => new ListOfDials();

/** A class, and a list, since every idle connection keeps one: Observables and what subscribes to them took ten times the memory. */
class ListOfDials implements LiveDials {
  private live: readonly LiveDial[] = [];

  add(dial: LiveDial): void {
    this.live = this.live.concat(dial); // a spread would keep room for 16 more
  }

  delete(dial: LiveDial): void {
    this.live = this.live.filter((other) => other !== dial);
  }

  tell(act: (dial: LiveDial) => void): void {
    // An observer, whose errors keep nobody from the others.
    from(this.live)
      .pipe(filter((dial) => this.live.includes(dial)))
      .subscribe({ next: act, error: noop });
  }
}
