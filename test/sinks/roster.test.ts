import fc from 'fast-check';
import { Observable, type Subscription } from 'rxjs';
import { createRoster, type Roster } from '../../src/sinks/roster.js';

/** Subscribes as a stream behind a roster does. */
const join = (roster: Roster<string>, hear: (value: string) => void): Subscription =>
  new Observable<string>((subscriber) => {
    subscriber.add(roster.add(subscriber));
  }).subscribe({
    next: hear,
    error: (error: unknown) => hear(`error ${String(error)}`),
    complete: () => hear('complete'),
  });

describe('createRoster', () => {
  it('calls everybody in the order they came', () => {
    const roster = createRoster<string>();
    const heard: string[] = [];
    for (const who of ['a', 'b', 'c']) join(roster, (value) => heard.push(who + value));
    roster.next('1');
    expect([heard, roster.size]).toStrictEqual([['a1', 'b1', 'c1'], 3]);
  });

  it('who comes during a call hears the next one first', () => {
    const roster = createRoster<string>();
    const heard: string[] = [];
    join(roster, (value) => {
      if (value === '1') join(roster, (later) => heard.push(later));
    });
    roster.next('1');
    roster.next('2');
    expect(heard).toStrictEqual(['2']);
  });

  it('who leaves during a call hears nothing more, though all the others leave and the list is put in order', () => {
    const roster = createRoster<string>();
    const heard: string[] = [];
    const here: Subscription[] = [];
    for (let n = 0; n < 100; n += 1) {
      here.push(
        join(roster, (value) => {
          heard.push(`${n}: ${value}`);
          if (n === 1) for (const [other, each] of here.entries()) if (other < 98) each.unsubscribe();
        }),
      );
    }
    roster.next('a');
    roster.next('b');
    expect(heard).toStrictEqual(['0: a', '1: a', '98: a', '99: a', '98: b', '99: b']);
  });

  it('ends those who are in, and not one who leaves or comes meanwhile', () => {
    const roster = createRoster<string>();
    const heard: string[] = [];
    join(roster, (value) => {
      heard.push(`a ${value}`);
      leaver.unsubscribe();
      join(roster, (later) => heard.push(`d ${later}`));
    });
    const leaver = join(roster, (value) => heard.push(`b ${value}`));
    join(roster, (value) => heard.push(`c ${value}`));
    roster.end((subscriber) => subscriber.complete());
    expect([heard, roster.size]).toStrictEqual([['a complete', 'c complete'], 1]);
  });

  it('is a plain list that is searched and copied, only faster', () => {
    const step = fc.record({ act: fc.constantFrom('come', 'leave', 'next'), nth: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const roster = createRoster<string>();
        const heard: string[] = [];
        const owed: string[] = [];
        let plain: { readonly who: number; readonly subscription: Subscription }[] = [];
        for (const [who, { act, nth }] of steps.entries()) {
          if (act === 'come') {
            plain.push({ who, subscription: join(roster, (value) => heard.push(`${who} ${value}`)) });
          } else if (act === 'leave') {
            plain[nth]?.subscription.unsubscribe();
            plain = plain.filter((_, at) => at !== nth);
          } else {
            if (nth % 2 === 0 && roster.only !== undefined) roster.only.next(`${nth}`);
            else roster.next(`${nth}`);
            for (const each of plain) owed.push(`${each.who} ${nth}`);
          }
          expect([roster.size, roster.only !== undefined]).toStrictEqual([plain.length, plain.length === 1]);
        }
        expect(heard).toStrictEqual(owed);
      }),
    );
  });

  it('keeps no more empty seats than there are subscribers, and eight', () => {
    const roster = createRoster<string>();
    const filter = jest.spyOn(Array.prototype, 'filter');
    join(roster, () => undefined);
    for (let n = 0; n < 100; n += 1) join(roster, () => undefined).unsubscribe();
    const sizes = filter.mock.contexts.map((seats) => (seats as unknown[]).length);
    filter.mockRestore();
    expect(sizes).toStrictEqual(Array.from({ length: 10 }, () => 11));
  });
});
