import { timer } from 'rxjs';
import { createRequests, RequestRejectedError, RequestTimeoutError } from '../../src/streams/requests.js';
import { marbles } from '../marbles.js';

const is = (id: number) => (message: unknown) => (message as { id: number }).id === id;

describe('requests', () => {
  it(
    'sends on subscription and emits the one reply that matches',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      let sent = 0;
      const reply$ = requests.ask(() => (++sent, 'sent'), { match: is(7) });
      expect(sent).toBe(0);
      expectObservable(reply$).toBe('---(r|)', { r: { id: 7 } });
      timer(2).subscribe(() => expect(requests.hear({ id: 8 })).toBe(false));
      timer(3).subscribe(() => expect(requests.hear({ id: 7 })).toBe(true));
      timer(4).subscribe(() => {
        expect(requests.hear({ id: 7 })).toBe(false);
        expect(sent).toBe(1);
      });
    }),
  );

  it(
    'keeps many apart, and gives equals to the oldest first',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      expectObservable(requests.ask(() => 'sent', { match: is(1) })).toBe('--(a|)', { a: { id: 1, n: 2 } });
      expectObservable(requests.ask(() => 'sent', { match: is(2) })).toBe('-(a|)', { a: { id: 2, n: 1 } });
      expectObservable(requests.ask(() => 'sent', { match: is(1) })).toBe('---(a|)', { a: { id: 1, n: 3 } });
      timer(1).subscribe(() => requests.hear({ id: 2, n: 1 }));
      timer(2).subscribe(() => requests.hear({ id: 1, n: 2 }));
      timer(3).subscribe(() => requests.hear({ id: 1, n: 3 }));
    }),
  );

  it(
    'errors when no reply comes in time, and forgets the request',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      expectObservable(requests.ask(() => 'queued', { match: is(1), timeoutMs: 5 })).toBe(
        '-----#',
        undefined,
        new RequestTimeoutError(5),
      );
      timer(6).subscribe(() => expect(requests.hear({ id: 1 })).toBe(false));
    }),
  );

  it(
    'errors with the reason when the connection is lost',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      const lost = new Error('gone');
      expectObservable(requests.ask(() => 'sent', { match: is(1) })).toBe('--#', undefined, lost);
      timer(2).subscribe(() => requests.fail(lost));
    }),
  );

  it(
    'errors at once when the outbox is full',
    marbles(({ expectObservable }) => {
      expectObservable(createRequests().ask(() => 'rejected', { match: is(1) })).toBe(
        '#',
        undefined,
        new RequestRejectedError('the outbox is full, or the feed is closed'),
      );
    }),
  );

  it(
    'bounds how many wait',
    marbles(({ expectObservable }) => {
      const requests = createRequests(1);
      requests.ask(() => 'sent', { match: is(1) }).subscribe({ error: () => undefined });
      expectObservable(requests.ask(() => 'sent', { match: is(2) })).toBe(
        '#',
        undefined,
        new RequestRejectedError('1 requests wait for their reply already'),
      );
    }),
  );

  it(
    'takes a reply that comes while it is sending',
    marbles(({ expectObservable }) => {
      const requests = createRequests();
      const send = (): 'sent' => {
        requests.hear({ id: 1 });
        return 'sent';
      };
      expectObservable(requests.ask(send, { match: is(1) })).toBe('(r|)', { r: { id: 1 } });
    }),
  );

  it.each([0, -1, Number.NaN, 2 ** 31])('refuses a timeoutMs of %p', (timeoutMs) => {
    expect(() => createRequests().ask(() => 'sent', { match: is(1), timeoutMs })).toThrow(
      new RangeError(`request: timeoutMs must be above 0 and at most 2147483647, got ${timeoutMs}`),
    );
  });
});
