import fc from 'fast-check';
import { createLedger, isBalanced, type Counts, type Outcome } from '../../src/sinks/ledger.js';

const zero: Counts = {
  received: 0,
  delivered: 0,
  control: 0,
  rejected: 0,
  unrouted: 0,
  duplicate: 0,
  dropped: 0,
  conflated: 0,
  held: 0,
};
const outcomes: readonly Outcome[] = [
  'delivered',
  'control',
  'rejected',
  'unrouted',
  'duplicate',
  'dropped',
  'conflated',
];

describe('createLedger', () => {
  it('needs nothing but its own functions, nor do its pages: both may be taken apart', () => {
    const ledger = { ...createLedger(['trade']) };
    const page = { ...ledger.stream('trade') };
    ledger.receive();
    ledger.unpack(3);
    page.route();
    page.deliver();
    page.route();
    page.settle('rejected');
    ledger.settle('unrouted');

    expect(ledger.stream('trade').received).toBe(2);
    expect(ledger.stats()).toMatchObject({ received: 3, delivered: 1, rejected: 1, unrouted: 1, held: 0 });
  });

  it('has one page of a stream that is named twice', () => {
    const ledger = createLedger(['trade', 'trade']);
    ledger.receive();
    ledger.stream('trade').route();

    expect(ledger.stats().streams).toMatchObject({ trade: { received: 1, held: 1 } });
  });

  it('starts with a page of zeros for the feed and for each stream', () => {
    expect(createLedger(['trade', 'order']).stats()).toStrictEqual({
      ...zero,
      streams: { trade: zero, order: zero },
    });
  });

  it('holds what is received until it is settled', () => {
    const ledger = createLedger([]);
    ledger.receive();
    ledger.receive(4);
    expect(ledger.stats()).toMatchObject({ received: 5, held: 5 });

    ledger.settle('dropped', 2);
    ledger.settle('unrouted');
    expect(ledger.stats()).toStrictEqual({
      ...zero,
      received: 5,
      held: 2,
      dropped: 2,
      unrouted: 1,
      streams: {},
    });
  });

  it('says how many came so far to a stream', () => {
    const ledger = createLedger(['trade']);
    const page = ledger.stream('trade');
    ledger.receive(3);
    page.route();
    page.settle('rejected');
    expect(page.received).toBe(1);
  });

  it('counts a frame as the messages it turns out to carry', () => {
    const ledger = createLedger([]);
    ledger.receive();
    ledger.unpack(3);
    expect(ledger.stats()).toMatchObject({ received: 3, held: 3 });

    ledger.receive();
    ledger.unpack(1);
    expect(ledger.stats()).toMatchObject({ received: 4, held: 4, control: 0 });
  });

  it('counts a frame that carries nothing as control', () => {
    const ledger = createLedger([]);
    ledger.receive();
    ledger.unpack(0);
    expect(ledger.stats()).toStrictEqual({ ...zero, received: 1, control: 1, streams: {} });
  });

  it.each(outcomes)('moves a routed message from held to %s, in its stream and in the feed', (outcome) => {
    const ledger = createLedger(['trade', 'order']);
    const trade = ledger.stream('trade');
    ledger.receive();
    trade.route();
    expect(ledger.stats()).toMatchObject({
      received: 1,
      held: 1,
      streams: { trade: { received: 1, held: 1 } },
    });

    trade.settle(outcome);
    const settled = { ...zero, received: 1, [outcome]: 1 };
    expect(ledger.stats()).toStrictEqual({ ...settled, streams: { trade: settled, order: zero } });
  });

  it('deliver settles as delivered', () => {
    const [one, other] = [createLedger(['trade']), createLedger(['trade'])];
    for (const ledger of [one, other]) {
      ledger.receive(2);
      ledger.stream('trade').route();
      ledger.stream('trade').route();
    }
    one.stream('trade').deliver();
    other.stream('trade').settle('delivered');
    expect(one.stats()).toStrictEqual(other.stats());
    expect(one.stats()).toMatchObject({
      held: 1,
      delivered: 1,
      streams: { trade: { held: 1, delivered: 1 } },
    });
  });

  it('writes to the same page however often a stream is asked for', () => {
    const ledger = createLedger(['trade']);
    ledger.receive(2);
    ledger.stream('trade').route();
    ledger.stream('trade').route();
    expect(ledger.stats().streams).toStrictEqual({ trade: { ...zero, received: 2, held: 2 } });
    expect(ledger.stream('trade').received).toBe(2);
  });

  it('hands out snapshots that later messages do not change', () => {
    const ledger = createLedger(['trade']);
    const before = ledger.stats();
    ledger.receive();
    ledger.stream('trade').route();
    expect(before).toStrictEqual({ ...zero, streams: { trade: zero } });
  });

  it('keeps books of any name', () => {
    expect(Object.keys(createLedger(['__proto__', 'constructor']).stats().streams)).toStrictEqual([
      '__proto__',
      'constructor',
    ]);
  });

  it('refuses a stream it was made without', () => {
    expect(() => createLedger(['trade']).stream('order')).toThrow(
      new TypeError('createLedger: no stream is called order'),
    );
  });

  it('adds up after every step, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('receive' as const), count: fc.nat(5) }),
      fc.record({ do: fc.constant('unpack' as const), count: fc.nat(5) }),
      fc.record({ do: fc.constant('settle' as const), outcome: fc.constantFrom(...outcomes) }),
      fc.record({ do: fc.constant('route' as const), stream: fc.constantFrom('a', 'b') }),
      fc.record({
        do: fc.constant('settleRouted' as const),
        stream: fc.constantFrom('a', 'b'),
        outcome: fc.constantFrom(...outcomes),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ledger = createLedger(['a', 'b']);
        const routed = { a: 0, b: 0 };
        let loose = 0;
        for (const now of steps) {
          if (now.do === 'receive') {
            ledger.receive(now.count);
            loose += now.count;
          } else if (now.do === 'settleRouted') {
            if (routed[now.stream] === 0) continue;
            if (now.outcome === 'delivered') ledger.stream(now.stream).deliver();
            else ledger.stream(now.stream).settle(now.outcome);
            routed[now.stream] -= 1;
          } else if (loose === 0) {
            continue;
          } else if (now.do === 'unpack') {
            ledger.unpack(now.count);
            loose += now.count - 1;
          } else if (now.do === 'settle') {
            ledger.settle(now.outcome);
            loose -= 1;
          } else {
            ledger.stream(now.stream).route();
            loose -= 1;
            routed[now.stream] += 1;
          }
          const { streams, ...feed } = ledger.stats();
          expect([feed, ...Object.values(streams)].every(isBalanced)).toBe(true);
          expect([feed.held, streams['a']?.held, streams['b']?.held]).toStrictEqual([
            loose + routed.a + routed.b,
            routed.a,
            routed.b,
          ]);
        }
      }),
    );
  });

  it('takes no outcome it does not know', () => {
    // @ts-expect-error a message never ends as held
    const outcome: Outcome = 'held';
    expect(outcome).toBe('held');
  });
});

describe('isBalanced', () => {
  it('is true when every message received is settled or held', () => {
    expect(
      isBalanced({ ...zero, received: 8, ...Object.fromEntries(outcomes.map((each) => [each, 1])), held: 1 }),
    ).toBe(true);
  });

  it.each([...outcomes, 'held' as const, 'received' as const])(
    'is false when %s is one too many',
    (count) => {
      expect(isBalanced({ ...zero, [count]: 1 })).toBe(false);
    },
  );

  it('is false when more was settled than received, though the sum comes out even', () => {
    expect(isBalanced({ ...zero, delivered: 1, held: -1 })).toBe(false);
  });
});
