import fc from 'fast-check';
import { asyncScheduler, timer } from 'rxjs';
import {
  createOutbox,
  type Lane,
  type OutboxConfig,
  type Port,
  type Ticket,
} from '../../src/streams/outbox.js';
import type { Data } from '../../src/streams/transport.js';
import { marbles } from '../marbles.js';

type Action =
  | { readonly do: 'send' | 'open' | 'release' | 'close' | 'drain' | 'clear' }
  | { readonly do: 'port'; readonly lane: Lane }
  | { readonly do: 'cancel'; readonly at: number }
  | { readonly do: 'fill'; readonly bytes: number }
  | { readonly do: 'setBack'; readonly byMs: number };

const just = <T extends string>(...names: T[]) => fc.record({ do: fc.constantFrom(...names) });
const traffic = fc.oneof(
  { weight: 6, arbitrary: just('send') },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('port'),
      lane: fc.constantFrom<Lane>('session', 'ping', 'topics'),
    }),
  },
  { weight: 3, arbitrary: just('open', 'release', 'close') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fill'), bytes: fc.constantFrom(0, 100) }) },
);
const setBack = fc.record({ do: fc.constant('setBack'), byMs: fc.integer({ min: 1, max: 3_600_000 }) });
const withdrawal = fc.oneof(fc.record({ do: fc.constant('cancel'), at: fc.nat(15) }), just('drain', 'clear'));
/** What happens, and how many milliseconds after the thing before. */
const script = (actions: fc.Arbitrary<Action>) =>
  fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), actions), { maxLength: 50 });

/** Plays a script; in the end a port with room is opened and released, so that all that may still leave does. */
function play(steps: readonly (readonly [number, Action])[], config: OutboxConfig) {
  const sent: { readonly name: string; readonly at: number }[] = [];
  const lost = { full: 0, expired: 0, closed: 0 };
  const drained: Data[] = [];
  const tickets: Ticket[] = [];
  const cancelled: string[] = [];
  const sizes: number[] = [];

  marbles(({ flush }) => {
    // The time that has truly passed; the wall clock falls behind it.
    const passed = asyncScheduler.now.bind(asyncScheduler);
    let behindMs = 0;
    const wallClock = jest.spyOn(asyncScheduler, 'now').mockImplementation(() => passed() - behindMs);
    const outbox = createOutbox(config, { onLost: (reason, count) => (lost[reason] += count) });
    const socket = {
      bufferedBytes: 0,
      send: (data: Data) => void sent.push({ name: data as string, at: passed() }),
    };
    const ports: Port[] = [];

    const act = (action: Action): void => {
      if (action.do === 'send') tickets.push(outbox.send(`user ${tickets.length}`));
      else if (action.do === 'open') ports.push(outbox.open(socket));
      else if (action.do === 'release') ports.at(-1)?.release();
      else if (action.do === 'close') ports.shift()?.close();
      else if (action.do === 'port') ports.at(-1)?.send(() => socket.send(action.lane), action.lane);
      else if (action.do === 'fill') socket.bufferedBytes = action.bytes;
      else if (action.do === 'setBack') behindMs += action.byMs;
      else if (action.do === 'drain') drained.push(...outbox.drain());
      else if (action.do === 'cancel') {
        if (tickets[action.at]?.cancel() === true) cancelled.push(`user ${action.at}`);
      } else outbox.clear();
      sizes.push(outbox.size());
    };
    let now = 0;
    for (const [waitMs, action] of steps) {
      now += waitMs;
      timer(now).subscribe(() => act(action));
    }
    timer(now).subscribe(() => {
      for (const last of ['fill', 'open', 'release'] as const) {
        act(last === 'fill' ? { do: last, bytes: 0 } : { do: last });
      }
    });
    flush();
    expect(outbox.size()).toBe(0);
    wallClock.mockRestore();
  })();
  return { sent, lost, drained, tickets, cancelled, sizes };
}

describe('outbox, whatever happens', () => {
  it('SND-09 sends each message as soon as the rate allows, and no sooner', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 40 }),
        (max, waits) => {
          const { sent } = play(
            [
              [0, { do: 'open' }],
              [0, { do: 'release' }],
              ...waits.map((ms) => [ms, { do: 'send' }] as const),
            ],
            { rate: { max, perMs: 1_000, marginMs: 0 } },
          );

          const due: number[] = [];
          let now = 0;
          waits.forEach((ms, index) => {
            now += ms;
            due.push(Math.max(now, due[index - 1] ?? 0, (due[index - max] ?? -Infinity) + 1_001));
          });
          expect(sent.map(({ at }) => at)).toStrictEqual(due);
        },
      ),
    );
  });

  it('SND-09 never sends more than the rate in any rolling window, over ports that come and go and a clock that is set back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        script(fc.oneof({ weight: 10, arbitrary: traffic }, { weight: 1, arbitrary: setBack })),
        (max, steps) => {
          const { sent } = play(steps, { rate: { max, perMs: 1_000 }, maxBufferedBytes: 100 });

          sent.forEach(({ at }, index) => {
            expect(at - (sent[index - max]?.at ?? -Infinity)).toBeGreaterThan(1_000);
          });
        },
      ),
    );
  });

  it('waits one window longer at most each time the clock is set back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), setBack), { maxLength: 5 }),
        (count, setBacks) => {
          const sends = Array.from({ length: count }, () => [0, { do: 'send' }] as const);
          const more = setBacks.flatMap(([ms, action]) => [
            [0, action] as const,
            [ms, { do: 'send' }] as const,
          ]);
          const { sent } = play([[0, { do: 'open' }], [0, { do: 'release' }], ...sends, ...more], {
            rate: { max: 2, perMs: 1_000, marginMs: 0 },
          });
          const lastAsked = setBacks.reduce((sum, [ms]) => sum + ms, 0);
          const windows = Math.ceil((count + setBacks.length) / 2) + setBacks.length;

          expect(sent.at(-1)!.at).toBeLessThanOrEqual(lastAsked + windows * 1_001);
        },
      ),
    );
  });

  it('gives each message of the user one fate, keeps their order, and holds no more than it may', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(500, 2_000, Infinity),
        fc.constantFrom(undefined, { max: 1, perMs: 900 }),
        script(fc.oneof({ weight: 6, arbitrary: traffic }, { weight: 1, arbitrary: withdrawal })),
        (maxMessages, maxAgeMs, rate, steps) => {
          const { sent, lost, drained, tickets, cancelled, sizes } = play(steps, {
            maxMessages,
            maxAgeMs,
            maxBufferedBytes: 100,
            ...(rate && { rate }),
          });
          const left = sent.map(({ name }) => name).filter((name) => name.startsWith('user'));
          const numbers = left.map((name) => Number(name.slice('user '.length)));
          const known = [...left, ...(drained as string[]), ...cancelled];
          const rejected = tickets.filter(({ result }) => result === 'rejected').length;

          expect(numbers).toStrictEqual([...numbers].sort((a, b) => a - b));
          expect(new Set(known).size).toBe(known.length);
          expect(known.length + lost.expired + lost.closed + rejected).toBe(tickets.length);
          tickets.forEach(({ result }, index) => {
            if (result === 'sent') expect(left).toContain(`user ${index}`);
            if (result === 'rejected') expect(known).not.toContain(`user ${index}`);
          });
          expect(Math.max(...sizes)).toBeLessThanOrEqual(maxMessages);
        },
      ),
    );
  });
});
