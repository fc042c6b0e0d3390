import { config, Observable, take } from 'rxjs';
import { readerOf } from './frameReader.js';
import type { OpenSocket } from '../../src/streams/openSocket.js';
import type { Heartbeat } from '../../src/streams/heartbeat.js';
import type { Port } from '../../src/streams/outbox.js';
import {
  createSession,
  type Frame,
  type OpenSession,
  type SessionConfig,
} from '../../src/streams/session.js';

const session = (own: Partial<SessionConfig> = {}): { one: OpenSession; log: unknown[]; read: unknown[] } => {
  const log: unknown[] = [];
  const read: unknown[] = [];
  const one = createSession({
    generation: 3,
    socket: {
      close: (code?: number, reason?: string) => void log.push(['close', code, reason]),
    } as OpenSocket,
    heartbeat: {} as Heartbeat,
    port: { close: () => !log.includes('port closed') && log.push('port closed') > 0 } as Port,
    maxHeld: 10,
    canDrain: true,
    send: (message) => void log.push(message),
    peek: (data) => (data === 'broken' ? undefined : [data]),
    onHeld: (message) => message === 'ack',
    ...own,
  });
  return { one, log, read };
};
/** What it delivers, as an Observable. */
const framesOf = (one: OpenSession): Observable<Frame> =>
  new Observable((subscriber) => {
    one.deliver((frame) => subscriber.next(frame), readerOf(subscriber));
    return () => one.leave();
  });
const into =
  (read: unknown[]) =>
  ({ data, held }: Frame): void =>
    void read.push([data, held?.phase, held?.acted]);

describe('a session', () => {
  it('holds frames until they are asked for, then hands them over in order, with what was done about them', () => {
    const { one, read } = session();
    one.receive('ack', 0);
    one.receive('a', 0);
    one.start();
    one.receive('b', 0);
    framesOf(one).subscribe(into(read));
    one.receive('c', 0);

    expect(read).toStrictEqual([
      ['ack', 'login', [true]],
      ['a', 'login', [false]],
      ['b', 'ready', [false]],
      ['c', undefined, undefined],
    ]);
  });

  it('hands over nothing more to who has left, who is told of no end', () => {
    const { one } = session();
    const log: unknown[] = [];
    one.start();
    one.deliver(({ data }) => log.push(data), { closed: false, onEnd: () => log.push('end') });
    one.receive('a', 0);
    one.leave();
    one.receive('b', 0);
    one.end();

    expect(log).toStrictEqual(['a']);
  });

  it('tells its reader of its end once, and has ended though that throws, which is reported', async () => {
    const { one } = session();
    const boom = new Error('boom');
    let told = 0;
    const thrown = new Promise((resolve) => (config.onUnhandledError = resolve));
    one.start();
    one.deliver(() => undefined, {
      closed: false,
      onEnd: () => {
        told += 1;
        one.end();
        throw boom;
      },
    });
    expect(one.end()).toBe(0);

    expect([await thrown, told]).toStrictEqual([boom, 1]);
    config.onUnhandledError = null;
  });

  it('keeps the order when more comes while the held ones are read', () => {
    const { one, read } = session();
    one.start();
    one.receive('a', 0);
    one.receive('b', 0);
    framesOf(one).subscribe(({ data }) => {
      read.push(data);
      if (data === 'a') one.receive('c', 0);
    });

    expect(read).toStrictEqual(['a', 'b', 'c']);
  });

  it('lets hooks hear the messages while it holds the frames', () => {
    const { one } = session();
    const heard: unknown[] = [];
    one.messages$.subscribe((message) => heard.push(message));
    for (const data of ['a', 'broken', 'b']) one.receive(data, 0);

    expect(heard).toStrictEqual(['a', 'b']);
  });

  it('hands over one object for all frames that come by themselves, and another for what comes meanwhile', () => {
    const { one } = session();
    one.start();
    const frames: Frame[] = [];
    const read: unknown[] = [];
    framesOf(one).subscribe((frame) => {
      frames.push(frame);
      if (frame.data === 'b') one.receive('c', 0);
      read.push(frame.data);
    });
    for (const data of ['a', 'b', 'd']) one.receive(data, 0);
    const [a, b, c, d] = frames;

    expect(read).toStrictEqual(['a', 'c', 'b', 'd']);
    expect([b === a, c === a, d === a]).toStrictEqual([true, false, true]);
    expect(c?.data).toBe('c');
  });

  it('lets a frame that finds no room in charge join the line, so that it comes before those which who is told brings', () => {
    const { one, read } = session({ maxHeld: 1 });
    one.start();
    one.receive('a', 0);
    expect(one.receive('b', 0)).toBe(false);
    framesOf(one).subscribe(({ data }) => {
      read.push(data);
      if (data === 'a') one.receive('c', 0);
    });
    expect(read).toStrictEqual(['a', 'b', 'c']);
    expect(one.trim()).toBe(0);
  });

  it('gives up the oldest that were held without room', () => {
    const { one, read } = session({ maxHeld: 2 });
    one.start();
    for (const data of ['a', 'b', 'c', 'd']) one.receive(data, 0);
    expect(one.trim()).toBe(2);
    framesOf(one).subscribe(({ data }) => read.push(data));
    expect(read).toStrictEqual(['c', 'd']);
  });

  it('holds no more than maxHeld: while logging in the newest is turned away, while joining the oldest', () => {
    const { one, read } = session({ maxHeld: 2 });
    expect(['a', 'b', 'c'].map((data) => one.receive(data, 0))).toStrictEqual([true, true, false]);
    one.join();
    expect(one.receive('d', 0)).toBe(false);
    one.start();
    framesOf(one).subscribe(into(read));

    expect(read).toStrictEqual([
      ['b', 'login', [false]],
      ['d', 'joining', [false]],
    ]);
  });

  it.each(['login', 'joining'] as const)('that ends in its phase %s takes what it held with it', (phase) => {
    const { one, read } = session();
    if (phase === 'joining') one.join();
    one.receive('a', 0);
    one.receive('b', 0);

    expect(one.end()).toBe(2);
    framesOf(one).subscribe(into(read));
    expect(read).toStrictEqual([]);
  });

  it('that was in charge leaves what it held to whoever reads it later, and then completes', () => {
    const { one, read } = session();
    one.start();
    one.receive('a', 0);

    expect(one.end()).toBe(0);
    framesOf(one).subscribe({ next: ({ data }) => read.push(data), complete: () => read.push('|') });
    expect(read).toStrictEqual(['a', '|']);
  });

  it('says how many held frames nobody will read', () => {
    const { one } = session();
    one.start();
    one.receive('a', 0);
    one.receive('b', 0);

    expect([one.abandon(), one.abandon()]).toStrictEqual([2, 0]);
  });

  it('stops handing over when its reader leaves', () => {
    const { one, read } = session();
    one.start();
    for (const data of ['a', 'b', 'c']) one.receive(data, 0);
    framesOf(one)
      .pipe(take(2))
      .subscribe(({ data }) => read.push(data));

    expect(read).toStrictEqual(['a', 'b']);
    expect(one.abandon()).toBe(1);
  });

  it('sends and hears nothing after its end', () => {
    const { one, log } = session();
    const heard: unknown[] = [];
    one.messages$.subscribe({ next: (message) => heard.push(message), complete: () => heard.push('|') });
    one.send(1);
    one.hear(1);
    one.end();
    one.send(2);
    one.hear(2);
    one.close();

    expect([log, heard, one.isOver]).toStrictEqual([[1], [1, '|'], true]);
  });

  it('retires once: closes its way out, then its socket, and tells', () => {
    const { one, log } = session();
    one.retired$.subscribe(() => log.push('retired'));
    one.retire();
    one.retire();

    expect(log).toStrictEqual(['port closed', 'retired', ['close', 1000, 'rotated']]);
    expect([one.isRetired, one.isOver]).toStrictEqual([true, false]);
  });

  it('leaves its socket open where nothing would arrive after a goodbye', () => {
    const { one, log } = session({ canDrain: false });
    one.retire();

    expect(log).toStrictEqual(['port closed']);
  });

  it('tells of its end as of its retirement, but has not retired', () => {
    const { one, log } = session();
    one.retired$.subscribe({ next: () => log.push('over'), complete: () => log.push('|') });
    one.end();

    expect([log, one.isRetired]).toStrictEqual([['over', '|'], false]);
  });

  it('tells who comes late as who was there: the last notice, that it retired, and its end', () => {
    const { one, log } = session();
    const hear = (): void => {
      for (const name of ['messages$', 'noticed$', 'retired$'] as const) {
        one[name]
          .subscribe({ next: () => log.push(name), complete: () => log.push(`${name} |`) })
          .unsubscribe();
      }
    };
    one.notice();
    one.notice();
    hear();
    expect(log.splice(0)).toStrictEqual(['noticed$']);
    one.retire();
    log.length = 0;
    hear();
    expect(log.splice(0)).toStrictEqual(['noticed$', 'retired$']);
    one.end();
    hear();
    expect(log).toStrictEqual(['messages$ |', 'noticed$', 'noticed$ |', 'retired$', 'retired$ |']);
  });

  it('passes close() on to its socket behind its way out, tells it once, and refuses a code that cannot be sent', () => {
    const log: unknown[] = [];
    const { one, log: told } = session({ onClosing: () => log.push('closing') });
    one.close(4000, 'resync');
    one.close();

    expect(told).toStrictEqual(['port closed', ['close', 4000, 'resync'], ['close', 1000, undefined]]);
    expect(log).toStrictEqual(['closing']);
    expect(() => one.close(1001)).toThrow(RangeError);
  });
});
