/**
 * A simulated exchange. All messages are JSON, one a frame.
 *
 * A client sends
 * - `{ op: 'subscribe' | 'unsubscribe', args: [{ stream, topic? }], id? }`; without `topic`, all topics of the stream
 * - `{ op: 'login', token }`, needed for `order` if the exchange has a token
 * - `{ op: 'ping', id? }`
 *
 * The exchange answers
 * - `{ type: 'ack', op, id?, topics: [{ stream, topic? }], ok: true }`, and one of `ok: false` with `error` for each topic it
 *   refuses: an unknown one, or `order` before the login
 * - `{ type: 'login', ok, error? }`, `{ type: 'pong', id? }`, and `{ type: 'error', id?, error }` to what it does not understand
 *
 * and sends unasked
 * - `{ type: 'welcome', session }`, the first message of a connection, and `{ type: 'heartbeat', time }`
 * - `{ type: 'trade', symbol, seq, id, price, size, side, time }`
 * - `{ type: 'ticker', symbol, seq, bid, ask, last, time }`
 * - `{ type: 'book', symbol, first, seq, bids: [[price, size]], asks: [[price, size]], time }`: the changes `first … seq`
 * - `{ type: 'order', seq, orderId, updateId, symbol, status, time }`, once in a while
 * - `{ type: 'telemetry', mote, seq, humidity, temperature, label, time }`, with the mote for a topic
 *
 * Prices and sizes are decimal strings. Each stream numbers its messages per symbol or mote (`order`: altogether), without a hole
 * and without ever starting again. What nobody is subscribed to is not sent and takes no number, so a client that was away misses
 * nothing that was not a fault.
 */
import {
  asyncScheduler,
  BehaviorSubject,
  distinctUntilChanged,
  EMPTY,
  interval,
  map,
  merge,
  type Observable,
  Subject,
  switchMap,
  tap,
  timer,
} from 'rxjs';
import { createDesk } from './desk.js';
import { checkExchangeConfig, type ExchangeConfig } from './exchangeConfig.js';
import { createExchangeSession, type ExchangeSession } from './exchangeSession.js';
import { checkFault, checkSchedule, type Fault, targetOf } from './fault.js';
import { type FaultClient, startFaultServer } from './faultServer.js';
import { type Channel, createMarket, type ExchangeStream } from './market.js';
import { seededRandom } from './random.js';
import { seededTicks } from './seededTicks.js';

export type { ExchangeConfig } from './exchangeConfig.js';
export type { Fault, ScheduledFault } from './fault.js';
export type { ExchangeStream, TelemetryReading } from './market.js';

export interface ExchangeStats {
  /** Connections open now. */
  readonly clients: number;
  /** Connections accepted since the start. */
  readonly connections: number;
  /** Messages sent to clients since the start, answers and heartbeats included. */
  readonly sent: number;
  /** Faults done since the start. */
  readonly faults: number;
}

export interface Exchange {
  /** Where to dial: `ws://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** Every fault as it is done, scheduled or injected; hot, completes with `close()`. */
  readonly faults$: Observable<Fault>;
  /**
   * How many connections are open: the number now, then each change; completes with `close()`. A client hears of its end
   * before the exchange does, so a test that counts awaits it here.
   */
  readonly clients$: Observable<number>;
  /**
   * Does something wrong now; after `close()` it does nothing.
   * @throws {RangeError} If the fault has a field with a value it cannot have.
   */
  inject(fault: Fault): void;
  stats(): ExchangeStats;
  /** Ends every connection and timer; resolves when the port is free. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a simulated exchange on loopback, with seeded traffic and faults on a schedule or on command; the protocol stands at
 * the top of this file. It trades only while somebody is subscribed. A client that lets 16 MiB pile up is dropped with 1006.
 *
 * @returns Rejects with a `RangeError` for a bad option, and with the network's error if the port cannot be had.
 */
export async function startExchange({
  port = 0,
  seed = 1,
  symbols = ['BTC-USD', 'ETH-USD', 'SOL-USD'],
  tickMs = 100,
  heartbeatMs = 1_000,
  telemetry,
  faults = [],
  replayOnReconnect = 5,
  token,
  firstSeq = 1,
  startTime,
}: ExchangeConfig = {}): Promise<Exchange> {
  checkExchangeConfig({ seed, symbols, telemetry, tickMs, heartbeatMs, replayOnReconnect, firstSeq });
  const market = createMarket({ seed, symbols, telemetry, firstSeq });
  checkSchedule('startExchange', faults, market.channels);

  const sessions = new WeakMap<FaultClient, ExchangeSession>();
  const silentUntil = new Map<ExchangeStream, number>();
  const faults$ = new Subject<Fault>();
  const clients$ = new BehaviorSubject(0);
  const refusals$ = new Subject<number>();
  let connections = 0;
  let elapsedMs = 0;
  let sent = 0;
  let done = 0;

  const server = await startFaultServer({
    port,
    onConnection(client) {
      connections += 1;
      recount();
      const isReconnect = connections > server.clients.size;
      sessions.set(client, createExchangeSession(market.channels, { token, isReconnect }));
      post(client, { type: 'welcome', session: `${seed}-${connections}` });
    },
    onMessage(client, data) {
      const session = sessions.get(client);
      if (session === undefined) return;
      const { replies, added } = session.answer(typeof data === 'string' ? data : '');
      for (const reply of replies) post(client, reply);
      if (!session.isReconnect) return;
      for (const text of added.flatMap((channel) => desk.history(channel))) post(client, text);
    },
  });

  const recount = (): void => clients$.next(server.clients.size);
  // eslint-disable-next-line rxjs-x/no-ignored-error -- a Subject that never errors
  server.ends$.subscribe(recount);

  const post = (client: FaultClient, message: object | string): void => {
    if (!server.clients.has(client)) return;
    sent += 1;
    client.send(typeof message === 'string' ? message : JSON.stringify(message));
  };
  const clientsWho = (isMeant: (session: ExchangeSession) => boolean): FaultClient[] =>
    [...server.clients].filter((client) => {
      const session = sessions.get(client);
      return session !== undefined && isMeant(session);
    });
  const subscribersOf = (channel: Channel): FaultClient[] => clientsWho((session) => session.wants(channel));
  const postAll = (clients: Iterable<FaultClient>, message: object | string): void => {
    for (const client of clients) post(client, message);
  };
  const time = (): number =>
    startTime === undefined ? asyncScheduler.now() : startTime + Math.round(elapsedMs);

  const desk = createDesk(replayOnReconnect, (channel, text) => postAll(subscribersOf(channel), text));
  const publish = (channel: Channel): void => {
    if ((silentUntil.get(channel.stream) ?? 0) > asyncScheduler.now()) return;
    if (subscribersOf(channel).length === 0) return;
    desk.publish(channel, JSON.stringify(channel.message(time())));
  };

  const perform = (fault: Fault): void => {
    switch (fault.type) {
      case 'drop':
        server.drop(fault.code, fault.reason);
        break;
      case 'vanish':
        server.vanish();
        break;
      case 'skip':
        targetOf(fault, market.channels)?.skip();
        break;
      case 'repeat':
      case 'reorder': {
        const channel = targetOf(fault, market.channels);
        if (channel !== undefined) desk.arm(channel, fault.type);
        break;
      }
      case 'malformed':
        postAll(server.clients, '{"type":"trade","symbol":"');
        break;
      case 'misfit': {
        const { stream = 'trade' } = fault;
        const channels = market.channels.filter((channel) => channel.stream === stream);
        const misfit = { type: stream, symbol: null, mote: null, seq: null, time: time() };
        postAll(
          clientsWho((session) => channels.some((channel) => session.wants(channel))),
          misfit,
        );
        break;
      }
      case 'silence':
        silentUntil.set(fault.stream, asyncScheduler.now() + fault.forMs);
        break;
      case 'flood':
        for (let count = 0; count < fault.messages; count += 1) publish(market.trade());
        break;
      case 'refuse': {
        const { status, forMs, retryAfterSeconds: seconds } = fault;
        server.refuse(status, seconds === undefined ? {} : { 'retry-after': String(seconds) });
        refusals$.next(forMs);
        break;
      }
    }
    done += 1;
    recount();
    faults$.next(fault);
  };

  const ticks$ = seededTicks(
    tickMs / symbols.length,
    seededRandom(~seed),
    () => clientsWho((session) => !session.isIdle()).length > 0,
  );
  const heartbeats$ = heartbeatMs === Infinity ? EMPTY : interval(heartbeatMs);
  const running = merge(
    ticks$.pipe(
      tap((ms) => {
        elapsedMs = ms;
        market.tick().forEach(publish);
      }),
    ),
    heartbeats$.pipe(tap(() => postAll(server.clients, { type: 'heartbeat', time: time() }))),
    refusals$.pipe(
      switchMap((forMs) => timer(forMs)),
      tap(() => server.refuse()),
    ),
    ...faults.map(({ atMs, every, fault }) =>
      (every === undefined ? timer(atMs) : timer(atMs, every)).pipe(
        map(() => fault),
        tap(perform),
      ),
    ),
  ).subscribe({ error: (cause: unknown) => faults$.error(new Error('the exchange failed', { cause })) });

  return {
    url: server.url,
    port: server.port,
    faults$: faults$.asObservable(),
    clients$: clients$.pipe(distinctUntilChanged()),
    inject(fault) {
      checkFault('inject', fault, market.channels);
      if (!running.closed) perform(fault);
    },
    stats: () => ({ clients: server.clients.size, connections, sent, faults: done }),
    async close() {
      running.unsubscribe();
      faults$.complete();
      await server.close();
      clients$.complete();
    },
  };
}
