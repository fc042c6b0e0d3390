import { Observable, type Subscriber } from 'rxjs';
import type { RunUser } from '../src/feedRun.js';
import { Listener } from '../src/listener.js';

/** A listener with its seat in a stream, and what it and its subscriber are told. */
const seated = () => {
  const told: unknown[] = [];
  const note = (what: unknown) => (): void => void told.push(what);
  let subscriber!: Subscriber<unknown>;
  new Observable((own) => {
    subscriber = own;
  }).subscribe({ error: (error: unknown) => told.push(error), complete: note('complete') });
  const listener = new Listener(subscriber);
  listener.seat = { mute: note('mute') };
  const run = (user: RunUser): { leave: (who: RunUser) => void } => {
    told.push(user === listener ? 'enter' : 'somebody enters');
    return { leave: (who) => void told.push(who === listener ? 'leave' : 'somebody leaves') };
  };
  return { told, subscriber, listener, run };
};

describe('Listener', () => {
  it.each([
    ['the run, then the stream', ['ended', 'complete'] as const],
    ['the stream, then the run', ['complete', 'ended'] as const],
  ])('completes when both have ended: %s', (_order, ends) => {
    const { told, listener, run } = seated();
    listener.enter(run, false);
    const [first, second] = ends;
    listener[first](undefined);
    expect(told).toStrictEqual(['enter']);
    listener[second](undefined);

    expect(told).toStrictEqual(['enter', 'complete', 'leave']);
  });

  it('errors with the run, and takes nothing more from the stream before it is told', () => {
    const { told, listener, run } = seated();
    listener.enter(run, false);
    const error = new Error('gave up');
    listener.ended({ error });

    expect(told).toStrictEqual(['enter', 'mute', error, 'leave']);
  });

  it('leaves the run when it unsubscribes', () => {
    const { told, subscriber, listener, run } = seated();
    listener.enter(run, false);
    subscriber.unsubscribe();

    expect(told).toStrictEqual(['enter', 'leave']);
  });

  it('does not begin a run when one has ended since it took its seat, but is done', () => {
    const { told, listener, run } = seated();
    listener.enter(run, true);

    expect(told).toStrictEqual(['complete']);
  });

  it('does not begin a run when the subscriber has left before', () => {
    const { told, subscriber, listener, run } = seated();
    subscriber.unsubscribe();
    listener.enter(run, false);

    expect(told).toStrictEqual([]);
  });
});
