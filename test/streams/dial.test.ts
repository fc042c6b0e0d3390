import type { ConnectionConfig, ConnectionHooks } from '../../src/streams/connectionConfig.js';
import { Dial, type DialHost } from '../../src/streams/dial.js';
import { createLiveDials } from '../../src/streams/liveDials.js';
import { createLiveSockets } from '../../src/streams/liveSockets.js';
import type { OpenSession } from '../../src/streams/session.js';
import type { Socket } from '../../src/streams/transport.js';

const session = { phase: 'ready' } as OpenSession;

/** Its hooks need their `this`. */
class Hooks {
  isStopped = false;
  encode(message: unknown): string {
    return this.isStopped ? '' : JSON.stringify(message);
  }
  isPaused(): boolean {
    return this.isStopped;
  }
  isYielding(): boolean {
    return this.isStopped;
  }
}

const rig = ({
  isRead = true,
  isFirst = true,
  config = {},
}: {
  readonly isRead?: boolean;
  readonly isFirst?: boolean;
  readonly config?: Partial<ConnectionConfig>;
} = {}) => {
  const told: unknown[] = [];
  const hooks = new Hooks();
  const host = {
    config: { url: 'ws://test', ...config },
    hooks: hooks as unknown as ConnectionHooks,
    live: createLiveSockets(),
    liveDials: createLiveDials(),
    isRead: () => isRead,
    setState: (state) => told.push(state),
    pong: (_session, by) => told.push(by),
    pongOverdue: (of, waitedMs) => told.push([of, waitedMs]),
  } as Partial<DialHost> as DialHost;
  return { dial: new Dial(host, 7, isFirst), host, hooks, told };
};

describe('a dial', () => {
  it('has what the user configured, and nothing else', () => {
    const authenticate = (): undefined => undefined;
    const { dial } = rig({ config: { protocols: 'v1', connectTimeoutMs: 5, authenticate } });

    expect(dial).toMatchObject({ url: 'ws://test', generation: 7, protocols: 'v1', authenticate });
    expect(dial).toHaveProperty('connectTimeoutMs', 5);
    expect(rig().dial).not.toHaveProperty('protocols');
    expect(rig().dial).not.toHaveProperty('connectTimeoutMs');
  });

  it('calls the hooks as methods, whatever object they belong to', () => {
    const { dial, hooks } = rig();
    hooks.isStopped = true;

    expect([dial.encode('a'), dial.isPaused(session), dial.isYielding(session)]).toStrictEqual([
      '',
      true,
      true,
    ]);
  });

  it('is not paused where its session is not read', () => {
    const { dial, hooks } = rig({ isRead: false });
    hooks.isStopped = true;

    expect([dial.isPaused(session), dial.isYielding(session)]).toStrictEqual([false, false]);
  });

  it('passes on that a pong is overdue', () => {
    const { dial, told } = rig();
    dial.onPongOverdue(session, 10);

    expect(told).toStrictEqual([[session, 10]]);
  });

  it('keeps its socket among the live ones until it is gone', () => {
    const { dial, host } = rig();
    dial.onDial({} as Socket);
    let isGone = false;
    host.live.now().gone$.subscribe({ complete: () => (isGone = true) });
    expect(isGone).toBe(false);
    dial.onGone();

    expect(isGone).toBe(true);
  });

  it.each([
    { isFirst: true, config: { authenticate: () => undefined }, expected: ['CONNECTED', 'frame'] },
    { isFirst: true, config: {}, expected: ['frame'] },
    { isFirst: false, config: { authenticate: () => undefined }, expected: ['frame'] },
  ])('changes the state only for a login, where no other is in charge: %j', (given) => {
    const { isFirst, config, expected } = given;
    const { dial, told } = rig({ isFirst, config });
    dial.onOpen();
    dial.onPong(session);

    expect(told).toStrictEqual(expected);
  });
});
