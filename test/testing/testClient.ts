import { once } from 'node:events';
import { filter, firstValueFrom, type Observable, ReplaySubject, take, toArray } from 'rxjs';
import WebSocket from 'ws';

/** A message of the exchange, as far as the tests look into it. */
export interface Message {
  readonly type: string;
  readonly symbol?: string;
  readonly mote?: number;
  readonly seq?: number;
  readonly first?: number;
  readonly id?: number | string;
  readonly time?: number;
  readonly [field: string]: unknown;
}

/** A bare WebSocket client that remembers every frame it got. */
export interface TestClient {
  readonly ws: WebSocket;
  /** Every text frame since the start; completes with the connection. */
  readonly texts$: Observable<string>;
  send(message: object): void;
  /** The first message, since the start, that fits. */
  first(isMeant: (message: Message) => boolean): Promise<Message>;
  /** The first `count` messages, since the start, that fit. */
  collect(count: number, isMeant: (message: Message) => boolean): Promise<Message[]>;
  /** How the connection ended. */
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
}

export async function connect(url: string): Promise<TestClient> {
  const ws = new WebSocket(url);
  const texts$ = new ReplaySubject<string>(Infinity);
  ws.on('message', (data: Buffer) => texts$.next(data.toString('utf8')));
  const ended = once(ws, 'close').then(([code, reason]) => {
    texts$.complete();
    return { code: code as number, reason: (reason as Buffer).toString('utf8') };
  });
  await once(ws, 'open');

  const collect = (count: number, isMeant: (message: Message) => boolean): Promise<Message[]> =>
    firstValueFrom(
      texts$.pipe(
        filter((text) => text.endsWith('}')),
        (texts) => texts.pipe(filter((text) => isMeant(JSON.parse(text) as Message))),
        take(count),
        toArray(),
      ),
    ).then((texts) => texts.map((text) => JSON.parse(text) as Message));
  return {
    ws,
    texts$,
    collect,
    ended,
    send: (message) => ws.send(JSON.stringify(message)),
    first: async (isMeant) => {
      const [message] = await collect(1, isMeant);
      if (message === undefined) throw new Error('the connection ended without the message');
      return message;
    },
  };
}

/** The answer to a dial that is turned down. */
export async function dialRefused(url: string): Promise<{ status: number; retryAfter: string | undefined }> {
  const ws = new WebSocket(url);
  ws.on('error', () => undefined);
  const [, response] = (await once(ws, 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string | undefined> },
  ];
  ws.terminate();
  return { status: response.statusCode, retryAfter: response.headers['retry-after'] };
}
