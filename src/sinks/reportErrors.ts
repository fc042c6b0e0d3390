import { defer, EMPTY } from 'rxjs';

/** Hands what a callback throws to rxjs, which reports it as unhandled once the present work is done. */
export function reportErrors(callback: () => void): void {
  defer(() => {
    callback();
    return EMPTY;
  }).subscribe();
}
