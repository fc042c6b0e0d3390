import { Observable, type Subscriber } from 'rxjs';

/** What is told to whoever listens at that moment; it never ends. */
export interface Signal<T> {
  readonly told$: Observable<T>;
  tell(value: T): void;
}

/**
 * A Subject for the two or three who listen to an idle connection: each takes a third of the memory, as one who leaves is not taken off
 * the list at once, but when somebody joins or is told.
 */
export const createSignal = <T>(): Signal<T> => new ListOfListeners<T>();

class ListOfListeners<T> implements Signal<T> {
  private listeners: readonly Subscriber<T>[] = [];
  readonly told$ = new Observable<T>((subscriber) => {
    this.listeners = this.present().concat(subscriber); // a spread would keep room for 16 more
  });

  tell(value: T): void {
    this.listeners = this.present();
    // Who has left meanwhile hears nothing, and who joins is not on this list.
    for (const listener of this.listeners) listener.next(value);
  }

  private present(): readonly Subscriber<T>[] {
    return this.listeners.filter(({ closed }) => !closed);
  }
}
