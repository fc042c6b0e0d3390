import fc from 'fast-check';
import { noop, type Subscription } from 'rxjs';
import { Channel, type ChannelOwner, type Seat } from '../../src/sinks/channel.js';
import { DirectObservable } from '../../src/sinks/directObservable.js';

type Plain = Channel<string>;
const create = (
  onEmpty: (channel: Plain) => void = () => undefined,
  lead: ChannelOwner<string>['lead'] = () => undefined,
): Plain => new Channel<string>('topic', undefined, 0, { letGo: onEmpty, lead });

/** Subscribes as a stream behind a channel does. */
const join = (channel: Plain, hear: (value: string) => void): Subscription =>
  new DirectObservable<string>((subscriber, taker) => {
    channel.add(subscriber, taker, subscriber);
  }).subscribe({
    next: hear,
    error: (error: unknown) => hear(`error ${String(error)}`),
    complete: () => hear('complete'),
  });

describe('Channel', () => {
  it('calls everybody in the order they came', () => {
    const channel = create();
    const heard: string[] = [];
    for (const who of ['a', 'b', 'c']) join(channel, (value) => heard.push(who + value));
    channel.next('1');
    expect([heard, channel.size]).toStrictEqual([['a1', 'b1', 'c1'], 3]);
  });

  it('who comes during a call hears the next one first', () => {
    const channel = create();
    const heard: string[] = [];
    join(channel, (value) => {
      if (value === '1') join(channel, (later) => heard.push(later));
    });
    channel.next('1');
    channel.next('2');
    expect(heard).toStrictEqual(['2']);
  });

  it('who leaves during a call hears nothing more, though all the others leave and the list is put in order', () => {
    const channel = create();
    const heard: string[] = [];
    const here: Subscription[] = [];
    for (let n = 0; n < 100; n += 1) {
      here.push(
        join(channel, (value) => {
          heard.push(`${n}: ${value}`);
          if (n === 1) for (const [other, each] of here.entries()) if (other < 98) each.unsubscribe();
        }),
      );
    }
    channel.next('a');
    channel.next('b');
    expect(heard).toStrictEqual(['0: a', '1: a', '98: a', '99: a', '98: b', '99: b']);
  });

  it('ends those who are in, and not one who leaves or comes meanwhile', () => {
    const channel = create();
    const heard: string[] = [];
    join(channel, (value) => {
      heard.push(`a ${value}`);
      leaver.unsubscribe();
      join(channel, (later) => heard.push(`d ${later}`));
    });
    const leaver = join(channel, (value) => heard.push(`b ${value}`));
    join(channel, (value) => heard.push(`c ${value}`));
    channel.end(undefined);
    expect([heard, channel.size]).toStrictEqual([['a complete', 'c complete'], 1]);
  });

  it('tells of a completion whom it was told to, and leaves the subscriber in its seat', () => {
    const channel = create();
    const heard: string[] = [];
    const subscription = new DirectObservable<string>((subscriber, taker) => {
      channel.add(subscriber, taker, { complete: () => heard.push('over') });
    }).subscribe({
      next: (value) => heard.push(value),
      complete: () => heard.push('complete'),
      error: () => undefined,
    });
    channel.end(undefined);
    expect([heard, channel.size, subscription.closed]).toStrictEqual([['over'], 1, false]);
    channel.end({ error: new Error('nobody listens any more') });
    expect([channel.size, subscription.closed]).toStrictEqual([0, true]);
  });

  it('tells once of each time that it is empty, when the last one has left', () => {
    const sizes: number[] = [];
    const channel = create(({ size }) => sizes.push(size));
    const [a, b] = [join(channel, () => undefined), join(channel, () => undefined)];
    a.unsubscribe();
    a.unsubscribe();
    expect(sizes).toStrictEqual([]);
    b.unsubscribe();
    join(channel, () => undefined).unsubscribe();
    expect(sizes).toStrictEqual([0, 0]);
  });

  it('lets in and out at once who had left before', () => {
    const sizes: number[] = [];
    const channel = create(({ size }) => sizes.push(size));
    new DirectObservable<string>((subscriber, taker) => {
      subscriber.complete();
      channel.add(subscriber, taker, { complete: noop });
    }).subscribe();
    expect([sizes, channel.size]).toStrictEqual([[0], 0]);
  });

  it('gives no more values to who is being told of its end, though it has not left', () => {
    for (const failure of [undefined, { error: 'broken' }]) {
      const channel = create();
      const heard: string[] = [];
      join(channel, (value) => {
        heard.push(value);
        if (value !== 'last') channel.next('last');
      });
      join(channel, () => undefined);
      channel.end(failure);
      channel.next('after');
      expect(heard).toStrictEqual([failure === undefined ? 'complete' : 'error broken']);
    }
  });

  it('tells its owner who is alone in it, and when nobody is', () => {
    const told: (string | undefined)[] = [];
    const names = new Map<unknown, string>();
    const channel: Plain = create(undefined, ({ only }) => told.push(names.get(only)));
    const seats: Seat<string>[] = [];
    const enter = (name: string): Subscription => {
      const observer = { next: () => undefined, error: () => undefined };
      names.set(observer, name);
      return new DirectObservable<string>((subscriber, taker) => {
        seats.push(channel.add(subscriber, taker, subscriber));
      }).subscribe(observer);
    };
    const [a, b] = [enter('a'), enter('b')];
    a.unsubscribe();
    b.unsubscribe();
    enter('c');
    seats[2]?.mute();
    seats[2]?.mute();
    expect(told).toStrictEqual(['a', undefined, 'b', undefined, 'c', undefined]);
  });

  it('is a plain list that is searched and copied, only faster', () => {
    const step = fc.record({ act: fc.constantFrom('come', 'leave', 'next'), nth: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const channel = create();
        const heard: string[] = [];
        const owed: string[] = [];
        let plain: { readonly who: number; readonly subscription: Subscription }[] = [];
        for (const [who, { act, nth }] of steps.entries()) {
          if (act === 'come') {
            plain.push({ who, subscription: join(channel, (value) => heard.push(`${who} ${value}`)) });
          } else if (act === 'leave') {
            plain[nth]?.subscription.unsubscribe();
            plain = plain.filter((_, at) => at !== nth);
          } else {
            channel.next(`${nth}`);
            for (const each of plain) owed.push(`${each.who} ${nth}`);
          }
          expect(channel.size).toBe(plain.length);
        }
        expect(heard).toStrictEqual(owed);
      }),
    );
  });

  it('keeps no more empty seats than there are subscribers, and eight', () => {
    const channel = create();
    const filter = jest.spyOn(Array.prototype, 'filter');
    join(channel, () => undefined);
    for (let n = 0; n < 100; n += 1) join(channel, () => undefined).unsubscribe();
    const sizes = filter.mock.contexts.map((seats) => (seats as unknown[]).length);
    filter.mockRestore();
    expect(sizes).toStrictEqual(Array.from({ length: 10 }, () => 11));
  });
});
