import { map, type Observable, of, throwError, timer } from 'rxjs';
import * as v from 'valibot';
import { type Ack, createFeed, type Feed, type MissingNumbers, type TopicRef } from 'millrace';
import type { LifePlay, Moment } from './lifePlay.js';
import type { LifeServer } from './lifeServer.js';

const Value = v.object({ type: v.literal('trade'), symbol: v.string(), id: v.number(), dial: v.number() });
export type LifeSchemas = { readonly trade: typeof Value; readonly other: typeof Value };

/** With whom it has to do. */
interface LifeFeedConfig {
  readonly server: LifeServer;
  readonly online$: Observable<boolean>;
  /** A hook is. */
  readonly called: (moment: Moment) => void;
}

const names = (refs: readonly TopicRef[]): string[] =>
  refs.map(({ stream, topic = '' }) => `${stream}/${topic}`);

/** A feed as its play says. */
export function createLifeFeed(
  play: LifePlay,
  { server, online$, called }: LifeFeedConfig,
): Feed<LifeSchemas> {
  let logins = 0;
  const logIn = (): Promise<void> | Observable<unknown> => {
    called('login');
    if (play.login === 'promised') return Promise.resolve();
    if (play.login === 'takes time') return timer(2);
    return play.login === 'fails at times' && ++logins % 3 === 1 ? throwError(() => new Error('no')) : of(0);
  };
  const recover = ({ after, before, topic = 'X' }: MissingNumbers): Observable<unknown[]> => {
    called('recover hook');
    const missing = Array.from({ length: before - after - 1 }, (_, place) => after + 1 + place);
    const page = missing.map((id) => ({ type: 'trade', symbol: topic, id, dial: server.dials }));
    if (play.recovers === 'in vain') return throwError(() => new Error('no'));
    return play.recovers === 'at once' ? of(page) : timer(3).pipe(map(() => page));
  };
  return createFeed<LifeSchemas>({
    url: ['ws://one', 'ws://two'].slice(0, play.urls),
    ...(play.unpacks && { unpack: (decoded) => decoded as unknown[] }),
    transport: server.transport,
    random: () => 0.5,
    lingerMs: play.lingerMs,
    heartbeat: play.beats ? { everyMs: 25, timeoutMs: 8 } : { off: true },
    online$,
    ...(play.login !== 'none' && { authenticate: logIn }),
    ...(play.greets && {
      onConnected: () => {
        called('greeting');
        return timer(1);
      },
    }),
    reconnect: {
      ...{ jitter: 'none', initialMs: 4, maxMs: 10, stableMs: 50 },
      classify: (_error, byDefault) => {
        called('classify');
        return byDefault;
      },
      policies: {
        normal: () => {
          called('policy');
          return { action: play.normal };
        },
      },
    },
    ...(play.turnMs > 0 && { buffer: { maxItems: 2, sliceMs: 1, overflow: play.overflow } }),
    ...(play.isRated && { outbox: { rate: { max: 2, perMs: 30 } } }),
    ...(play.subscribes && {
      subscriptions: {
        subscribe: (refs) => {
          called('subscribe hook');
          return { subscribe: names(refs) };
        },
        unsubscribe: (refs) => {
          called('unsubscribe hook');
          return { unsubscribe: names(refs) };
        },
        ...(play.answers !== 'never' && {
          ack: (message) => (message as { ack?: Ack }).ack,
          ackTimeoutMs: 25,
        }),
      },
    }),
    streams: {
      trade: {
        schema: Value,
        topic: ({ symbol }) => symbol,
        replay: play.replay,
        staleAfterMs: 30,
        sequence: {
          of: ({ id }) => id,
          scope: 'connection',
          ...(play.reorders && { reorder: { maxItems: 5, maxMs: 8 } }),
          ...(play.recovers !== 'never' && { recover, recovery: { timeoutMs: 15 } }),
        },
      },
      other: { schema: Value, allowSilence: true },
    },
  });
}
