import { map, throwError, timer } from 'rxjs';
import type { ConnectionConfig } from '../../src/streams/connectionConfig.js';
import { runOnConnected } from '../../src/streams/runOnConnected.js';
import type { Session } from '../../src/streams/session.js';
import { shownSession } from '../../src/streams/shownSession.js';
import { marbles } from '../marbles.js';

const session = { generation: 7 } as Session;

/** Its hook needs its `this`. */
class Hooks {
  readonly log: unknown[] = [];
  onHookFailed(hook: string, error: unknown): void {
    this.log.push([hook, error]);
  }
}

const failed = new Error('no snapshot');

describe('runOnConnected', () => {
  it(
    'says which connection it is, and whether there had been one before, when subscribed to',
    marbles(({ flush }) => {
      const asked: unknown[] = [];
      const onConnected: ConnectionConfig['onConnected'] = (given, about) =>
        void asked.push(given === shownSession(session), about);
      const run$ = runOnConnected({ onConnected }, session, true, new Hooks());
      expect(asked).toStrictEqual([]);
      run$.subscribe();
      flush();

      expect(asked).toStrictEqual([true, { generation: 7, isReconnect: true }]);
    }),
  );

  it(
    'completes when what it yields is done, and emits nothing of it',
    marbles(({ expectObservable }) => {
      const onConnected = () => timer(3).pipe(map(() => 'done'));

      expectObservable(runOnConnected({ onConnected }, session, false, new Hooks())).toBe('---|');
      expectObservable(runOnConnected({}, session, false, new Hooks())).toBe('|');
    }),
  );

  it.each<[string, ConnectionConfig['onConnected']]>([
    [
      'throws',
      () => {
        throw failed;
      },
    ],
    ['errors', () => throwError(() => failed)],
  ])('tells of a hook that %s, and completes', (_title, onConnected) => {
    marbles(({ expectObservable, flush }) => {
      const hooks = new Hooks();
      expectObservable(runOnConnected({ onConnected: onConnected! }, session, false, hooks)).toBe('|');
      flush();

      expect(hooks.log).toStrictEqual([['onConnected', failed]]);
    })();
  });
});
