import { mergeMap, take, tap } from 'rxjs';
import { createSignal } from '../../src/streams/signal.js';

describe('createSignal', () => {
  it('tells whoever listens, in the order in which they came, and nobody who has left', () => {
    const { told$, tell } = bound();
    const log: string[] = [];
    const first = told$.subscribe((value) => log.push(`first ${value}`));
    told$.pipe(take(2)).subscribe((value) => log.push(`second ${value}`));
    tell('a');
    first.unsubscribe();
    tell('b');
    tell('c');

    expect(log).toStrictEqual(['first a', 'second a', 'second b']);
  });

  it('tells who joins from within from the next time on', () => {
    const { told$, tell } = bound();
    const log: string[] = [];
    const late = told$.pipe(tap((value) => log.push(value)));
    told$
      .pipe(
        take(1),
        mergeMap(() => late),
      )
      .subscribe();
    tell('a');
    tell('b');

    expect(log).toStrictEqual(['b']);
  });

  it('tells nobody who leaves from within while others are told', () => {
    const { told$, tell } = bound();
    const log: string[] = [];
    told$.subscribe(() => second.unsubscribe());
    const second = told$.subscribe((value) => log.push(value));
    tell('a');

    expect(log).toStrictEqual([]);
  });
});

const bound = () => {
  const signal = createSignal<string>();
  return { told$: signal.told$, tell: (value: string): void => signal.tell(value) };
};
