import { asyncScheduler } from 'rxjs';
import type { RejectConfig } from '../../src/sinks/rejectReport.js';
import { RejectReport } from '../../src/sinks/rejectReport.js';
import type { Rejected } from '../../src/streams/events.js';
import { marbles } from '../marbles.js';

/** A feed whose streams `trade` and `order` have got 8 and 2 messages so far. */
const rig = (config: Partial<RejectConfig> = {}) => {
  const pages: Record<string, { received: number }> = { trade: { received: 8 }, order: { received: 2 } };
  const told: unknown[] = [];
  const report = new RejectReport(
    { streams: { trade: {}, order: {} }, ...config },
    {
      tell: (event) => told.push(event),
      tellAfter(first, event) {
        first();
        this.tell(event);
      },
      now: () => ({ generation: 3, at: asyncScheduler.now() }),
      ledger: { stream: (name) => pages[name]! },
    },
  );
  const reject = (stream?: string): Rejected => {
    const rejected: Rejected = {
      ...{ reason: 'schema', raw: '{}', generation: 2, at: 7 },
      ...(stream !== undefined && { stream }),
    };
    report.reject(rejected);
    return rejected;
  };
  return { report, pages, told, reject };
};

const verdictsOf = (told: readonly unknown[]): unknown[] =>
  told.filter((event) => (event as { type: string }).type !== 'rejected');

describe('RejectReport', () => {
  it('tells of each to who listens, and then as an event of the connection it came by', () => {
    const { report, told, reject } = rig();
    const heard: unknown[] = [];
    report.rejected$.subscribe((rejected) => heard.push(rejected, told.length));
    const rejected = reject('trade');

    expect(heard).toStrictEqual([rejected, 0]);
    expect(told).toStrictEqual([{ type: 'rejected', rejected, generation: 2, at: 7 }]);
  });

  it(
    'judges a stream by the messages that were routed to it, and by its own limits or else those of all',
    marbles(() => {
      const { report, pages, told, reject } = rig({
        streams: { trade: { rejects: { minMessages: 2 } }, order: {} },
        rejects: { minMessages: 3 },
      });
      for (const stream of ['trade', 'order', 'trade', 'order', 'order']) {
        pages[stream]!.received += 1;
        reject(stream);
      }
      report.reset();

      expect(verdictsOf(told)).toStrictEqual([
        { type: 'poisoned', rejects: 2, of: 2, inMs: 0, stream: 'trade', generation: 3, at: 0 },
        { type: 'poisoned', rejects: 3, of: 3, inMs: 0, stream: 'order', generation: 3, at: 0 },
      ]);
    }),
  );

  it(
    'judges what gets to no stream by the messages that were looked at, whichever stream those were of',
    marbles(() => {
      const { report, told, reject } = rig({ rejects: { minMessages: 4 } });
      for (const isBad of [true, false, true, true]) {
        report.look();
        if (isBad) reject();
      }
      report.reset();

      expect(verdictsOf(told)).toStrictEqual([
        { type: 'poisoned', rejects: 3, of: 4, inMs: 0, generation: 3, at: 0 },
      ]);
    }),
  );

  it(
    'forgets at a reset how many there were, and leaves no timer',
    marbles(({ flush }) => {
      const { report, told, reject } = rig({ rejects: { minMessages: 2, perMs: 10 } });
      for (let count = 0; count < 3; count += 1) {
        report.look();
        reject();
        if (count === 1) report.reset();
      }
      flush(); // with a timer left, it would never be done

      expect(verdictsOf(told)).toHaveLength(1);
    }),
  );

  it(
    'judges nothing, if who hears of the message resets it',
    marbles(({ flush }) => {
      const { report, told, reject } = rig({ rejects: { minMessages: 1 } });
      report.rejected$.subscribe(() => report.reset());
      report.look();
      reject();
      flush(); // with a timer left, it would never be done

      expect(verdictsOf(told)).toStrictEqual([]);
    }),
  );

  it.each([
    ['those of all', { rejects: { maxShare: 2 } }],
    ["a stream's own", { streams: { trade: { rejects: { maxShare: 2 } } } }],
  ])('refuses limits out of their range when it is made: %s', (_of, config) => {
    expect(() => rig(config)).toThrow(new RangeError('createTripwire: maxShare must be from 0 to 1, got 2'));
  });
});
