import type { Observable } from 'rxjs';
import type { Data, Transport } from '../../src/streams/transport.js';
import { type ScriptedTransport, scriptedTransport } from '../../src/testing/scriptedTransport.js';
import type { Cast } from './play.js';

/** A trade as it is sent: `n` counts what its server has sent so far, `dial` the connections; both are 0 if it was asked for. */
export interface Trade {
  readonly type: 'trade';
  readonly symbol: string;
  readonly id: number;
  readonly n: number;
  readonly dial: number;
}

/** The one symbol that the feed's `key` throws at. */
export const POISON = 'POISON';

/** The next trade of a symbol, so many numbers on; or, backwards, one that was sent or skipped before. */
const next = (symbol: string, step = 1) => ({ type: 'trade', symbol, step });

const LETTERS = {
  t: next('BTC'),
  e: next('ETH'),
  g: next('BTC', 3),
  r: next('BTC', 0),
  s: next('BTC', -2),
  k: next(POISON),
  p: [next('BTC'), { type: 'order', orderId: 'p' }, 7, next('ETH'), { type: 'trade' }],
  q: [],
  j: { type: 'order', orderId: 'j' },
  y: { type: 'trade' },
  w: { type: 'nobody' },
  z: '{nope',
};

/** A message that a server may answer at once. */
export const HELLO = '"hello"';

/** The server goes on for longer than the play, so that a feed that hangs is seen. */
const TAIL = ' 19ms j'.repeat(35);
const ATTEMPTS = 48;

export interface NumberedServer {
  readonly transport: Transport;
  readonly log$: ScriptedTransport['log$'];
  /** The trades between two numbers. */
  readonly missing: (after: number, before: number) => readonly Trade[];
}

/** Plays a server that counts its trades; all connections share one numbering. */
export function createNumberedServer(
  { scripts, isBrittle, stepsAfterPause, answersAtOnce }: Cast,
  settled: Observable<void>,
): NumberedServer {
  const attempts = Array.from({ length: ATTEMPTS }, (_, index) =>
    isBrittle && index % 3 === 1 ? 'o(tjt)-#' : `${scripts[index % scripts.length]!}${TAIL}`,
  );
  const scripted = scriptedTransport(attempts, LETTERS, {
    stepsAfterPause,
    reply: (message) => {
      const { op, id } = message as { readonly op?: string; readonly id?: number };
      return op === 'subscribe' ? { type: 'ack', id } : undefined;
    },
  });
  /** Of each number, whether it was sent or not. */
  const symbols = ['none'];
  let dials = 0;
  let sent = 0;

  const number = (message: unknown, dial: number): unknown => {
    if (Array.isArray(message)) return message.map((one) => number(one, dial));
    const { symbol, step } = message as { readonly symbol: string; readonly step?: number };
    if (step === undefined) return message;
    for (let count = 0; count < step; count += 1) symbols.push(symbol);
    const id = Math.max(1, symbols.length - 1 + Math.min(0, step));
    return { type: 'trade', symbol: symbols[id] ?? symbol, id, n: ++sent, dial };
  };
  const numbered = (data: Data, dial: number): Data => {
    if (data === LETTERS.z) return data;
    return JSON.stringify(number(JSON.parse(data as string), dial));
  };

  return {
    transport: {
      settled, // the same for all: who shares it shares its turns
      dial: (request, handler) => {
        const dial = ++dials;
        let isOpen = false;
        const socket = scripted.dial(request, {
          open: (info) => {
            isOpen = true;
            handler.open(info);
          },
          message: (data) => handler.message(numbered(data, dial)),
          ping: () => handler.ping(),
          pong: () => handler.pong(),
          end: (error) => {
            isOpen = false;
            handler.end(error);
          },
        });
        if (!answersAtOnce) return socket;
        const send = socket.send.bind(socket);
        return Object.assign(socket, {
          send: (data: Data) => {
            send(data);
            if (isOpen && data === HELLO) handler.message(JSON.stringify(number(LETTERS.t, dial)));
          },
        });
      },
    },
    log$: scripted.log$,
    missing: (after, before) =>
      symbols
        .map((symbol, id): Trade => ({ type: 'trade', symbol, id, n: 0, dial: 0 }))
        .slice(after + 1, before),
  };
}
