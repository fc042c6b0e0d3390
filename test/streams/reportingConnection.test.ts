import { Observable, timer } from 'rxjs';
import type { RetryDecision } from '../../src/operators/retryBackoff.js';
import type { ConnectionHooks } from '../../src/streams/connectionConfig.js';
import { ReportingConnection } from '../../src/streams/reportingConnection.js';
import type { OpenSession } from '../../src/streams/session.js';
import { marbles } from '../marbles.js';

/** Its second dial is up for some time. */
class Connection extends ReportingConnection {
  override generation = 2;
  override inChargeSince = 3;
  lead(session: OpenSession): void {
    this.inCharge = session;
  }
  run(): void {
    new Observable<never>((subscriber) => {
      this.running = subscriber;
    }).subscribe();
  }
  rest(): void {
    this.running = undefined;
  }
}

const tellAfter: ConnectionHooks['tellAfter'] = function (this: ConnectionHooks, first, event) {
  first();
  this.tell(event);
};

const rig = () => {
  const log: unknown[] = [];
  const hooks = {
    tell: (event) => log.push(event),
    tellAfter,
    onOver: () => log.push('over'),
    forgetPositions: () => log.push('forget'),
  } as Partial<ConnectionHooks> as ConnectionHooks;
  const connection = new Connection(hooks);
  connection.run();
  return { connection, log };
};

/** Calls it after some milliseconds. */
const at = (ms: number, act: () => void): void => void timer(ms).subscribe(act);

const error = new Error('gone');
const failure = {
  error,
  class: 'network',
  attempt: 4,
  classAttempt: 3,
  previousMs: 5,
  elapsedMs: 100,
  upMs: 90,
};
const decision: RetryDecision = { ...failure, jitteredMs: 6, floorMs: 7, delayMs: 8 };
const sessionOf = (generation: number, latencyMs: number | undefined): OpenSession =>
  ({ generation, heartbeat: { answered: () => latencyMs } }) as unknown as OpenSession;

describe('what a connection says of itself', () => {
  it(
    'begins as disconnected',
    marbles(({ flush }) => {
      flush();

      expect(rig().connection.status$.value).toStrictEqual({
        state: 'DISCONNECTED',
        generation: 0,
        attempt: 0,
        since: 0,
      });
    }),
  );

  it(
    'is its state, with the dial and the moment, to whoever reads it or is told',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      at(5, () => connection.setState('CONNECTING', { attempt: 1 }));
      flush();
      const status = { state: 'CONNECTING', generation: 2, attempt: 1, since: 5 };

      expect(connection.status$.value).toStrictEqual(status);
      expect(log).toStrictEqual([{ type: 'state', status, generation: 2, at: 5 }]);
    }),
  );

  it(
    'is of a retry first that the connection is over, then the decision, and the state while it is run',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      const stamp = { generation: 2, at: 10 };
      const told = [
        'over',
        { type: 'disconnected', error, class: 'network', upMs: 7, ...stamp },
        {
          type: 'retry',
          error,
          class: 'network',
          attempt: 4,
          classAttempt: 3,
          previousMs: 5,
          jitteredMs: 6,
          floorMs: 7,
          delayMs: 8,
          ...stamp,
        },
      ];
      at(10, () => {
        connection.onRetry(decision);
      });
      flush();

      expect(log.slice(0, -1)).toStrictEqual(told);
      expect(log.at(-1)).toMatchObject({ type: 'state' });
      expect(connection.status$.value).toStrictEqual({
        state: 'RECONNECTING',
        generation: 2,
        attempt: 4,
        since: 10,
        retryInMs: 8,
        cause: error,
      });
    }),
  );

  it(
    'is of the last failure that it is closed, and why',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      at(10, () => connection.onGiveUp(error, failure));
      flush();

      expect(log).toMatchObject([
        'over',
        { type: 'disconnected', upMs: 7 },
        { type: 'gaveUp', error, generation: 2, at: 10 },
        { type: 'state', status: { state: 'CLOSED', attempt: 4, cause: error } },
      ]);
    }),
  );

  it(
    'is of a dial that led to nothing that it was up for no time',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      at(10, () => connection.onComplete({ ...failure, upMs: undefined }));
      flush();

      expect(log).toMatchObject(['over', { type: 'disconnected', upMs: 0 }]);
    }),
  );

  it(
    'is of a pong its time, which is that of the connection where the session is in charge',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      const [before, leader] = [sessionOf(1, 4), sessionOf(2, 6)];
      connection.lead(leader);
      at(10, () => {
        connection.pong(before);
        expect(connection.status$.value.latencyMs).toBeUndefined();
        connection.pong(leader);
      });
      flush();

      expect(log).toStrictEqual([
        { type: 'pong', latencyMs: 4, generation: 1, at: 10 },
        { type: 'pong', latencyMs: 6, generation: 2, at: 10 },
      ]);
      expect([before.latencyMs, leader.latencyMs, connection.status$.value.latencyMs]).toStrictEqual([
        4, 6, 6,
      ]);
    }),
  );

  it(
    'is of a pong that is overdue how long, and no time of the last one',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      const [before, leader] = [sessionOf(1, 4), sessionOf(2, 6)];
      connection.lead(leader);
      const states: unknown[] = [];
      at(10, () => {
        connection.pong(before);
        connection.pong(leader);
        connection.status$.subscribe((status) => states.push(status.latencyMs));
        connection.pongOverdue(before, 5);
        expect(connection.status$.value.latencyMs).toBe(6);
        connection.pongOverdue(leader, 7);
        expect(connection.status$.value).not.toHaveProperty('latencyMs');
        connection.pongOverdue(leader, 8);
      });
      flush();

      expect(log.slice(2)).toStrictEqual([
        { type: 'pongOverdue', waitedMs: 5, generation: 1, at: 10 },
        { type: 'pongOverdue', waitedMs: 7, generation: 2, at: 10 },
        { type: 'pongOverdue', waitedMs: 8, generation: 2, at: 10 },
      ]);
      expect([before.latencyMs, leader.latencyMs, states]).toStrictEqual([
        undefined,
        undefined,
        [6, undefined],
      ]);
    }),
  );

  it(
    'is nothing of a pong that answers no ping',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      connection.pong(sessionOf(2, undefined));
      flush();

      expect(log).toStrictEqual([]);
    }),
  );

  it(
    'is that a hook failed, or that positions are void',
    marbles(({ flush }) => {
      const { connection, log } = rig();
      connection.onHookFailed('online$', error);
      connection.onForgetPositions();
      flush();

      expect(log).toStrictEqual([
        { type: 'hookFailed', hook: 'online$', error, generation: 2, at: 0 },
        'forget',
      ]);
    }),
  );

  const FAILED: Readonly<Record<string, (connection: Connection) => void>> = {
    retry: (connection) => connection.onRetry(decision),
    'give up': (connection) => connection.onGiveUp(error, failure),
  };
  const TOLD: Readonly<Record<string, (connection: Connection) => void>> = {
    'followed by the next': (connection) => connection.run(),
    ended: (connection) => connection.rest(),
  };
  const cases = Object.keys(FAILED).flatMap((what) => Object.keys(TOLD).map((how) => [how, what] as const));

  it.each(cases)('is nothing more of a run that was %s when its failure was told: %s', (how, what) =>
    marbles(({ flush }) => {
      const log: unknown[] = [];
      const connection: Connection = new Connection({
        tell: ({ type }) => {
          log.push(type);
          TOLD[how]!(connection);
        },
        tellAfter,
        onOver: () => undefined,
      } as Partial<ConnectionHooks> as ConnectionHooks);
      connection.run();
      FAILED[what]!(connection);
      flush();

      expect([log, connection.status$.value.state]).toStrictEqual([['disconnected'], 'DISCONNECTED']);
    })(),
  );

  it.each([
    ['retry', 'disconnected', ['disconnected', 'state']],
    ['retry', 'retry', ['disconnected', 'retry', 'state']],
    ['give up', 'gaveUp', ['disconnected', 'gaveUp', 'state']],
  ])('is nothing more of a run that closes from when its failure was told: %s, at %s', (what, when, told) =>
    marbles(({ flush }) => {
      const log: unknown[] = [];
      const connection: Connection = new Connection({
        tell: ({ type }) => {
          log.push(type);
          if (type === when) connection.setState('CLOSING');
        },
        tellAfter,
        onOver: () => undefined,
      } as Partial<ConnectionHooks> as ConnectionHooks);
      connection.run();
      FAILED[what]!(connection);
      flush();

      expect([log, connection.status$.value.state]).toStrictEqual([told, 'CLOSING']);
    })(),
  );
});
