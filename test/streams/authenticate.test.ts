import { EMPTY, NEVER, type Observable, throwError, timer } from 'rxjs';
import { authenticated, checkAuthenticate } from '../../src/streams/authenticate.js';
import { AuthenticationError } from '../../src/streams/failure.js';
import type { Session } from '../../src/streams/session.js';
import { shownSession } from '../../src/streams/shownSession.js';
import { marbles } from '../marbles.js';

const session = { generation: 1 } as Session;
const failed = (cause: unknown): AuthenticationError =>
  new AuthenticationError('authentication failed', { cause });

describe('authenticated', () => {
  it(
    'emits at once without a hook, or with one that has nothing to wait for',
    marbles(({ expectObservable }) => {
      expectObservable(authenticated(session, {})).toBe('(u|)', { u: undefined });
      expectObservable(authenticated(session, { authenticate: () => undefined })).toBe('(u|)', {
        u: undefined,
      });
      expectObservable(authenticated(session, { authenticate: () => EMPTY })).toBe('(u|)', { u: undefined });
    }),
  );

  it(
    'emits when the hook has completed, not when it has emitted',
    marbles(({ cold, expectObservable }) => {
      expectObservable(authenticated(session, { authenticate: () => cold('-a-b-|') })).toBe('-----(u|)', {
        u: undefined,
      });
    }),
  );

  it('gives the hook its session', () => {
    const seen: unknown[] = [];
    authenticated(session, { authenticate: (given) => seen.push(given) }).subscribe();

    expect(seen).toHaveLength(1);
    expect(seen[0]).toBe(shownSession(session));
  });

  it(
    'AUT-04 errors with the cause when the hook throws, rejects or errors',
    marbles(({ expectObservable }) => {
      const cause = new Error('bad credentials');
      const throws = (): never => {
        throw cause;
      };
      expectObservable(authenticated(session, { authenticate: throws })).toBe('#', undefined, failed(cause));
      expectObservable(authenticated(session, { authenticate: () => throwError(() => cause) })).toBe(
        '#',
        undefined,
        failed(cause),
      );
    }),
  );

  it('carries its cause', async () => {
    const cause = new Error('bad credentials');
    const error: unknown = await new Promise((resolve) => {
      authenticated(session, { authenticate: () => Promise.reject(cause) }).subscribe({ error: resolve });
    });

    expect(error).toMatchObject({ name: 'AuthenticationError', cause });
  });

  it(
    'AUT-05 errors when the hook takes too long, and leaves no timer when it does not',
    marbles(({ expectObservable }) => {
      expectObservable(authenticated(session, { authenticate: () => NEVER, authenticateTimeoutMs: 5 })).toBe(
        '-----#',
        undefined,
        failed(undefined),
      );
      expectObservable(
        authenticated(session, { authenticate: () => timer(4), authenticateTimeoutMs: 5 }),
      ).toBe('----(u|)', { u: undefined });
    }),
  );

  it(
    'AUT-05 counts no time in which what the hook sent is held back',
    marbles(({ cold, expectObservable }) => {
      const isHeld = { h: true, f: false };
      const late = (held: string): Observable<void> =>
        authenticated(session, { authenticate: () => NEVER, authenticateTimeoutMs: 5 }, cold(held, isHeld));

      //                     5ms, less what is held
      expectObservable(late('f')).toBe('-----#', undefined, failed(undefined));
      expectObservable(late('h--f')).toBe('--------#', undefined, failed(undefined));
      expectObservable(late('f--h---f')).toBe('---------#', undefined, failed(undefined));
      expectObservable(late('f-h--f-h--f')).toBe('-----------#', undefined, failed(undefined));
      expectObservable(late('f-f-f')).toBe('-----#', undefined, failed(undefined));
      expectObservable(late('f-h'), '^ 100ms !').toBe('-');
    }),
  );

  it.each([0, -1, Number.NaN, 2 ** 31])('refuses an authenticateTimeoutMs of %p', (authenticateTimeoutMs) => {
    expect(() => checkAuthenticate({ authenticateTimeoutMs })).toThrow(RangeError);
  });
});
