import fc from 'fast-check';
import { retry, timer } from 'rxjs';
import { createOutbox, type OutboxConfig, type SendResult, type Ticket } from '../../src/streams/outbox.js';
import {
  createRequests,
  type RequestConfig,
  RequestDisconnectedError,
  RequestRejectedError,
  RequestTimeoutError,
} from '../../src/streams/requests.js';
import type { Data } from '../../src/streams/transport.js';
import { marbles } from '../marbles.js';

const is = (id: number) => (message: unknown) => (message as { id: number }).id === id;
const ticket = (result: SendResult): Ticket => ({ result, cancel: () => false });
const lost = new Error('gone');
const disconnected = new RequestDisconnectedError('its connection was lost before a reply came');
const closed = new RequestDisconnectedError('the feed was closed before a reply came');
const unsent = new RequestRejectedError('the feed was closed');

/** Leaves at once, by the connection named. */
const by =
  (connection: unknown = 'connection') =>
  (onWritten: (by: unknown) => void): Ticket => {
    onWritten(connection);
    return ticket('sent');
  };

/** Requests through an outbox. */
const asking = (config?: OutboxConfig) => {
  const requests = createRequests();
  const outbox = createOutbox(config);
  const sent: Data[] = [];
  const socket = { bufferedBytes: 0, send: (data: Data) => void sent.push(data) };
  const ask = (id: number, timeoutMs?: number) => {
    const requestConfig: RequestConfig = { match: is(id), ...(timeoutMs !== undefined && { timeoutMs }) };
    return requests.ask((...hooks) => outbox.send(String(id), ...hooks), requestConfig);
  };
  return { requests, outbox, sent, socket, ask };
};

describe('requests', () => {
  it(
    'sends on subscription and emits the one reply that matches',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      const post = jest.fn(by());
      const reply$ = requests.ask(post, { match: is(7) });
      expect(post).not.toHaveBeenCalled();
      expectObservable(reply$).toBe('---(r|)', { r: { id: 7 } });
      timer(2).subscribe(() => expect(requests.hear({ id: 8 })).toBe(false));
      timer(3).subscribe(() => expect(requests.hear({ id: 7 })).toBe(true));
      timer(4).subscribe(() => {
        expect(requests.hear({ id: 7 })).toBe(false);
        expect(post).toHaveBeenCalledTimes(1);
      });
    }),
  );

  it(
    'errors as soon as its message is given up unsent: too old, taken out, or left at the end',
    marbles(({ expectObservable, flush }) => {
      const error = new RequestRejectedError('its message was given up');
      const old = asking({ maxAgeMs: 10 });
      expectObservable(old.ask(1, 60_000)).toBe('----------#', {}, error);
      timer(11).subscribe(() => expect(old.requests.isWaiting()).toBe(false));

      const taken = asking();
      expectObservable(taken.ask(2, 60_000)).toBe('---#', {}, error);
      timer(3).subscribe(() => expect(taken.outbox.drain()).toStrictEqual(['2']));

      const left = asking();
      expectObservable(left.ask(3, 60_000)).toBe('----#', {}, error);
      timer(4).subscribe(() => left.outbox.clear());
      flush();
    }),
  );

  it(
    'may ask again from within the error, which waits its own time',
    marbles(({ expectObservable }) => {
      const { ask, outbox } = asking({ maxAgeMs: 10 });
      timer(15).subscribe(() => expect(outbox.size()).toBe(1));
      timer(21).subscribe(() => expect(outbox.size()).toBe(0));
      expectObservable(ask(1, 60_000).pipe(retry(1))).toBe(
        '20ms #',
        {},
        new RequestRejectedError('its message was given up'),
      );
    }),
  );

  it(
    'sends again for a second subscription',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      const post = jest.fn(by());
      const reply$ = requests.ask(post, { match: is(1) });
      expectObservable(reply$, '^-!').toBe('-(r|)', { r: { id: 1, n: 1 } });
      expectObservable(reply$).toBe('--(r|)', { r: { id: 1, n: 2 } });
      timer(1).subscribe(() => requests.hear({ id: 1, n: 1 }));
      timer(2).subscribe(() => {
        requests.hear({ id: 1, n: 2 });
        expect(post).toHaveBeenCalledTimes(2);
      });
    }),
  );

  it(
    'keeps many apart, and gives equals to the oldest first',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      expectObservable(requests.ask(by(), { match: is(1) })).toBe('--(a|)', { a: { id: 1, n: 2 } });
      expectObservable(requests.ask(by(), { match: is(2) })).toBe('-(a|)', { a: { id: 2, n: 1 } });
      expectObservable(requests.ask(by(), { match: is(1) })).toBe('---(a|)', { a: { id: 1, n: 3 } });
      timer(1).subscribe(() => requests.hear({ id: 2, n: 1 }));
      timer(2).subscribe(() => requests.hear({ id: 1, n: 2 }));
      timer(3).subscribe(() => requests.hear({ id: 1, n: 3 }));
    }),
  );

  it('gives each reply to the oldest request it matches that has left, and to no other', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('ask'), id: fc.nat(3), hasLeft: fc.boolean() }),
      fc.record({ do: fc.constant('hear'), id: fc.nat(3) }),
      fc.record({ do: fc.constant('leave'), at: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const requests = createRequests();
        const got: unknown[] = [];
        let model: { readonly id: number; readonly number: number; hasLeft: boolean; leave: () => void }[] =
          [];
        const expected: unknown[] = [];
        steps.forEach((next, number) => {
          if ('hasLeft' in next) {
            const { id, hasLeft } = next;
            const post = (onWritten: (by: unknown) => void): Ticket => {
              model.push({ id, number, hasLeft, leave: () => onWritten('connection') });
              if (hasLeft) onWritten('connection');
              return ticket(hasLeft ? 'sent' : 'queued');
            };
            const reply$ = requests.ask(post, { match: is(id) });
            reply$.subscribe({ next: (reply) => got.push([number, reply]), error: () => undefined });
          } else if ('at' in next) {
            const entry = model[next.at];
            entry?.leave();
            if (entry) entry.hasLeft = true;
          } else {
            const message = { id: next.id, number };
            const first = model.find(({ id, hasLeft }) => hasLeft && id === next.id);
            if (first) expected.push([first.number, message]);
            model = model.filter((entry) => entry !== first);
            expect(requests.hear(message)).toBe(first !== undefined);
          }
        });
        requests.giveUp('the feed was closed')();

        expect(got).toStrictEqual(expected);
      }),
    );
  });

  it(
    'hears no reply by another connection than the one it was asked by',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      expectObservable(requests.ask(by('new'), { match: is(1) })).toBe('--(r|)', { r: { id: 1 } });
      timer(1).subscribe(() => expect(requests.hear({ id: 1 }, 'old')).toBe(false));
      timer(2).subscribe(() => expect(requests.hear({ id: 1 }, 'new')).toBe(true));
    }),
  );

  it(
    'says of one that is late whether it had left: then the server may have acted on it',
    marbles(({ flush }) => {
      const { outbox, socket, ask } = asking({ rate: { max: 1, perMs: 100 } });
      const errors: unknown[] = [];
      for (const id of [1, 2]) ask(id, 50).subscribe({ error: (error: unknown) => errors.push(error) });
      timer(20).subscribe(() => outbox.open(socket).release());
      flush();

      expect(errors).toMatchObject([{ sent: true }, { sent: false }]);
    }),
  );

  it(
    'errors when no reply comes in time',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      const reply$ = requests.ask(by(), { match: is(1), timeoutMs: 5 });
      expectObservable(reply$).toBe('-----#', undefined, new RequestTimeoutError(5, true));
      timer(6).subscribe(() => expect(requests.hear({ id: 1 })).toBe(false));
    }),
  );

  it(
    'forgets a request before it says that it is late, so that there is room to ask again',
    marbles(() => {
      const requests = createRequests(1);
      const replies: unknown[] = [];
      const again = (): void =>
        void requests.ask(by(), { match: is(2) }).subscribe((reply) => replies.push(reply));
      requests.ask(by(), { match: is(1), timeoutMs: 5 }).subscribe({ error: again });
      timer(6).subscribe(() => {
        requests.hear({ id: 2 });
        expect(replies).toStrictEqual([{ id: 2 }]);
      });
    }),
  );

  it.each([
    [
      new RequestTimeoutError(5, true),
      { timeoutMs: 5, sent: true, message: 'sent, but no reply within 5 ms' },
    ],
    [new RequestTimeoutError(5, false), { timeoutMs: 5, sent: false, message: 'not sent within 5 ms' }],
    [unsent, { sent: false, message: 'not sent: the feed was closed' }],
    [closed, { sent: true, message: 'sent, but the feed was closed before a reply came' }],
  ])('says in %p whether it was sent', (error, facts) => {
    expect(error).toMatchObject(facts);
  });

  it('forgets a request that is unsubscribed', () => {
    const requests = createRequests();
    const subscription = requests.ask(by(), { match: is(1) }).subscribe();
    subscription.unsubscribe();

    expect(requests.hear({ id: 1 })).toBe(false);
  });

  describe('when a connection is lost', () => {
    it(
      'errors what left by it, and no other',
      marbles(({ expectObservable }) => {
        const requests = createRequests();
        expectObservable(requests.ask(by('old'), { match: is(1) })).toBe('--#', undefined, disconnected);
        expectObservable(requests.ask(by('new'), { match: is(1) })).toBe('---(r|)', { r: { id: 1 } });
        timer(2).subscribe(() => requests.fail(lost, 'old'));
        timer(3).subscribe(() => requests.hear({ id: 1 }));
      }),
    );

    it(
      'keeps what still waits for the next one',
      marbles(({ expectObservable }) => {
        const { requests, outbox, sent, socket, ask } = asking({ rate: { max: 1, perMs: 100 } });
        const first = outbox.open(socket);
        first.release();
        expectObservable(ask(1)).toBe('-----#', undefined, disconnected);
        expectObservable(ask(2)).toBe('200ms (r|)', { r: { id: 2 } });
        timer(5).subscribe(() => {
          first.close();
          requests.fail(lost, first);
        });
        timer(150).subscribe(() => outbox.open(socket).release());
        timer(200).subscribe(() => {
          expect(sent).toStrictEqual(['1', '2']);
          requests.hear({ id: 2 });
        });
      }),
    );

    it(
      'errors what is being written to it, for it is not sent again',
      marbles(({ expectObservable }) => {
        const requests = createRequests();
        const outbox = createOutbox();
        const port = outbox.open({
          bufferedBytes: 0,
          send() {
            port.close();
            requests.fail(lost, port);
          },
        });
        port.release();
        const reply$ = requests.ask((onWritten) => outbox.send('a', onWritten), { match: is(1) });
        expectObservable(reply$).toBe('#', undefined, disconnected);
      }),
    );

    it('is given up before it is told: nothing leaves, and no reply is heard', () => {
      const { requests, outbox, ask } = asking();
      const heard: unknown[] = [];
      const listener = { next: () => heard.push('reply'), error: (error: unknown) => heard.push(error) };
      requests.ask(by('old'), { match: is(1) }).subscribe(listener);
      ask(2).subscribe(listener);
      const tell = requests.giveUp('the feed was closed');
      expect([outbox.size(), requests.isWaiting(), requests.hear({ id: 1 })]).toStrictEqual([
        0,
        false,
        false,
      ]);
      tell();

      expect(heard).toStrictEqual([closed, unsent]);
    });

    it(
      'errors with all others that are given up, those that wait too',
      marbles(({ expectObservable }) => {
        const { requests, outbox, ask } = asking();
        expectObservable(requests.ask(by(), { match: is(1) })).toBe('--#', undefined, closed);
        expectObservable(ask(2)).toBe('--#', undefined, unsent);
        timer(2).subscribe(() => requests.giveUp('the feed was closed')());
        timer(3).subscribe(() => expect(outbox.size()).toBe(0));
      }),
    );

    it('says why all are given up', () => {
      const { requests, ask } = asking();
      const errors: string[] = [];
      const listener = { error: (error: unknown) => errors.push((error as Error).message) };
      requests.ask(by(), { match: is(1) }).subscribe(listener);
      ask(2).subscribe(listener);
      requests.giveUp('the mill stands still')();

      expect(errors).toStrictEqual([
        'sent, but the mill stands still before a reply came',
        'not sent: the mill stands still',
      ]);
    });

    it('says why it was lost, and nothing of a feed that was closed', () => {
      const requests = createRequests();
      const errors: unknown[] = [];
      const ask = (): void =>
        void requests
          .ask(by(), { match: is(1) })
          .subscribe({ error: (error: unknown) => errors.push(error) });
      ask();
      requests.fail(lost, 'connection');
      ask();
      requests.fail(undefined, 'connection');

      expect(errors).toStrictEqual([disconnected, closed]);
      expect(errors.map((error) => (error as Error).cause)).toStrictEqual([lost, undefined]);
    });

    it(
      'takes all that wait out of the outbox, though its socket has room again since it was last looked at',
      marbles(() => {
        const { requests, outbox, sent, socket, ask } = asking({ maxBufferedBytes: 1 });
        const errors: unknown[] = [];
        const full = { ...socket, bufferedBytes: 1 };
        outbox.open(full).release();
        for (const id of [1, 2, 3]) ask(id).subscribe({ error: (error: unknown) => errors.push(error) });
        full.bufferedBytes = 0;
        const tell = requests.giveUp('the feed was closed');
        expect([sent, outbox.size()]).toStrictEqual([[], 0]);
        tell();

        expect(errors).toStrictEqual([unsent, unsent, unsent]);
      }),
    );

    it.each([10, 1_000])('looks at the sockets as often for %d that wait as for one', (waiting) =>
      marbles(() => {
        const { requests, outbox, socket, ask } = asking({ maxBufferedBytes: 1 });
        let looks = 0;
        const full = {
          ...socket,
          get bufferedBytes() {
            looks += 1;
            return 1;
          },
        };
        outbox.open(full).release();
        for (let id = 0; id < waiting; id += 1) ask(id).subscribe({ error: () => undefined });
        looks = 0;
        requests.giveUp('the feed was closed')();

        expect([outbox.size(), looks]).toStrictEqual([0, 0]);
      })(),
    );

    it('leaves those alone that are asked while it is told', () => {
      const requests = createRequests();
      const replies: unknown[] = [];
      const again = (): void =>
        void requests.ask(by('new'), { match: is(1) }).subscribe((reply) => replies.push(reply));
      requests.ask(by('old'), { match: is(1) }).subscribe({ error: again });
      requests.giveUp('the feed was closed')();
      requests.hear({ id: 1 });

      expect(replies).toStrictEqual([{ id: 1 }]);
    });
  });

  describe('in the outbox', () => {
    it(
      'is taken out when its time is over, before it was sent',
      marbles(({ expectObservable }) => {
        const { outbox, sent, socket, ask } = asking();
        expectObservable(ask(1, 50)).toBe('50ms #', undefined, new RequestTimeoutError(50, false));
        timer(49).subscribe(() => expect(outbox.size()).toBe(1));
        timer(51).subscribe(() => {
          outbox.open(socket).release();
          expect([sent, outbox.size()]).toStrictEqual([[], 0]);
        });
      }),
    );

    it('is taken out when it is unsubscribed', () => {
      const { outbox, ask } = asking();
      const subscription = ask(1).subscribe();
      expect(outbox.size()).toBe(1);
      subscription.unsubscribe();

      expect(outbox.size()).toBe(0);
    });

    it('is answered by no message before it was sent', () => {
      const { requests, outbox, socket, sent, ask } = asking();
      const replies: unknown[] = [];
      ask(1).subscribe((reply) => replies.push(reply));

      expect(requests.hear({ id: 1, of: 'another' })).toBe(false);
      outbox.open(socket).release();
      expect(requests.hear({ id: 1 })).toBe(true);
      expect([sent, replies]).toStrictEqual([['1'], [{ id: 1 }]]);
    });
  });

  it(
    'takes a reply that comes while it is sending',
    marbles(({ expectObservable }) => {
      const { requests, outbox, ask } = asking();
      outbox.open({ bufferedBytes: 0, send: () => void requests.hear({ id: 1 }) }).release();
      expectObservable(ask(1)).toBe('(r|)', { r: { id: 1 } });
    }),
  );

  it('has forgotten a request when its reply is told, so that there is room for the next', () => {
    const requests = createRequests(1);
    const heard: unknown[] = [];
    const errors: unknown[] = [];
    const next = (): void =>
      void requests.ask(by(), { match: is(2) }).subscribe({ error: (error: unknown) => errors.push(error) });
    requests.ask(by(), { match: is(1) }).subscribe(() => {
      heard.push(requests.hear({ id: 1 }));
      next();
    });
    requests.hear({ id: 1 });
    expect([heard, errors]).toStrictEqual([[false], []]);

    requests.giveUp('the feed was closed')();
    expect(errors).toStrictEqual([closed]);
  });

  it('errors at once when the outbox is full', () => {
    const requests = createRequests(1);
    const errors: unknown[] = [];
    const reply$ = requests.ask(() => ticket('rejected'), { match: is(1) });
    for (let time = 0; time < 2; time += 1)
      reply$.subscribe({ error: (error: unknown) => errors.push(error) });

    const error = new RequestRejectedError('the outbox is full, or the feed is closed');
    expect(errors).toStrictEqual([error, error]);
  });

  it('errors with what sending threw, and forgets the request', () => {
    const requests = createRequests(1);
    const errors: unknown[] = [];
    const reply$ = requests.ask(
      () => {
        throw lost;
      },
      { match: is(1) },
    );
    for (let time = 0; time < 2; time += 1)
      reply$.subscribe({ error: (error: unknown) => errors.push(error) });

    expect(errors).toStrictEqual([lost, lost]);
  });

  it('is taken for sent when its socket throws, which may have it all the same', () => {
    const { outbox, ask } = asking();
    const errors: unknown[] = [];
    outbox
      .open({
        bufferedBytes: 0,
        send: () => {
          throw lost;
        },
      })
      .release();
    ask(1).subscribe({ error: (error: unknown) => errors.push(error) });

    expect(errors).toStrictEqual([new RequestDisconnectedError('its socket threw')]);
    expect(errors[0]).toMatchObject({ sent: true, cause: lost });
  });

  it('bounds how many wait', () => {
    const requests = createRequests(1);
    const errors: unknown[] = [];
    const post = jest.fn(by());
    requests.ask(post, { match: is(1) }).subscribe({ error: () => undefined });
    requests.ask(post, { match: is(2) }).subscribe({ error: (error: unknown) => errors.push(error) });
    requests.hear({ id: 1 });
    requests
      .ask(post, { match: is(3) })
      .subscribe()
      .unsubscribe();

    expect(errors).toStrictEqual([new RequestRejectedError('1 requests wait for their reply already')]);
    expect(post).toHaveBeenCalledTimes(2);
  });

  describe('a match that throws', () => {
    const broken = (): boolean => {
      throw lost;
    };

    it(
      'fails its own request only',
      marbles(({ expectObservable }) => {
        const requests = createRequests();
        expectObservable(requests.ask(by(), { match: broken })).toBe('-#', undefined, lost);
        expectObservable(requests.ask(by(), { match: is(1) })).toBe('-(r|)', { r: { id: 1 } });
        timer(1).subscribe(() => expect(requests.hear({ id: 1 })).toBe(true));
      }),
    );

    it(
      'fails it as well where it is asynchronous: no message is taken for the reply',
      marbles(({ expectObservable }) => {
        const requests = createRequests();
        const match = (message: unknown) => Promise.resolve(is(2)(message)) as never;
        const error = new TypeError('request: match must be synchronous, got a promise');
        expectObservable(requests.ask(by(), { match })).toBe('-#', undefined, error);
        timer(1).subscribe(() => expect(requests.hear({ id: 1 })).toBe(false));
      }),
    );

    it('does not hear the same message again when it is asked again at once', () => {
      const requests = createRequests();
      let asked = 0;
      const again = (): void => {
        asked += 1;
        if (asked < 10) requests.ask(by(), { match: broken }).subscribe({ error: again });
      };
      again();
      requests.hear({ id: 1 });
      expect(asked).toBe(2);

      asked = 10;
      requests.giveUp('the feed was closed')();
    });
  });

  it.each([0, -1, Number.NaN, 2 ** 31])('refuses a timeoutMs of %p', (timeoutMs) => {
    expect(() => createRequests().ask(by(), { match: is(1), timeoutMs })).toThrow(
      new RangeError(`request: timeoutMs must be above 0 and at most 2147483647, got ${timeoutMs}`),
    );
  });

  it('refuses a match that is no function', () => {
    // @ts-expect-error -- a value to compare with is no function
    expect(() => createRequests().ask(by(), { match: 7 })).toThrow(
      new TypeError('request: match must be a function, got number'),
    );
  });

  it.each([0, Number.NaN])('refuses a maxInFlight of %p', (maxInFlight) => {
    expect(() => createRequests(maxInFlight)).toThrow(
      new RangeError(`requests: maxInFlight must be above 0, got ${maxInFlight}`),
    );
  });
});
