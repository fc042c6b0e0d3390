import * as v from 'valibot';
import { blankItem } from '../src/feedItem.js';
import type { SequenceConfig } from '../src/feedConfig.js';
import { createOutlet } from '../src/outlet.js';
import { createLedger } from '../src/sinks/ledger.js';

const Tick = v.object({ id: v.number(), topic: v.string() });

/** An outlet of a stream of ticks, on a ledger of its own, and what else is done as a topic opens. */
const rig = (
  onOpen: (topic: string | undefined) => void = () => undefined,
  scope?: SequenceConfig<unknown>['scope'],
) => {
  const ledger = createLedger(['tick']);
  const told: unknown[] = [];
  const outlet = createOutlet(
    'tick',
    {
      schema: Tick,
      key: (value) => (value as { id: number }).id,
      topic: (value) => (value as { topic: string }).topic,
      sequence: { of: (value) => (value as { id: number }).id, ...(scope && { scope }) },
    },
    {
      ledger,
      health: {
        recorder: (name) => ({
          record: (_at, place) => void told.push(['fresh', name, place]),
          recordLag: () => undefined,
          find: () => undefined,
        }),
      },
      lingerMs: 0,
      onOpen: (_stream, topic, place) => {
        told.push(['open', topic, place]);
        onOpen(topic);
      },
      onClose: (_stream, topic) => told.push(['close', topic]),
      dispatch: {
        arrival: { generation: 7, at: 0 },
        item: blankItem(),
        skimmer: undefined,
        makesOwn: false,
      },
      tell: ({ type, generation }) => told.push([type, generation]),
      reject: (reason, { stream }) => told.push(['reject', reason, stream]),
      subscriptions: {
        saw: (_stream, topic, sequence, generation) => told.push(['saw', topic, sequence, generation]),
      },
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
      ['open', 'A', 0],
      ['fresh', 'tick', 0],
      ['saw', 'A', 1, 7],
      ['duplicate', 7],
      ['fresh', 'tick', 0],
      ['gap', 7],
      ['saw', 'A', 3, 7],
      ['reject', 'schema', 'tick'],
      ['close', 'A'],
    ]);
    expect(ledger.stats()).toMatchObject({ received: 4, delivered: 2, duplicate: 1, rejected: 1, held: 0 });
    expect(outlet.memory?.stats()).toMatchObject({ size: 2, hits: 1 });
  });

  it.each([
    ['topic', [['saw', 'A', 1, 7]]],
    [
      'stream',
      [
        ['saw', 'A', 1, 7],
        ['saw', undefined, 1, 7],
      ],
    ],
    ['connection', []],
  ] as const)(
    'tells a server to resume where a %s is numbered, which another connection is not',
    (scope, saw) => {
      const { told, hand } = rig(undefined, scope);
      hand({ id: 1, topic: 'A' });

      expect(told.filter((each) => (each as unknown[])[0] === 'saw')).toStrictEqual(saw);
    },
  );

  it('completes the subscribers of the run that is over', () => {
    const { outlet } = rig();
    const complete: string[] = [];
    outlet.hub.stream(undefined).subscribe({ complete: () => complete.push('present') });
    outlet.hub.beginEra();
    outlet.hub.stream(undefined).subscribe({ complete: () => complete.push('of the next') });
    outlet.complete();

    expect(complete).toStrictEqual(['present']);
  });

  describe('knows the place of a topic', () => {
    const only = (told: unknown[], ...kinds: unknown[]): unknown[] =>
      told.filter((each) => kinds.includes((each as unknown[])[0]));
    const gaps = (told: unknown[]): number => told.filter((each) => (each as unknown[])[0] === 'gap').length;

    it('though another has it by the time the first has opened', () => {
      const { outlet, told, hand } = rig((topic) => {
        if (topic !== 'A') return;
        outlet.hub.errorTopic('A', 'refused');
        outlet.hub.stream('B').subscribe();
      });
      outlet.hub.stream('A').subscribe({ error: () => undefined });
      hand({ id: 1, topic: 'B' });
      expect(only(told, 'open', 'fresh')).toStrictEqual([
        ['open', 'A', 0],
        ['open', 'B', 0],
        ['fresh', 'tick', 0],
      ]);
    });

    it('though nobody has it by the time it has opened', () => {
      const { outlet, told, hand } = rig((topic) => {
        if (topic === 'A') outlet.hub.errorTopic('A', 'refused');
      });
      hand({ id: 4, topic: 'B' });
      outlet.hub.stream('A').subscribe({ error: () => undefined });
      outlet.hub.stream('B').subscribe();
      hand({ id: 6, topic: 'B' });
      expect(gaps(told)).toBe(1);
    });

    it('though it has closed and opened again by the time it has opened', () => {
      let opened = 0;
      const { outlet, told, hand } = rig(() => {
        opened += 1;
        if (opened !== 2) return;
        outlet.hub.errorTopic('A', 'refused');
        outlet.hub.stream('A').subscribe();
      });
      outlet.hub.stream('A').subscribe().unsubscribe();
      hand({ id: 1, topic: 'A' });
      outlet.hub.stream('A').subscribe({ error: () => undefined });
      hand({ id: 3, topic: 'A' });
      expect([opened, gaps(told)]).toStrictEqual([3, 1]);
    });

    it('until it has closed: who gets it next begins anew', () => {
      const { outlet, told, hand } = rig((topic) => {
        if (topic === 'B') hand({ id: 7, topic });
      });
      outlet.hub.stream('A').subscribe().unsubscribe();
      outlet.hub.stream('B').subscribe();
      hand({ id: 8, topic: 'B' });
      expect([only(told, 'open', 'fresh'), gaps(told)]).toStrictEqual([
        [
          ['open', 'A', 0],
          ['open', 'B', 0],
          ['fresh', 'tick', 0],
          ['fresh', 'tick', 0],
        ],
        0,
      ]);
    });
  });
});
