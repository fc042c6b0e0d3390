import fc from 'fast-check';
import { asyncScheduler, timer } from 'rxjs';
import { createOutbox } from '../../src/streams/outbox.js';
import type { Data } from '../../src/streams/transport.js';
import { marbles } from '../marbles.js';

describe('outbox', () => {
  it('SND-01 queues messages sent before the session is ready and flushes them in order', () => {
    const sent: Data[] = [];
    const outbox = createOutbox();

    expect([outbox.send('a'), outbox.send('b')]).toStrictEqual(['queued', 'queued']);
    outbox.attach((data) => sent.push(data));
    expect(sent).toStrictEqual([]);
    outbox.release();

    expect(sent).toStrictEqual(['a', 'b']);
  });

  it('SND-03 tells sent from queued and rejected', () => {
    const outbox = createOutbox({ maxMessages: 1 });

    expect(outbox.send('a')).toBe('queued');
    expect(outbox.send('b')).toBe('rejected');
    outbox.attach(() => undefined);
    outbox.release();

    expect(outbox.send('c')).toBe('sent');
    expect(outbox.size).toBe(0);
  });

  it('SND-02 rejects the newest when full and does not lose the older ones', () => {
    const sent: Data[] = [];
    const outbox = createOutbox({ maxMessages: 2 });
    for (const message of ['a', 'b', 'c']) outbox.send(message);

    expect(outbox.size).toBe(2);
    outbox.attach((data) => sent.push(data));
    outbox.release();

    expect(sent).toStrictEqual(['a', 'b']);
  });

  it('lets the session speak before it is released, and the user after', () => {
    const sent: Data[] = [];
    const outbox = createOutbox();
    outbox.send('user');
    outbox.attach((data) => sent.push(data));
    outbox.sendNow(() => sent.push('login'));

    expect(sent).toStrictEqual(['login']);
    outbox.release();

    expect(sent).toStrictEqual(['login', 'user']);
  });

  it(
    'SND-05 keeps the messages of the user over a lost connection, and drops those of its session',
    marbles(() => {
      const sent: Data[] = [];
      const outbox = createOutbox({ rate: { max: 1, perMs: 1_000 } });
      outbox.attach((data) => sent.push(data));
      outbox.release();
      outbox.send('a');
      outbox.sendNow(() => sent.push('subscribe'));
      outbox.send('b');
      timer(10).subscribe(() => outbox.detach());
      timer(2_000).subscribe(() => {
        outbox.attach((data) => sent.push(data));
        outbox.release();
      });
      timer(2_001).subscribe(() => expect(sent).toStrictEqual(['a', 'b']));
    }),
  );

  it('SND-09 never sends more than the rate allows in any rolling window, across connections', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.constantFrom('send', 'now', 'cut')), {
          maxLength: 40,
        }),
        (max, script) => {
          marbles(({ flush }) => {
            const at: number[] = [];
            const outbox = createOutbox({ rate: { max, perMs: 1_000 } });
            const write = (): void => void at.push(asyncScheduler.now());
            outbox.attach(write);
            outbox.release();
            let now = 0;
            let user = 0;
            for (const [wait, what] of script) {
              now += wait;
              if (what === 'send') user += 1;
              timer(now).subscribe(() => {
                if (what === 'send') outbox.send('x');
                else if (what === 'now') outbox.sendNow(write);
                else {
                  outbox.detach();
                  outbox.attach(write);
                  outbox.release();
                }
              });
            }
            flush();

            at.forEach((instant, index) => {
              const before = at[index - max];
              if (before !== undefined) expect(instant - before).toBeGreaterThanOrEqual(1_000);
            });
            expect(at.length).toBeGreaterThanOrEqual(user);
          })();
        },
      ),
    );
  });

  it(
    'says when nothing waits any more',
    marbles(({ expectObservable }) => {
      expectObservable(createOutbox().flushed$).toBe('|');
      const outbox = createOutbox({ rate: { max: 1, perMs: 3 } });
      outbox.attach(() => undefined);
      outbox.release();
      for (const message of ['a', 'b', 'c']) outbox.send(message);

      expectObservable(outbox.flushed$).toBe('------|');
    }),
  );

  it.each([
    ['maxMessages', { maxMessages: 0 }, 'maxMessages must be above 0, got 0'],
    ['maxMessages', { maxMessages: Number.NaN }, 'maxMessages must be above 0, got NaN'],
    ['rate.max', { rate: { max: 0, perMs: 1 } }, 'rate.max must be a whole number above 0, got 0'],
    ['rate.max', { rate: { max: 1.5, perMs: 1 } }, 'rate.max must be a whole number above 0, got 1.5'],
    [
      'rate.perMs',
      { rate: { max: 1, perMs: -1 } },
      'rate.perMs must be above 0 and at most 2147483647, got -1',
    ],
  ])('refuses a wrong %s', (_name, config, message) => {
    expect(() => createOutbox(config)).toThrow(new RangeError(`outbox: ${message}`));
  });
});
