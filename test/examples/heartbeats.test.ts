import { gzipSync } from 'node:zlib';
import { createFeed, type Feed, type FeedConfig, type FeedEvent, HeartbeatTimeoutError } from 'millrace';
import {
  type FaultClient,
  type FaultServer,
  pings,
  scriptedTransport,
  type ScriptedTransportConfig,
  silence,
  startFaultServer,
} from 'millrace/testing';
import {
  endWith,
  filter,
  firstValueFrom,
  interval,
  map,
  type Observable,
  take,
  takeUntil,
  timeout,
  timer,
  toArray,
} from 'rxjs';
import * as v from 'valibot';
import { challenge, sign } from '../../examples/heartbeats/challenge.js';
import { echoedPing } from '../../examples/heartbeats/echoedPing.js';
import { framePing } from '../../examples/heartbeats/framePing.js';
import { heartbeatChannel } from '../../examples/heartbeats/heartbeatChannel.js';
import { jsonPing } from '../../examples/heartbeats/jsonPing.js';
import { serverHeartbeat } from '../../examples/heartbeats/serverHeartbeat.js';
import { serverPing } from '../../examples/heartbeats/serverPing.js';
import { textPing } from '../../examples/heartbeats/textPing.js';
import { marbles } from '../marbles.js';

const schemas = { trade: v.object({ type: v.literal('trade'), id: v.number() }) };
type Config = FeedConfig<typeof schemas>;
const trade = (id: number) => ({ type: 'trade', id });
const gzip = (message: unknown): Uint8Array => gzipSync(JSON.stringify(message));

const secret = { base64: Buffer.from('not really').toString('base64') };
const answerTo = (text: string) => ({ challenge: text, signed: sign(text, secret.base64) });

interface Style {
  readonly name: string;
  readonly config: (config: Config) => Config;
  /** How often the server, or else the client, gives a sign by the example's own settings. */
  readonly everyMs: number;
  /** The server's heartbeat, as a marble of a script and on a real socket. Absent: it only answers. */
  readonly beat?: unknown;
  readonly send?: (client: FaultClient, nth: number) => void;
  /** What the client asks for first. */
  readonly asks?: unknown;
  /** What it answers to a message. */
  readonly reply?: (message: unknown) => unknown;
  /** What the client sends in response to a heartbeat, or as one. */
  readonly says?: unknown;
  /** Heartbeats are messages, not frames. */
  readonly isMessage: boolean;
  /** From the last sign to the verdict. */
  readonly silentMs: number;
}

const styles: readonly Style[] = [
  {
    name: 'a ping frame of the server',
    config: serverPing,
    everyMs: 20_000,
    beat: pings(),
    send: (client, nth) => client.ping(`ping ${nth}`),
    isMessage: false,
    silentMs: 40_000,
  },
  {
    name: 'a heartbeat that comes by itself',
    config: serverHeartbeat,
    everyMs: 1_000,
    beat: { event: 'heartbeat' },
    send: (client) => client.send('{"event":"heartbeat"}'),
    isMessage: true,
    silentMs: 10_000,
  },
  {
    name: 'a heartbeat that is asked for',
    config: (config) => heartbeatChannel(config, ['BTC-USD']),
    everyMs: 1_000,
    beat: { type: 'heartbeat', sequence: 1 },
    asks: { type: 'subscribe', product_ids: ['BTC-USD'], channels: ['heartbeat'] },
    send: (client, sequence) => client.send(JSON.stringify({ type: 'heartbeat', sequence })),
    isMessage: true,
    silentMs: 10_000,
  },
  {
    name: 'a text ping of the client',
    config: textPing,
    everyMs: 20_000,
    reply: (message) => (message === 'ping' ? 'pong' : undefined),
    says: 'ping',
    isMessage: true,
    silentMs: 29_000,
  },
  {
    name: 'a JSON ping of the client',
    config: jsonPing,
    everyMs: 10_000,
    reply: (message) => ({ success: true, ret_msg: 'pong', ...(message as object) }),
    says: { op: 'ping' },
    isMessage: true,
    silentMs: 15_000,
  },
  {
    name: 'a JSON ping of the server, to be echoed',
    config: echoedPing,
    everyMs: 5_000,
    beat: gzip({ ping: 7 }),
    send: (client) => client.send(gzip({ ping: 7 })),
    says: { pong: 7 },
    isMessage: true,
    silentMs: 15_000,
  },
  {
    name: 'a challenge of the server, to be signed',
    config: (config) => challenge(config, secret),
    everyMs: 10_000,
    beat: { challenge: 'c-7' },
    send: (client) => client.send('{"challenge":"c-7"}'),
    says: answerTo('c-7'),
    isMessage: true,
    silentMs: 25_000,
  },
  {
    name: 'a ping frame of the client',
    config: framePing,
    everyMs: 15_000,
    isMessage: false,
    silentMs: 25_000,
  },
];

describe('the eight styles, in virtual time with the settings of the examples', () => {
  interface Scene {
    readonly feed: Feed<typeof schemas>;
    readonly sent: readonly unknown[];
    readonly events: readonly FeedEvent[];
    readonly dials: readonly number[];
  }
  const scene = (
    config: (config: Config) => Config,
    script: string,
    frames: Readonly<Record<string, unknown>>,
    server: ScriptedTransportConfig,
    endMs: number,
  ): Scene => {
    const transport = scriptedTransport(script, frames, server);
    const feed = createFeed(
      config({
        url: 'ws://test',
        transport,
        reconnect: { jitter: 'none' },
        streams: { trade: { schema: schemas.trade } },
      }),
    );
    const sent: unknown[] = [];
    const events: FeedEvent[] = [];
    const dials: number[] = [];
    transport.sends$.subscribe((message) => sent.push(message));
    transport.dials$.subscribe((attempt) => dials.push(attempt));
    feed.events$.subscribe((event) => events.push(event));
    feed.stream('trade').subscribe();
    timer(endMs).subscribe(() => void feed.close({ timeoutMs: 0 }));
    return { feed, sent, events, dials };
  };
  const drawn = (everyMs: number, beats: number): string => `${everyMs - 1}ms b `.repeat(beats);

  it.each(styles)('$name keeps a quiet connection for ten minutes, and is no data', (style) =>
    marbles(({ flush }) => {
      const { config, everyMs, beat, reply, asks, says, isMessage } = style;
      const beats = 600_000 / everyMs;
      const { feed, dials, events, sent } = scene(
        config,
        beat === undefined ? 'o' : `o ${drawn(everyMs, beats)}`,
        { b: beat ?? 0 },
        { ...(reply && { reply }) },
        600_500,
      );

      flush();
      const kinds = events.map(({ type }) => type);
      expect(dials).toStrictEqual([1]);
      expect(kinds).not.toContain('disconnected');
      expect(kinds).not.toContain('rejected');
      const { received, control } = feed.stats();
      expect([received, control]).toStrictEqual(isMessage ? [beats, beats] : [0, 0]);
      expect(sent).toStrictEqual([
        ...(asks === undefined ? [] : [asks]),
        ...(says === undefined ? [] : Array<unknown>(beats).fill(says)),
      ]);
    })(),
  );

  it.each(styles)('$name that stops ends the connection, and the feed reconnects', (style) =>
    marbles(({ flush }) => {
      const { config, everyMs, beat, reply, silentMs } = style;
      const quietAt = 10 * everyMs;
      const script = beat === undefined ? `o ${quietAt}ms s` : `o ${drawn(everyMs, 10)} s`;
      const { dials, events } = scene(
        config,
        script,
        { b: beat ?? 0, s: silence() },
        { ...(reply && { reply }) },
        quietAt + silentMs + 2_000,
      );

      flush();
      const ends = events.filter((event) => event.type === 'disconnected');
      expect(ends.map(({ at, error }) => [at, error])).toStrictEqual([
        [quietAt + silentMs, new HeartbeatTimeoutError(silentMs)],
      ]);
      expect(dials).toStrictEqual([1, 2]);
    })(),
  );

  it(
    'a JSON ping goes out every 20 s on a busy connection too, where the venue wants it',
    marbles(({ flush }) => {
      const reply = (message: unknown): unknown => ({ op: 'pong', ...(message as object), ret_msg: 'pong' });
      const { sent, events } = scene(jsonPing, `o ${drawn(5_000, 20)}`, { b: trade(1) }, { reply }, 100_500);

      flush();
      expect(sent).toStrictEqual(Array<unknown>(5).fill({ op: 'ping' }));
      const pongs = events.filter(({ type }) => type === 'pong').map(({ at }) => at);
      expect(pongs).toStrictEqual([20_000, 40_000, 60_000, 80_000, 100_000]);
    }),
  );

  it(
    'HBT-06 a heartbeat that comes by itself gives no round trip, though a ping is out',
    marbles(({ flush }) => {
      const { events } = scene(
        serverHeartbeat,
        `o s ${drawn(1_000, 60)}`,
        {
          b: { event: 'heartbeat' },
          s: silence(),
        },
        {},
        60_500,
      );

      flush();
      expect(events.filter(({ type }) => type === 'pong')).toStrictEqual([]);
    }),
  );
});

describe('the eight styles, on a real socket', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const soon = <T>(source$: Observable<T>): Promise<T> => firstValueFrom(source$.pipe(timeout(15_000)));
  const told = <K extends FeedEvent['type']>(
    feed: Feed<typeof schemas>,
    type: K,
  ): Promise<Extract<FeedEvent, { type: K }>> =>
    soon(feed.events$.pipe(filter((event): event is Extract<FeedEvent, { type: K }> => event.type === type)));

  const BEATS = 10;
  const quick = { everyMs: 50, timeoutMs: 50 };

  /**
   * A server that says one trade, takes part in ten heartbeats, and says another. One that waits for answers drops the
   * client with 4008 when it missed two.
   */
  const serve = async ({ send, reply, says }: Style): Promise<FaultServer> => {
    const server = await startFaultServer({
      onConnection(client) {
        client.send(JSON.stringify(trade(1)));
        if (send === undefined) return;
        let asked = 0;
        let answered = 0;
        const answers$ = server.received$.pipe(filter((message) => message.client === client));
        answers$.subscribe(() => (answered += 1));
        interval(15)
          .pipe(
            takeUntil(
              server.ends$.pipe(
                filter((end) => end.client === client),
                endWith(undefined),
              ),
            ),
          )
          .subscribe(() => {
            if (says !== undefined && asked - answered >= 2) client.drop(4008, 'no answer');
            send(client, ++asked);
            if (asked === BEATS) client.send(JSON.stringify(trade(2)));
          });
      },
      onMessage(client, data) {
        const answer = reply?.(data === 'ping' ? data : (JSON.parse(data as string) as unknown));
        if (answer !== undefined) client.send(typeof answer === 'string' ? answer : JSON.stringify(answer));
      },
    });
    cleanups.push(() => server.close());
    if (send === undefined) {
      const asked$ = reply === undefined ? server.control$ : server.received$;
      asked$
        .pipe(take(BEATS), toArray())
        .subscribe((asked) => asked[0]?.client.send(JSON.stringify(trade(2))));
    }
    return server;
  };
  const connect = (server: FaultServer, config: (config: Config) => Config, more: Partial<Config> = {}) => {
    const streams = { trade: { schema: schemas.trade } };
    const feed = createFeed(
      config({
        url: server.url,
        heartbeat: quick,
        reconnect: { initialMs: 10, maxMs: 10 },
        streams,
        ...more,
      }),
    );
    cleanups.push(() => feed.close({ timeoutMs: 100 }));
    return feed;
  };

  it.each(styles)('$name is exchanged, then missed', async (style) => {
    const server = await serve(style);
    let dials = 0;
    server.dials$.subscribe(() => (dials += 1));
    const feed = connect(server, style.config);
    const ids = await soon(
      feed.stream('trade').pipe(
        map(({ id }) => id),
        take(2),
        toArray(),
      ),
    );

    expect(ids).toStrictEqual([1, 2]);
    expect(dials).toBe(1);
    const { received, delivered, control } = feed.stats();
    expect(received).toBe(delivered + control);
    // An answer to the last ping may still be on its way.
    expect(control).toBeGreaterThanOrEqual(style.isMessage ? BEATS - 1 : 0);

    cleanups.push(() => {
      leaving.unsubscribe();
    });
    const leaving = feed.stream('trade').subscribe();
    await told(feed, 'connected');
    const end = told(feed, 'disconnected');
    const again = soon(server.dials$);
    server.vanish();
    expect(await end).toMatchObject({ error: { name: 'HeartbeatTimeoutError' }, class: 'network' });
    await again;
  });

  it.each(styles.filter(({ says, send }) => says !== undefined && send !== undefined))(
    '$name that stays unanswered is punished by the server, and the feed reconnects',
    async (style) => {
      const server = await serve(style);
      const feed = connect(server, (config) => ({ ...style.config(config), heartbeat: quick }));
      const leaving = feed.stream('trade').subscribe();
      cleanups.push(() => leaving.unsubscribe());

      expect(await told(feed, 'disconnected')).toMatchObject({
        error: { name: 'SocketClosedError', code: 4008, reason: 'no answer' },
      });
      await soon(server.dials$);
    },
  );

  it('HBT-05 a ping frame of the server is answered with the same payload', async () => {
    const server = await serve(styles[0]!);
    const pongs = soon(server.control$.pipe(take(3), toArray()));
    const leaving = connect(server, serverPing, { heartbeat: { off: true } })
      .stream('trade')
      .subscribe();
    cleanups.push(() => leaving.unsubscribe());

    expect((await pongs).map(({ type, data }) => [type, data])).toStrictEqual([
      ['pong', 'ping 1'],
      ['pong', 'ping 2'],
      ['pong', 'ping 3'],
    ]);
  });

  it('HBT-06 a ping frame of the server stays unanswered where autoPong is off', async () => {
    const server = await serve(styles[0]!);
    const pongs: unknown[] = [];
    server.control$.subscribe((pong) => pongs.push(pong));
    const feed = connect(server, serverPing, { heartbeat: { off: true }, socket: { autoPong: false } });
    await soon(feed.stream('trade').pipe(filter(({ id }) => id === 2)));

    expect(pongs).toStrictEqual([]);
  });
});
