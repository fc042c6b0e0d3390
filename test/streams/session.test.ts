import { Subject, timer } from 'rxjs';
import type { OpenSocket } from '../../src/streams/fromSocket.js';
import { createSession, type OpenSession } from '../../src/streams/session.js';
import { marbles } from '../marbles.js';

const socket = {} as OpenSocket;
const session = (maxHeld = 10, write: (message: unknown) => void = () => undefined): OpenSession =>
  createSession({
    generation: 3,
    socket,
    maxHeld,
    write,
    peek: (data) => (data === 'broken' ? undefined : [data]),
  });

describe('a session', () => {
  it('holds frames until they are asked for, then hands them over in order and marked as early', () => {
    const one = session();
    one.receive('a');
    one.receive('b');
    const frames: unknown[] = [];
    one.frames$.subscribe(({ data, early, session: { generation } }) =>
      frames.push([data, early, generation]),
    );
    one.receive('c');

    expect(frames).toStrictEqual([
      ['a', true, 3],
      ['b', true, 3],
      ['c', false, 3],
    ]);
  });

  it('lets hooks hear the messages while it holds the frames', () => {
    const one = session();
    const heard: unknown[] = [];
    one.messages$.subscribe((message) => heard.push(message));
    for (const data of ['a', 'broken', 'b']) one.receive(data);

    expect(heard).toStrictEqual(['a', 'b']);
  });

  it('holds no more than maxHeld, and says which it could not', () => {
    const one = session(1);

    expect([one.receive('a'), one.receive('b')]).toStrictEqual([true, false]);
    expect(one.end()).toBe(1);
  });

  it('sends and hears nothing after its end', () => {
    const sent: unknown[] = [];
    const one = session(1, (message) => sent.push(message));
    const heard: unknown[] = [];
    one.messages$.subscribe({ next: (message) => heard.push(message), complete: () => heard.push('|') });
    one.send(1);
    one.hear(1);
    one.end();
    one.send(2);
    one.hear(2);
    one.close();

    expect([sent, heard]).toStrictEqual([[1], [1, '|']]);
  });

  it(
    'HBT-06 HBT-09 measures from the first unanswered ping, and ignores an unsolicited pong',
    marbles(() => {
      const one = session();
      expect(one.pong()).toBeUndefined();
      timer(10).subscribe(() => one.pinged());
      timer(15).subscribe(() => one.pinged());
      timer(22).subscribe(() => {
        expect([one.pong(), one.latencyMs, one.pong()]).toStrictEqual([12, 12, undefined]);
        one.pinged();
        one.end();
        expect(one.pong()).toBeUndefined();
      });
    }),
  );

  it('passes close() on to its socket', () => {
    const closed$ = new Subject<unknown>();
    const log: unknown[] = [];
    closed$.subscribe((entry) => log.push(entry));
    const one = createSession({
      generation: 1,
      socket: { close: (code?: number, reason?: string) => closed$.next([code, reason]) } as OpenSocket,
      maxHeld: 1,
      write: () => undefined,
      peek: () => undefined,
    });
    one.close(4000, 'resync');

    expect(log).toStrictEqual([[4000, 'resync']]);
  });
});
