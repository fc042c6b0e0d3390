import { defer, EMPTY, filter, ignoreElements, type Observable, Subject, take } from 'rxjs';
import type { Socket } from './transport.js';

/** Sockets from their dial until they are gone: one, or two while a rotation moves over. */
export interface LiveSockets {
  /** A socket was dialled; `generation` is the number of its dial. */
  add(generation: number, socket: Socket): void;
  /** The socket of that dial is gone. */
  delete(generation: number): void;
  /** Ends all but that of one dial. */
  terminateBut(generation: number | undefined): void;
  /** Those of this moment: `gone$` completes when none of them is left. */
  now(): { readonly gone$: Observable<never>; terminate(): void };
}

interface Dialled {
  readonly generation: number;
  readonly socket: Socket;
}

export const createLiveSockets = (): LiveSockets => new DialledSockets();

/** A class, since every idle connection keeps one: closures of its own would take three times the memory. */
class DialledSockets implements LiveSockets {
  private live: readonly Dialled[] = [];
  /** Made when somebody waits for sockets to be gone. */
  private deleted$: Subject<void> | undefined = undefined;

  add(generation: number, socket: Socket): void {
    this.live = this.live.concat({ generation, socket }); // a spread would keep room for 16 more
  }

  delete(generation: number): void {
    this.live = this.live.filter((each) => each.generation !== generation);
    this.deleted$?.next();
  }

  terminateBut(generation: number | undefined): void {
    for (const each of this.live) if (each.generation !== generation) each.socket.terminate();
  }

  now(): ReturnType<LiveSockets['now']> {
    const mine = this.live;
    const isGone = (): boolean => !mine.some((each) => this.live.includes(each));
    return {
      gone$: defer(() => {
        if (isGone()) return EMPTY;
        this.deleted$ ??= new Subject();
        return this.deleted$.pipe(filter(isGone), take(1), ignoreElements());
      }),
      terminate: () => {
        for (const each of mine) if (this.live.includes(each)) each.socket.terminate();
      },
    };
  }
}
