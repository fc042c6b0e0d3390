import { of } from 'rxjs';
import * as v from 'valibot';
import type { SequenceConfig } from '../src/feedConfig.js';
import type { Item } from '../src/feedItem.js';
import { HoldingChain, type HoldingConfig } from '../src/holdingChain.js';
import { createSeenKeys } from '../src/operators/seenKeys.js';
import { createLedger } from '../src/sinks/ledger.js';

const Tick = v.object({ id: v.number(), n: v.number() });
const tick = (n: number, id = n) => ({ id, n });

/** A chain of ticks that are numbered by `n`, on a ledger of its own. */
const rig = (rules: Partial<SequenceConfig<unknown>>) => {
  const ledger = createLedger(['tick']);
  const log: unknown[] = [];
  const config: HoldingConfig = {
    name: 'tick',
    definition: {
      schema: Tick,
      key: (value) => (value as { id: number }).id,
      sequence: { of: (value) => (value as { n: number }).n, ...rules },
    },
    arrival: { generation: 1, at: 0 },
    memory: createSeenKeys(),
    ledger,
    account: ledger.stream('tick'),
    refuse: (reason) => {
      config.account.settle('rejected');
      log.push(reason);
    },
    onRead: () => undefined,
    onDuplicate: () => config.account.settle('duplicate'),
    onFresh: () => undefined,
    onGap: ({ after, before }) => log.push(`gap ${after}..${before}`),
    onLate: () => log.push('late'),
    onScopeForgotten: () => log.push('forgotten'),
    onRecovering: ({ after, before }) => log.push(`recovering ${after}..${before}`),
    onRecovered: (_gap, _behind, count) => log.push(`recovered ${count}`),
    onRecoveryFailed: (_gap, _behind, error) => log.push(String(error)),
    onFlushed: () => log.push('flushed'),
    deliver: ({ sequence, isRecovered }: Item) => {
      config.account.deliver();
      log.push(isRecovered ? `${sequence} asked for` : sequence);
    },
    fail: (error) => log.push(['failed', error]),
  };
  const chain = new HoldingChain(config);
  const hand = (...messages: unknown[]): void => {
    for (const message of messages) {
      ledger.receive();
      config.account.route();
      chain.take(message);
    }
  };
  return { chain, hand, log, ledger };
};

describe('a chain that holds values back', () => {
  it('lets them out in order, and tells of a flush when they are out', () => {
    const { chain, hand, log, ledger } = rig({ reorder: { maxItems: 10, maxMs: 1_000 } });
    hand(tick(1), tick(3), tick(2), tick(6));
    expect([...log, ledger.stats().held]).toStrictEqual([1, 2, 3, 1]);
    chain.flush();

    expect(log.slice(3)).toStrictEqual(['gap 3..6', 6, 'flushed']);
    expect(ledger.stats()).toMatchObject({ received: 4, delivered: 4, held: 0 });
  });

  it('asks for what a hole lacks, and books each message of the answer', () => {
    const { hand, log, ledger } = rig({
      recover: ({ after }) => of([tick(after + 1), { n: 'x' }], [tick(after + 2, 1)]),
    });
    hand(tick(1), tick(4));

    expect(log).toStrictEqual([1, 'recovering 1..4', 'schema', '2 asked for', 'recovered 1', 4]);
    expect(ledger.stats()).toMatchObject({ received: 5, delivered: 3, rejected: 1, duplicate: 1, held: 0 });
  });

  it('takes an answer that is no list for a failed recovery', () => {
    const { hand, log } = rig({ recover: () => of('list' as unknown as readonly unknown[]) });
    hand(tick(1), tick(3));

    expect(log).toStrictEqual([
      1,
      'recovering 1..3',
      'TypeError: recover must yield an array, got string',
      'gap 1..3',
      3,
    ]);
  });

  it('fails where a bound is out of its range', () => {
    expect(() => rig({ reorder: { maxItems: 0, maxMs: 1 } })).toThrow(RangeError);
  });
});
