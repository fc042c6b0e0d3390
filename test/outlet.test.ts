import * as v from 'valibot';
import { createOutlet } from '../src/outlet.js';
import { createLedger } from '../src/sinks/ledger.js';

const Tick = v.object({ id: v.number(), topic: v.string() });

/** An outlet of a stream of ticks, on a ledger of its own. */
const rig = () => {
  const ledger = createLedger(['tick']);
  const told: unknown[] = [];
  const outlet = createOutlet(
    'tick',
    {
      schema: Tick,
      key: (value) => (value as { id: number }).id,
      topic: (value) => (value as { topic: string }).topic,
      sequence: { of: (value) => (value as { id: number }).id },
    },
    {
      ledger,
      health: {
        recorder: (name) => ({
          record: (_at, place) => void told.push(['fresh', name, place]),
          recordLag: () => undefined,
          find: (topic) => topic.codePointAt(0),
        }),
      },
      lingerMs: 0,
      onOpen: (_stream, topic) => told.push(['open', topic]),
      onClose: (_stream, topic) => told.push(['close', topic]),
      dispatch: { arrival: { generation: 7, at: 0 }, skimmer: undefined, makesOwn: false },
      tell: ({ type, generation }) => told.push([type, generation]),
      reject: (reason, { stream }) => told.push(['reject', reason, stream]),
      subscriptions: { saw: (_stream, topic, sequence) => told.push(['saw', topic, sequence]) },
      onScopeForgotten: () => told.push('forgotten'),
    },
  );
  const hand = (message: unknown): void => {
    ledger.receive();
    outlet.account.route();
    outlet.take(message, false);
  };
  return { outlet, ledger, told, hand };
};

describe('an outlet', () => {
  it('takes a message through parse, dedupe and gaps to the subscribers of its topic, and books each', () => {
    const { outlet, ledger, told, hand } = rig();
    const values: unknown[] = [];
    const subscription = outlet.hub.stream('A').subscribe((value) => values.push(value));
    for (const message of [{ id: 1, topic: 'A' }, { id: 1, topic: 'A' }, { id: 3, topic: 'A' }, { id: 'x' }])
      hand(message);
    subscription.unsubscribe();

    expect(values).toStrictEqual([
      { id: 1, topic: 'A' },
      { id: 3, topic: 'A' },
    ]);
    expect(told).toStrictEqual([
      ['open', 'A'],
      ['fresh', 'tick', 65],
      ['saw', 'A', 1],
      ['duplicate', 7],
      ['fresh', 'tick', 65],
      ['gap', 7],
      ['saw', 'A', 3],
      ['reject', 'schema', 'tick'],
      ['close', 'A'],
    ]);
    expect(ledger.stats()).toMatchObject({ received: 4, delivered: 2, duplicate: 1, rejected: 1, held: 0 });
    expect(outlet.memory?.stats()).toMatchObject({ size: 2, hits: 1 });
  });

  it('completes its subscribers', () => {
    const { outlet } = rig();
    let isComplete = false;
    outlet.hub.stream(undefined).subscribe({ complete: () => (isComplete = true) });
    outlet.complete();

    expect(isComplete).toBe(true);
  });
});
