import { concat, of, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { followNetwork } from '../../src/streams/followNetwork.js';
import { marbles } from '../marbles.js';

const values = { t: true, f: false };

/** What follows from `online$`; its hooks need their `this`. */
class Followed {
  readonly log: unknown[] = [];
  drop(error: Error): void {
    this.log.push(error.name);
  }
  onHookFailed(hook: string, error: unknown): void {
    this.log.push([hook, error]);
  }
  wakeIfDue(): void {
    this.log.push('wake');
  }
  follow(online$: Observable<boolean>): Observable<never> {
    return followNetwork(online$, this, this);
  }
}

describe('followNetwork', () => {
  it.each([
    ['that it is gone', '-f', ['OfflineError']],
    ['that it is back', '-f-t', ['OfflineError', 'wake']],
    ['nothing new', 't-t-t', []],
    ['twice that it is gone', 'f-f', ['OfflineError']],
  ])('does what is new when told %s, and never ends', (_title, online, expected) => {
    marbles(({ cold, expectObservable, flush }) => {
      const followed = new Followed();
      expectObservable(followed.follow(cold(`${online}|`, values))).toBe('');
      flush();

      expect(followed.log).toStrictEqual(expected);
    })();
  });

  it(
    'tells that online$ failed, and never ends',
    marbles(({ expectObservable, flush }) => {
      const followed = new Followed();
      const failed = new Error('no such API');
      expectObservable(
        followed.follow(
          concat(
            of(false),
            throwError(() => failed),
          ),
        ),
      ).toBe('');
      flush();

      expect(followed.log).toStrictEqual(['OfflineError', ['online$', failed]]);
    }),
  );

  it(
    'hears nothing more once unsubscribed',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const online$ = hot('-----f', values);

      expectObservable(new Followed().follow(online$), '^--!').toBe('');
      expectSubscriptions(online$.subscriptions).toBe('^--!');
    }),
  );
});
