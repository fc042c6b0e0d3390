import { inspect } from 'node:util';
import { NEVER, noop } from 'rxjs';
import { Opened } from '../../src/streams/openSocket.js';
import type { Socket } from '../../src/streams/transport.js';

/** Notes what is called of it. Its methods need their `this`. */
class NotedSocket implements Socket {
  readonly log: string[] = [];
  bufferedBytes = 7;
  send(data: unknown): void {
    this.log.push(`send ${String(data)}`);
  }
  close(code?: number, reason?: string): void {
    this.log.push(`close ${code} ${reason}`);
  }
  terminate(): void {
    this.log.push('terminate');
  }
}

class PausableSocket extends NotedSocket {
  ping(): void {
    this.log.push('ping');
  }
  pause(): void {
    this.log.push('pause');
  }
  resume(): void {
    this.log.push('resume');
  }
}

const openedOf = (socket: Socket, incoming = { data$: NEVER, control$: NEVER, divert: noop }): Opened =>
  new Opened(incoming, socket, 'ws://feed.test/', 'v1', '');

describe('an open socket', () => {
  it('is closing as soon as its transport says so, and never where that does not tell', () => {
    const socket = new NotedSocket();
    expect(openedOf(socket).isClosing).toBe(false);

    expect(openedOf(Object.assign(socket, { isClosing: true })).isClosing).toBe(true);
  });

  it('has methods that work without their this', () => {
    const socket = new PausableSocket();
    const { send, close, terminate, divert, ping, pause, resume } = openedOf(socket, {
      data$: NEVER,
      control$: NEVER,
      divert: () => socket.log.push('divert'),
    });
    send('x');
    ping?.();
    pause?.();
    resume?.();
    divert(noop);
    close(4001, 'done');
    terminate();

    expect(socket.log).toStrictEqual([
      'send x',
      'ping',
      'pause',
      'resume',
      'divert',
      'close 4001 done',
      'terminate',
    ]);
  });

  it('has no method that its platform lacks', () => {
    const opened = openedOf(new NotedSocket());

    const names = ['ping', 'pause', 'resume', 'send'] as const;
    expect(names.map((name) => opened[name] !== undefined)).toStrictEqual([false, false, false, true]);
  });

  it('tells how much waits at the moment', () => {
    const socket = new NotedSocket();
    const opened = openedOf(socket);
    socket.bufferedBytes = 8;

    expect(opened.bufferedBytes).toBe(8);
  });

  it('shows nothing of what it is made of when printed', () => {
    const socket = Object.assign(new NotedSocket(), { headers: 'secret' });
    const printed = inspect(openedOf(socket), { depth: 9, showHidden: true });

    expect(printed).toContain('ws://feed.test/');
    expect(printed).not.toContain('secret');
  });
});
