import { asyncScheduler, noop } from 'rxjs';
import { createReading, type Reading } from '../../src/streams/reading.js';
import type { OpenSession } from '../../src/streams/session.js';
import { marbles } from '../marbles.js';

const rig = (): { reading: Reading; log: string[]; session: (name: string) => OpenSession } => {
  const log: string[] = [];
  const reading: Reading = createReading({
    maxPauseMs: 10,
    onReading: (type) => log.push(type),
    onResume: noop,
    onTooLong: () => log.push(`too long at ${asyncScheduler.now()}`),
  });
  reading.resumed$.subscribe(() => log.push('told'));
  const session = (name: string): OpenSession =>
    ({
      socket: { pause: () => log.push(`${name} stops`), resume: () => log.push(`${name} reads`) },
    }) as unknown as OpenSession;
  return { reading, log, session };
};

describe('reading', () => {
  it(
    'stops for the first who holds it, and goes on when the last has let go',
    marbles(() => {
      const { reading, log, session } = rig();
      reading.add(session('a'));
      reading.hold();
      reading.hold();
      reading.letGo();
      expect([reading.isPaused, log]).toStrictEqual([true, ['a stops', 'paused']]);
      reading.letGo();
      reading.letGo();

      expect([reading.isPaused, log.slice(2)]).toStrictEqual([false, ['a reads', 'told', 'resumed']]);
    }),
  );

  it(
    'says nothing of a pause that is let go from inside the pause of a socket, and gives it no deadline',
    marbles(({ flush }) => {
      const { reading, log, session } = rig();
      reading.add(session('a'));
      const eager = { pause: () => reading.letGo(), resume: () => undefined };
      reading.add({ socket: eager } as unknown as OpenSession);
      reading.hold();
      flush();
      expect([reading.isPaused, log]).toStrictEqual([false, ['a stops', 'a reads', 'told']]);
    }),
  );

  it('tells its owner of the end of every pause, before all others, also of one that nobody was told of', () => {
    const log: string[] = [];
    const reading = createReading({
      maxPauseMs: 10,
      onReading: (type) => log.push(type),
      onResume: () => log.push('owner'),
      onTooLong: noop,
    });
    reading.resumed$.subscribe(() => log.push('told'));
    reading.pause();
    reading.resume();
    expect(log).toStrictEqual(['paused', 'owner', 'told', 'resumed']);
    reading.add({ socket: { pause: () => reading.letGo() } } as unknown as OpenSession);
    reading.hold();

    expect(log.slice(4)).toStrictEqual(['owner', 'told']);
  });

  it(
    'is one pause that goes on, if it is held again from inside the socket that reads on',
    marbles(() => {
      const { reading, log, session } = rig();
      const eager = { pause: () => log.push('eager stops'), resume: () => reading.pause() };
      reading.add({ socket: eager } as unknown as OpenSession);
      reading.add(session('b'));
      reading.pause();
      reading.resume();
      expect([reading.isPaused, log]).toStrictEqual([
        true,
        ['eager stops', 'b stops', 'paused', 'eager stops', 'b stops'],
      ]);
    }),
  );

  it(
    'stops no socket any more when the one before lets go, and reads none when it is held again',
    marbles(() => {
      const { reading, log, session } = rig();
      reading.add({ socket: { pause: () => reading.letGo() } } as unknown as OpenSession);
      reading.add(session('b'));
      reading.hold();
      expect(log).toStrictEqual(['b reads', 'told']);
    }),
  );

  it(
    'lets a caller take back no more than its own pauses',
    marbles(() => {
      const { reading } = rig();
      reading.hold();
      reading.resume();
      expect(reading.isPaused).toBe(true);
      reading.pause();
      reading.letGo();
      expect(reading.isPaused).toBe(true);
      reading.resume();

      expect(reading.isPaused).toBe(false);
    }),
  );

  it(
    'rests for a turn without a word, and a pause meanwhile outlasts that',
    marbles(() => {
      const { reading, log, session } = rig();
      reading.add(session('a'));
      reading.yieldTurn();
      reading.hold();
      reading.takeTurn();
      expect(log).toStrictEqual(['a stops', 'a stops', 'paused']);
      reading.yieldTurn();
      reading.letGo();
      expect(log.slice(3)).toStrictEqual(['a stops', 'told', 'resumed']);
      reading.takeTurn();

      expect(log.slice(6)).toStrictEqual(['a reads']);
    }),
  );

  it(
    'does not begin while it has stopped',
    marbles(() => {
      const { reading, log, session } = rig();
      reading.yieldTurn();
      reading.add(session('a'));
      reading.takeTurn();
      reading.hold();
      reading.add(session('b'));
      reading.delete(session('a'));

      expect(log).toStrictEqual(['a stops', 'a reads', 'a stops', 'paused', 'b stops']);
    }),
  );

  it(
    'has been stopped for too long after maxPauseMs, which nobody puts off',
    marbles(({ flush }) => {
      const { reading, log, session } = rig();
      reading.add(session('a'));
      reading.hold();
      asyncScheduler.schedule(() => reading.add(session('b')), 7);
      flush();

      expect(log).toStrictEqual(['a stops', 'paused', 'b stops', 'too long at 10']);
    }),
  );

  it(
    'takes no time where there is no connection, and begins it again with the next',
    marbles(({ flush }) => {
      const { reading, log, session } = rig();
      const a = session('a');
      reading.add(a);
      reading.hold();
      reading.delete(a);
      reading.rest();
      asyncScheduler.schedule(() => reading.add(session('b')), 50);
      flush();

      expect(log).toStrictEqual(['a stops', 'paused', 'b stops', 'too long at 60']);
    }),
  );

  it(
    'takes no time before there is a connection',
    marbles(({ flush }) => {
      const { reading, log, session } = rig();
      reading.hold();
      asyncScheduler.schedule(() => reading.add(session('a')), 50);
      flush();

      expect(log).toStrictEqual(['paused', 'a stops', 'too long at 60']);
    }),
  );

  it(
    'tells of a change when it is done, so that who is told may turn it back',
    marbles(() => {
      const log: string[] = [];
      const answers: (() => void)[] = [() => reading.resume(), () => reading.pause()];
      const reading = createReading({
        maxPauseMs: 10,
        onReading: (type) => {
          log.push(type);
          answers.shift()?.();
        },
        onResume: noop,
        onTooLong: () => log.push('too long'),
      });
      const socket = { pause: () => log.push('stops'), resume: () => log.push('reads') };
      reading.add({ socket } as unknown as OpenSession);
      reading.pause();

      expect([reading.isPaused, log]).toStrictEqual([
        true,
        ['stops', 'paused', 'reads', 'resumed', 'stops', 'paused'],
      ]);
    }),
  );

  it(
    'forgets who holds it',
    marbles(() => {
      const { reading } = rig();
      reading.pause();
      reading.yieldTurn();
      reading.reset();
      expect([reading.isPaused, reading.isYielding]).toStrictEqual([false, false]);
      reading.hold();
      reading.letGo();

      expect(reading.isPaused).toBe(false);
    }),
  );

  it(
    'tells the end of a pause once when it was reset, unless somebody paused again by then: then it is one pause that goes on',
    marbles(() => {
      const { reading, log } = rig();
      reading.pause();
      reading.reset();
      reading.tellEnd();
      reading.tellEnd();
      expect(log.splice(0)).toStrictEqual(['paused', 'resumed']);
      reading.pause();
      reading.reset();
      reading.pause();
      reading.tellEnd();
      expect(log.splice(0)).toStrictEqual(['paused']);
      reading.resume();

      expect(log).toStrictEqual(['told', 'resumed']);
      reading.reset();
    }),
  );

  it(
    'goes on for as many resume() as there were pause(), and for none that takes back what is another’s',
    marbles(() => {
      const { reading } = rig();
      reading.pause();
      reading.resume();
      reading.hold();
      reading.resume();

      expect(reading.isPaused).toBe(true);
      reading.reset();
    }),
  );

  it(
    'neither stops nor waits for what has ended',
    marbles(({ flush }) => {
      const { reading, log, session } = rig();
      const [a, b] = [session('a'), session('b')];
      reading.add(a);
      reading.delete(a);
      reading.hold();
      flush();
      expect(log).toStrictEqual(['paused']);
      reading.add(b);
      reading.reset();
      flush();

      expect(log).toStrictEqual(['paused', 'b stops']); // and never 'too long'
    }),
  );
});
