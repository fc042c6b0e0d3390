import { asyncScheduler, noop, timer } from 'rxjs';
import { createOutbox, type OutboxConfig, type OutboxHooks, type Port } from '../../src/streams/outbox.js';
import type { Data } from '../../src/streams/transport.js';
import { marbles } from '../marbles.js';

interface FakeSocket {
  readonly sent: Data[];
  bufferedBytes: number;
  send(data: Data): void;
}

const fakeSocket = (sent: Data[] = []): FakeSocket => ({
  sent,
  bufferedBytes: 0,
  send: (data) => void sent.push(data),
});

/** An outbox with one open, released port. */
const ready = (config?: OutboxConfig, hooks?: Partial<OutboxHooks>) => {
  const outbox = createOutbox(config, hooks);
  const socket = fakeSocket();
  const port = outbox.open(socket);
  port.release();
  return { outbox, socket, port, sent: socket.sent };
};

describe('outbox', () => {
  it('SND-01 queues messages sent before the session is ready and flushes them in order', () => {
    const outbox = createOutbox();
    const socket = fakeSocket();
    expect([outbox.send('a').result, outbox.send('b').result]).toStrictEqual(['queued', 'queued']);

    const port = outbox.open(socket);
    expect([socket.sent, outbox.size()]).toStrictEqual([[], 2]);
    port.release();

    expect([socket.sent, outbox.size()]).toStrictEqual([['a', 'b'], 0]);
  });

  it("keeps what a closing socket would not take for the next one, says so once, and forgets what was that session's own", () => {
    const onRefused = jest.fn();
    const outbox = createOutbox({}, { onRefused });
    const closing = { ...fakeSocket(), isClosing: false };
    const old = outbox.open(closing);
    old.release();
    expect(outbox.send('a').result).toBe('sent');
    closing.isClosing = true;
    const onWritten = jest.fn();
    expect([outbox.send('b', onWritten).result, outbox.send('c').result, outbox.size()]).toStrictEqual([
      'queued',
      'queued',
      2,
    ]);
    expect([old.send(() => closing.send('reply')), old.close()]).toStrictEqual([false, false]);
    expect([onRefused.mock.calls, onWritten.mock.calls]).toStrictEqual([[[old]], []]);

    const socket = fakeSocket();
    const port = outbox.open(socket);
    port.release();
    expect([closing.sent, socket.sent, onWritten.mock.calls]).toStrictEqual([['a'], ['b', 'c'], [[port]]]);
  });

  it('forgets a message of a session whose socket has begun to close, and takes no more of them', () => {
    const onRefused = jest.fn();
    const outbox = createOutbox({}, { onRefused });
    const port = outbox.open({ ...fakeSocket(), isClosing: true });
    const write = jest.fn();
    for (const lane of ['session', 'ping', 'topics'] as const) port.send(write, lane);

    expect([write.mock.calls, onRefused.mock.calls, port.send(write)]).toStrictEqual([[], [[port]], false]);
  });

  it(
    'keeps what waits for the rate when its socket closes meanwhile, and is flushed then',
    marbles(({ expectObservable }) => {
      const outbox = createOutbox({ rate: { max: 1, perMs: 10, marginMs: 0 } });
      const closing = { ...fakeSocket(), isClosing: false };
      outbox.open(closing).release();
      for (const data of ['a', 'b']) outbox.send(data);
      timer(5).subscribe(() => (closing.isClosing = true));
      timer(20).subscribe(() => expect([closing.sent, outbox.size()]).toStrictEqual([['a'], 1]));

      expectObservable(outbox.flushed$).toBe('-----------|');
    }),
  );

  it('SND-02 rejects the newest when full, does not lose the older ones, and counts without consuming', () => {
    const onLost = jest.fn();
    const outbox = createOutbox({ maxMessages: 2 }, { onLost });
    const socket = fakeSocket();

    expect(['a', 'b', 'c'].map((data) => outbox.send(data).result)).toStrictEqual([
      'queued',
      'queued',
      'rejected',
    ]);
    expect([outbox.size(), outbox.size()]).toStrictEqual([2, 2]);
    outbox.open(socket).release();

    expect(socket.sent).toStrictEqual(['a', 'b']);
    expect(onLost).not.toHaveBeenCalled();
  });

  it('SND-03 tells sent from queued and rejected', () => {
    const outbox = createOutbox({ maxMessages: 1 });

    expect([outbox.send('a').result, outbox.send('b').result]).toStrictEqual(['queued', 'rejected']);
    outbox.open(fakeSocket()).release();

    expect(outbox.send('c').result).toBe('sent');
  });

  it('SND-04 lets the caller drain what waits, oldest first, none of which is sent', () => {
    const onLost = jest.fn();
    const outbox = createOutbox({}, { onLost });
    const bytes = Uint8Array.of(1);
    const tickets = ['a', bytes, 'b'].map((data) => outbox.send(data));

    expect(outbox.drain()).toStrictEqual(['a', bytes, 'b']);
    expect([outbox.size(), tickets.map((ticket) => ticket.cancel())]).toStrictEqual([
      0,
      [false, false, false],
    ]);
    const socket = fakeSocket();
    outbox.open(socket).release();

    expect(socket.sent).toStrictEqual([]);
    expect(onLost).not.toHaveBeenCalled();
  });

  it('SND-05 takes a message after the connection has closed, and sends it on the next one only', () => {
    const { outbox, port, sent } = ready();
    port.close();

    expect(outbox.send('a').result).toBe('queued');
    const next = fakeSocket();
    outbox.open(next).release();

    expect([sent, next.sent]).toStrictEqual([[], ['a']]);
  });

  it('SND-11 keeps text and binary in one order, over two connections', () => {
    const { outbox, port, sent } = ready();
    const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)];
    for (const data of ['a', one]) outbox.send(data);
    port.close();
    for (const data of ['b', two, 'c']) outbox.send(data);
    outbox.open(fakeSocket(sent)).release();

    expect(sent).toStrictEqual(['a', one, 'b', two, 'c']);
  });

  describe('ports', () => {
    it('let the session speak before the user', () => {
      const outbox = createOutbox();
      const socket = fakeSocket();
      outbox.send('user');
      const port = outbox.open(socket);

      expect(port.send(() => socket.send('login'))).toBe(true);
      expect(socket.sent).toStrictEqual(['login']);
      port.release();

      expect(socket.sent).toStrictEqual(['login', 'user']);
    });

    it(
      'let a session go first, and topics and the user take turns',
      marbles(() => {
        const { outbox, port, sent } = ready({ rate: { max: 1, perMs: 9 } });
        outbox.send('u0');
        for (const name of ['t1', 't2', 't3']) port.send(() => sent.push(name), 'topics');
        for (const name of ['u1', 'u2']) outbox.send(name);
        port.send(() => sent.push('s1'));
        timer(100).subscribe(() => expect(sent).toStrictEqual(['u0', 's1', 't1', 'u1', 't2', 'u2', 't3']));
      }),
    );

    it(
      'keep their turn though the user sends in the very millisecond it comes',
      marbles(() => {
        timer(10).subscribe(() => outbox.send('user'));
        const { outbox, port, sent } = ready({ rate: { max: 1, perMs: 9 } });
        outbox.send('a');
        port.send(() => sent.push('subscribe'), 'topics');
        timer(50).subscribe(() => expect(sent).toStrictEqual(['a', 'subscribe', 'user']));
      }),
    );

    it(
      'forget what waits on them when they close, and send nothing after',
      marbles(() => {
        const { outbox, port, sent } = ready({ rate: { max: 1, perMs: 9 } });
        outbox.send('a');
        port.send(() => sent.push('ping'));
        port.send(() => sent.push('subscribe'), 'topics');
        outbox.send('b');
        port.close();
        port.close();
        port.release();

        expect([port.send(() => sent.push('late')), outbox.size()]).toStrictEqual([false, 1]);
        timer(100).subscribe(() => {
          expect(sent).toStrictEqual(['a']);
          outbox.open(fakeSocket(sent)).release();
          expect(sent).toStrictEqual(['a', 'b']);
        });
      }),
    );

    it('take the user over from one another, and the old one goes on for its session', () => {
      const { outbox, port, sent } = ready();
      const next = fakeSocket();
      const nextPort = outbox.open(next);
      outbox.send('before');
      nextPort.release();
      outbox.send('after');
      port.send(() => sent.push('unsubscribe'));
      port.close();
      outbox.send('later');

      expect([sent, next.sent]).toStrictEqual([
        ['before', 'unsubscribe'],
        ['after', 'later'],
      ]);
    });

    it('hold as many of a session as the outbox of the user, in each lane, and tell what is lost for want of room', () => {
      const onLost = jest.fn();
      const { port, socket, sent } = ready({ maxMessages: 2, maxBufferedBytes: 1 }, { onLost });
      socket.bufferedBytes = 1;
      const results = [1, 2, 3].flatMap(() => [
        port.send(() => sent.push('s')),
        port.send(() => sent.push('t'), 'topics'),
      ]);
      port.close();

      expect(results).toStrictEqual([true, true, true, true, false, false]);
      expect(onLost.mock.calls).toStrictEqual([['full', 1]]);
    });

    it('are named to whoever sent, as the message leaves', () => {
      const { outbox, port, sent } = ready();
      const by: [Port, Data[]][] = [];
      outbox.send('a', (writer) => by.push([writer, [...sent]]));
      port.close();
      outbox.send('b', (writer) => by.push([writer, [...sent]]));
      const next = outbox.open(fakeSocket(sent));
      next.release();

      expect(by).toStrictEqual([
        [port, []],
        [next, ['a']],
      ]);
      expect(by.map(([writer]) => writer === port)).toStrictEqual([true, false]);
    });
  });

  describe('ticket', () => {
    it('takes its message out of the line, once', () => {
      const outbox = createOutbox({ maxMessages: 3 });
      const tickets = ['a', 'b', 'c'].map((data) => outbox.send(data));

      expect([tickets[1]!.cancel(), tickets[1]!.cancel(), outbox.size()]).toStrictEqual([true, false, 2]);
      expect(outbox.send('d').result).toBe('queued');
      const socket = fakeSocket();
      outbox.open(socket).release();

      expect(socket.sent).toStrictEqual(['a', 'c', 'd']);
      expect(tickets[0]!.cancel()).toBe(false);
    });

    it('of a message that was sent or rejected has nothing to cancel', () => {
      const { outbox, port } = ready({ maxMessages: 1 });
      const sent = outbox.send('a');
      port.close();
      outbox.send('b');

      expect([sent.cancel(), outbox.send('c').cancel(), outbox.size()]).toStrictEqual([false, false, 1]);
    });
  });

  it(
    'SND-09 sends at once from the millisecond the window has room, and not one sooner',
    marbles(() => {
      const { outbox } = ready({ rate: { max: 1, perMs: 9 } });
      outbox.send('a');
      timer(9).subscribe(() => {
        const early = outbox.send('b');
        expect([early.result, early.cancel()]).toStrictEqual(['queued', true]);
      });
      timer(10).subscribe(() => expect(outbox.send('c').result).toBe('sent'));
    }),
  );

  describe('maxAgeMs', () => {
    it(
      'SND-06 lets a message wait for a reconnect so long, and tells it at the deadline',
      marbles(() => {
        const told: unknown[][] = [];
        const outbox = createOutbox(
          { maxAgeMs: 100 },
          { onLost: (...loss) => told.push([asyncScheduler.now(), ...loss, outbox.size()]) },
        );
        const socket = fakeSocket();
        for (const data of ['a', 'b']) outbox.send(data);
        timer(30).subscribe(() => outbox.send('c'));
        timer(129).subscribe(() => {
          expect(told).toStrictEqual([[100, 'expired', 2, 1]]);
          outbox.open(socket).release();
          expect(socket.sent).toStrictEqual(['c']);
        });
      }),
    );

    it(
      'counts for each message alone, whatever is cancelled before it',
      marbles(() => {
        const told: unknown[][] = [];
        const outbox = createOutbox(
          { maxAgeMs: 100 },
          { onLost: (...loss) => told.push([asyncScheduler.now(), ...loss]) },
        );
        const first = outbox.send('a');
        timer(10).subscribe(() => outbox.send('b'));
        timer(20).subscribe(() => first.cancel());
        timer(200).subscribe(() => expect(told).toStrictEqual([[110, 'expired', 1]]));
      }),
    );

    it(
      'is no limit for what a session sends',
      marbles(() => {
        const { port, sent, outbox } = ready({ maxAgeMs: 5, rate: { max: 1, perMs: 50 } });
        outbox.send('a');
        port.send(() => sent.push('subscribe'), 'topics');
        timer(100).subscribe(() => expect(sent).toStrictEqual(['a', 'subscribe']));
      }),
    );
  });

  describe('maxBufferedBytes', () => {
    it(
      'holds messages back while the socket is full, and looks every 50 ms while something waits',
      marbles(() => {
        const { outbox, socket, sent } = ready({ maxBufferedBytes: 100 });
        let looks = 0;
        let buffered = 99;
        Object.defineProperty(socket, 'bufferedBytes', { get: () => ((looks += 1), buffered) });
        outbox.send('a');
        buffered = 100;
        timer(10).subscribe(() => expect(outbox.send('b').result).toBe('queued'));
        timer(30).subscribe(() => outbox.send('c'));
        timer(100).subscribe(() => (buffered = 0));
        timer(109).subscribe(() => expect(sent).toStrictEqual(['a']));
        timer(111).subscribe(() => {
          expect(sent).toStrictEqual(['a', 'b', 'c']);
          looks = 0;
        });
        timer(1_000).subscribe(() => expect(looks).toBe(0));
      }),
    );

    it('of a socket that is full do not hold up another', () => {
      const { outbox, port, socket, sent } = ready({ maxBufferedBytes: 1 });
      socket.bufferedBytes = 1;
      outbox.send('user');
      port.send(() => sent.push('ping'));
      const next = fakeSocket();
      const nextPort = outbox.open(next);
      nextPort.send(() => next.send('login'));
      nextPort.send(() => next.send('subscribe'), 'topics');
      nextPort.release();
      port.close();

      expect([sent, next.sent]).toStrictEqual([[], ['login', 'subscribe', 'user']]);
    });
  });

  describe('timers', () => {
    afterEach(() => jest.restoreAllMocks());

    it('are not asked for while nothing waits', () => {
      const schedule = jest.spyOn(asyncScheduler, 'schedule');
      const { outbox, port } = ready({ maxAgeMs: 1_000, rate: { max: 5, perMs: 1_000 } });
      outbox.send('a');
      port.send(() => undefined);
      port.close();

      expect(schedule).not.toHaveBeenCalled();
    });

    it('nor the time, without rate and maxAgeMs', () => {
      const { outbox, port } = ready();
      const now = jest.spyOn(asyncScheduler, 'now');
      outbox.send('a');
      port.send(() => undefined);

      expect(now).not.toHaveBeenCalled();
    });

    it.each<[string, (rig: ReturnType<typeof ready>) => void]>([
      ['the ports have closed', ({ port }) => port.close()],
      ['what waited was drained', ({ outbox }) => outbox.drain()],
      ['what waited was cleared', ({ outbox }) => outbox.clear()],
    ])('end when %s', (_name, end) => {
      const unsubscribe = jest.fn();
      const schedule = jest
        .spyOn(asyncScheduler, 'schedule')
        .mockReturnValue({ unsubscribe } as unknown as ReturnType<typeof asyncScheduler.schedule>);
      const rig = ready({ rate: { max: 1, perMs: 1_000 } });
      for (const data of ['a', 'b', 'c', 'd']) rig.outbox.send(data);
      expect([schedule.mock.calls.length, unsubscribe.mock.calls.length]).toStrictEqual([1, 0]);
      end(rig);

      expect([schedule.mock.calls.length, unsubscribe.mock.calls.length]).toStrictEqual([1, 1]);
    });

    it(
      'end when the last message that waited is cancelled',
      marbles(() => {
        const outbox = createOutbox({ maxAgeMs: 1_000 });
        const schedule = jest.spyOn(asyncScheduler, 'schedule');
        const tickets = ['a', 'b'].map((data) => outbox.send(data));
        const action = schedule.mock.results[0]!.value as { readonly closed: boolean };
        tickets[0]!.cancel();
        expect(action.closed).toBe(false);
        tickets[1]!.cancel();

        expect([schedule.mock.calls.length, action.closed]).toStrictEqual([1, true]);
      }),
    );
  });

  describe('called from within', () => {
    it('takes what is sent while it writes, in order, and calls it queued', () => {
      const { outbox, port, sent } = ready();
      const results: unknown[] = [];
      const more = (): void => {
        results.push(
          outbox.send('b').result,
          port.send(() => sent.push('ping')),
        );
      };
      outbox.send('a', more);

      expect(sent).toStrictEqual(['a', 'ping', 'b']);
      expect(results).toStrictEqual(['queued', true]);
    });

    it('stops where the port closes, and goes on with the next', () => {
      const outbox = createOutbox();
      const first = fakeSocket();
      const next = fakeSocket();
      const port = outbox.open({
        ...first,
        send(data) {
          first.sent.push(data);
          port.close();
        },
      });
      for (const data of ['a', 'b']) outbox.send(data);
      port.release();
      expect([first.sent, outbox.size()]).toStrictEqual([['a'], 1]);
      outbox.open(next).release();

      expect(next.sent).toStrictEqual(['b']);
    });

    it('moves over to a port that is released while it writes', () => {
      const outbox = createOutbox();
      const next = fakeSocket();
      const first = fakeSocket();
      for (const [data, onWritten] of [['a', () => outbox.open(next).release()], ['b']] as const) {
        outbox.send(data, onWritten);
      }
      outbox.open(first).release();

      expect([first.sent, next.sent]).toStrictEqual([['a'], ['b']]);
    });

    it('leaves out what is cancelled while it writes', () => {
      const { outbox, port, sent } = ready();
      port.close();
      outbox.send('a', () => second.cancel());
      const second = outbox.send('b');
      outbox.send('c');
      outbox.open(fakeSocket(sent)).release();

      expect(sent).toStrictEqual(['a', 'c']);
    });

    it('cannot cancel what is being written', () => {
      const outbox = createOutbox();
      const socket = fakeSocket();
      const cancelled: boolean[] = [];
      const ticket = outbox.send('a', () => cancelled.push(ticket.cancel()));
      outbox.open(socket).release();

      expect([cancelled, socket.sent]).toStrictEqual([[false], ['a']]);
    });

    it('does not call sent what was drained before its turn', () => {
      const outbox = createOutbox({ maxBufferedBytes: 1 });
      const socket = fakeSocket();
      socket.bufferedBytes = 1;
      const port = outbox.open(socket);
      port.release();
      port.send(() => outbox.drain());
      socket.bufferedBytes = 0;

      expect([outbox.send('a').result, socket.sent]).toStrictEqual(['rejected', []]);
    });

    it(
      'takes what is sent while it tells of a loss',
      marbles(() => {
        const told: unknown[] = [];
        const outbox = createOutbox(
          { maxAgeMs: 10, maxMessages: 1 },
          { onLost: (reason) => told.push(reason, asyncScheduler.now(), again()) },
        );
        const again = () => (told.length < 3 ? outbox.send('again').result : outbox.size());
        outbox.send('a');
        timer(50).subscribe(() => expect(told).toStrictEqual(['expired', 10, 'queued', 'expired', 20, 0]));
      }),
    );

    it('takes what is sent while it tells what was cleared', () => {
      const { outbox, port, sent } = ready({}, { onLost: () => void outbox.send('after') });
      port.close();
      outbox.send('a');
      outbox.clear();
      outbox.open(fakeSocket(sent)).release();

      expect(sent).toStrictEqual(['after']);
    });
  });

  describe('a write that throws', () => {
    const error = new Error('no');
    const failing = (bad: Data, sent: Data[] = []): FakeSocket => ({
      sent,
      bufferedBytes: 0,
      send: (data) => {
        if (data === bad) throw error;
        sent.push(data);
      },
    });

    it('at once throws to its caller, and costs its own message only', () => {
      const onWriteError = jest.fn();
      const outbox = createOutbox({}, { onWriteError });
      const socket = failing('bad');
      const port = outbox.open(socket);
      port.release();

      expect(() => outbox.send('bad', () => outbox.send('within'))).toThrow(error);
      expect(() => port.send(() => socket.send('bad'))).toThrow(error);
      expect(outbox.send('good').result).toBe('sent');
      expect(socket.sent).toStrictEqual(['within', 'good']);
      expect(onWriteError).not.toHaveBeenCalled();
    });

    it('after waiting is told, and the others go on', () => {
      const onWriteError = jest.fn();
      const outbox = createOutbox({}, { onWriteError });
      const socket = failing('bad');
      for (const data of ['a', 'bad', 'b']) outbox.send(data);
      outbox.open(socket).release();

      expect([socket.sent, outbox.size()]).toStrictEqual([['a', 'b'], 0]);
      expect(onWriteError.mock.calls).toStrictEqual([[error]]);
    });

    it('costs nobody else a turn though nobody listens', () => {
      const outbox = createOutbox();
      const socket = failing('bad');
      for (const data of ['bad', 'b']) outbox.send(data);
      outbox.open(socket).release();

      expect(socket.sent).toStrictEqual(['b']);
    });

    it(
      'leaves the line going though the one who is told throws too',
      marbles(() => {
        const outbox = createOutbox(
          {},
          {
            onWriteError: () => {
              throw error;
            },
          },
        );
        const socket = failing('bad');
        for (const data of ['bad', 'b']) outbox.send(data);
        expect(() => outbox.open(socket).release()).toThrow(error);
        timer(1).subscribe(() => expect(socket.sent).toStrictEqual(['b']));
      }),
    );
  });

  it(
    'says by looked$ when a full socket has been found to have room, though the rate lets nothing out yet',
    marbles(({ expectObservable }) => {
      const outbox = createOutbox({ maxBufferedBytes: 1, rate: { max: 1, perMs: 100, marginMs: 0 } });
      const socket = { send: noop, bufferedBytes: 0 };
      const port = outbox.open(socket);
      port.send(noop);
      socket.bufferedBytes = 1;
      port.send(noop);
      timer(10).subscribe(() => (socket.bufferedBytes = 0));

      expectObservable(outbox.looked$, '^ 200ms !').toBe('50ms a 50ms b', { a: undefined, b: undefined });
    }),
  );

  describe('flushed$', () => {
    it(
      'completes when nothing of the user waits any more',
      marbles(({ expectObservable }) => {
        expectObservable(createOutbox().flushed$).toBe('|');
        const { outbox } = ready({ rate: { max: 1, perMs: 2 } });
        for (const data of ['a', 'b', 'c']) outbox.send(data);

        expectObservable(outbox.flushed$).toBe('------|');
      }),
    );

    it(
      'waits for the messages of the session in charge, too, and for those of no other',
      marbles(({ expectObservable }) => {
        const { outbox, port, sent } = ready({ rate: { max: 1, perMs: 2, marginMs: 0 } });
        const other = outbox.open(fakeSocket());
        for (const name of ['a', 'b']) port.send(() => sent.push(name));
        timer(4).subscribe(() => other.send(() => undefined));
        timer(4).subscribe(() => other.send(() => undefined));

        expectObservable(outbox.flushed$).toBe('---|');
      }),
    );

    it('tells what a session leaves behind, but for what is asked again on the next', () => {
      const onForgotten = jest.fn();
      const { outbox, port } = ready({ rate: { max: 1, perMs: 50 } }, { onForgotten });
      for (const lane of ['session', 'session', 'session', 'ping', 'topics'] as const)
        port.send(() => undefined, lane);
      port.close();
      outbox.open(fakeSocket()).close();

      expect(onForgotten.mock.calls).toStrictEqual([[2]]);
    });

    it(
      'completes at once where nothing can be sent',
      marbles(({ expectObservable }) => {
        const outbox = createOutbox();
        outbox.send('a');
        expectObservable(outbox.flushed$).toBe('|');
      }),
    );

    it.each<[string, (rig: ReturnType<typeof ready>) => unknown]>([
      ['the connection is lost', ({ port }) => port.close()],
      ['the rest is drained', ({ outbox }) => outbox.drain()],
      ['the rest is cleared', ({ outbox }) => outbox.clear()],
    ])('completes when %s', (_name, end) => {
      marbles(({ expectObservable }) => {
        const rig = ready({ rate: { max: 1, perMs: 50 } });
        for (const data of ['a', 'b']) rig.outbox.send(data);
        timer(3).subscribe(() => end(rig));

        expectObservable(rig.outbox.flushed$).toBe('---|');
      })();
    });

    it(
      'completes when the rest is cancelled, or too old',
      marbles(({ expectObservable }) => {
        const { outbox } = ready({ rate: { max: 1, perMs: 50 }, maxAgeMs: 5 });
        outbox.send('a');
        const ticket = outbox.send('b');
        outbox.send('c');
        timer(3).subscribe(() => ticket.cancel());

        expectObservable(outbox.flushed$).toBe('-----|');
      }),
    );

    it(
      'waits on while another port takes over',
      marbles(({ expectObservable }) => {
        const { outbox, port } = ready({ rate: { max: 1, perMs: 5 } });
        for (const data of ['a', 'b']) outbox.send(data);
        timer(3).subscribe(() => {
          outbox.open(fakeSocket()).release();
          port.close();
        });

        expectObservable(outbox.flushed$).toBe('------|');
      }),
    );
  });

  it('tells what is left when it is cleared, and nothing if nothing is', () => {
    const onLost = jest.fn();
    const outbox = createOutbox({}, { onLost });
    for (const data of ['a', 'b']) outbox.send(data);
    outbox.clear();
    outbox.clear();

    expect([onLost.mock.calls, outbox.size()]).toStrictEqual([[['closed', 2]], 0]);
  });

  it.each([
    [{ maxMessages: 0 }, 'maxMessages must be above 0, got 0'],
    [{ maxMessages: Number.NaN }, 'maxMessages must be above 0, got NaN'],
    [{ maxAgeMs: 0 }, 'maxAgeMs must be above 0, got 0'],
    [{ maxBufferedBytes: -1 }, 'maxBufferedBytes must be above 0, got -1'],
    [{ rate: { max: 0, perMs: 1 } }, 'rate.max must be a whole number above 0, got 0'],
  ])('refuses %j', (config, message) => {
    expect(() => createOutbox(config)).toThrow(new RangeError(`outbox: ${message}`));
  });

  it('knows its lanes', () => {
    const { port } = ready();

    // @ts-expect-error -- there is no such lane
    expect(() => port.send(() => undefined, 'user')).toThrow(TypeError);
  });
});
