import fc from 'fast-check';
import { config, firstValueFrom, type Observable, Subject, Subscription, take } from 'rxjs';
import { Multicast } from '../../src/sinks/multicast.js';
import { settled } from '../../src/streams/settled.js';
import { collectGarbage } from '../collectGarbage.js';

/** What one who is subscribed does at a value, once, with whom. */
interface Deed {
  readonly at: number;
  readonly does: 'leave' | 'enter' | 'send';
  readonly whom: number;
}

/** Lets the same people do the same to whatever spreads the values. */
function play(
  spread: { readonly next: (value: number) => void; readonly values$: Observable<number> },
  people: readonly (readonly Deed[])[],
): string[] {
  const heard: string[] = [];
  const seats = people.map(() => Subscription.EMPTY);
  let last = 3;
  const enter = (who: number): void => {
    seats[who]?.unsubscribe();
    const next = (value: number): void => hear(who, value);
    // Every third one is behind an operator, and gets two values at most.
    seats[who] =
      who % 3 === 2 ? spread.values$.pipe(take(2)).subscribe(next) : spread.values$.subscribe({ next });
  };
  const hear = (who: number, value: number): void => {
    heard.push(`${who}: ${value}`);
    for (const { at, does, whom } of people[who] ?? []) {
      if (at !== value) continue;
      if (does === 'leave') seats[whom % people.length]?.unsubscribe();
      else if (does === 'enter') enter(whom % people.length);
      else if (last < 6) spread.next((last += 1));
    }
  };
  for (const who of people.keys()) enter(who);
  for (let value = 1; value <= 3; value += 1) spread.next(value);
  return heard;
}

const bound = <T>(all: Multicast<T>): Pick<Multicast<T>, 'values$' | 'next'> => ({
  values$: all.values$,
  next: (value) => all.next(value),
});

afterEach(() => {
  config.onUnhandledError = null;
});

describe('Multicast', () => {
  it('sends a value after what it waits for, and before what is sent from inside of that', () => {
    const all = new Multicast<string>();
    const heard: string[] = [];
    const next = (value: string): void => {
      heard.push(value);
      if (value === 'b') all.next('sent at b');
    };
    all.values$.subscribe({ next });
    all.nextAfter(() => {
      heard.push('before a');
      all.nextAfter(() => heard.push('before b'), 'b');
      all.next('c');
    }, 'a');

    expect(heard).toStrictEqual(['before a', 'before b', 'a', 'b', 'sent at b', 'c']);
  });

  it('sends a value though what it waits for throws', () => {
    const all = new Multicast<string>();
    const heard: string[] = [];
    all.values$.subscribe((value) => heard.push(value));
    const fails = (): void => {
      throw new Error('broken');
    };

    expect(() => all.nextAfter(fails, 'a')).toThrow('broken');
    expect(heard).toStrictEqual(['a']);
  });

  it('hands values on as a Subject does, whoever comes, leaves or sends from inside of one', () => {
    const deed = fc.record({
      at: fc.integer({ min: 1, max: 6 }),
      does: fc.constantFrom('leave', 'enter', 'send'),
      whom: fc.nat(5),
    } as const);
    fc.assert(
      fc.property(fc.array(fc.array(deed, { maxLength: 4 }), { minLength: 1, maxLength: 6 }), (people) => {
        const ours = new Multicast<number>();
        const theirs = new Subject<number>();
        expect(play(bound(ours), people)).toStrictEqual(
          play({ next: (value) => theirs.next(value), values$: theirs }, people),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('goes on after a subscriber that throws, which is reported as unhandled', async () => {
    const reported = new Promise((resolve) => (config.onUnhandledError = resolve));
    const { values$, next } = bound(new Multicast<number>());
    const heard: number[] = [];
    values$.subscribe((value) => {
      if (value === 1) throw new Error('broken');
    });
    values$.subscribe((value) => heard.push(value));
    next(1);
    next(2);
    expect([heard, await reported]).toStrictEqual([[1, 2], new Error('broken')]);
  });

  it('is not held by who has left', async () => {
    const make = (): [Subscription, WeakRef<Multicast<number>>] => {
      const all = new Multicast<number>();
      const subscription = all.values$.subscribe();
      subscription.unsubscribe();
      return [subscription, new WeakRef(all)];
    };
    const [subscription, all] = make();
    await firstValueFrom(settled); // a WeakRef holds until the end of its turn
    collectGarbage();
    expect([subscription.closed, all.deref()]).toStrictEqual([true, undefined]);
  });

  it('serves operators, and ends nobody', () => {
    const { values$, next } = bound(new Multicast<number>());
    const heard: unknown[] = [];
    values$
      .pipe(take(2))
      .subscribe({ next: (value) => heard.push(value), complete: () => heard.push('taken') });
    values$.subscribe({ complete: () => heard.push('complete') });
    for (const value of [1, 2, 3]) next(value);
    expect(heard).toStrictEqual([1, 2, 'taken']);
  });
});
