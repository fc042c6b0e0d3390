import { map, of, timer } from 'rxjs';
import type { TopicRef } from 'millrace';
import { closes, refuses, scriptedTransport, silence } from '../../src/testing/scriptedTransport.js';
import type { Socket, SocketHandler, Transport } from '../../src/streams/transport.js';
import type { LifePlay } from './lifePlay.js';

/** A value as its server sends it, but for the `dial` that it comes from. */
export interface LifeValue {
  readonly type: 'trade';
  readonly symbol: string;
  readonly id: number;
  readonly dial: number;
}

/** The first id of what a server says who serves well. */
export const WELL = 9;

const value = (id: number, symbol = 'X') => ({ type: 'trade', symbol, id });
const LIFE_LETTERS = {
  ...{ a: value(1), b: value(2), c: value(3), d: value(4), e: value(1, 'Y') },
  ...{ p: value(WELL), q: value(WELL + 1, 'Y') },
  ...{ r: refuses(404), u: refuses(503), n: closes(1000), s: silence() },
};
const SERVED_WELL = 'o--(pq)';
/** More dials than this are a storm. */
const MOST_DIALS = 150;

export interface LifeServer {
  readonly transport: Transport;
  readonly dials: number;
  /** The dials whose sockets the client has, or waits for. */
  readonly live: ReadonlySet<number>;
  /** The topics that the last dial was asked for. */
  readonly asked: ReadonlySet<string>;
  /** The topics that any dial was refused. */
  readonly refused: ReadonlySet<string>;
  /** From here on everybody is served well. */
  serveWell(): void;
}

/** A server that knows who is connected, and what each has asked for. */
export function createLifeServer(play: LifePlay, onStorm: () => void): LifeServer {
  const { attempts, turnMs, unpacks } = play;
  const well = Array.from({ length: MOST_DIALS + 1 }, () => SERVED_WELL);
  const scripted = scriptedTransport([...attempts, ...well], LIFE_LETTERS, { stepsAfterPause: 4 });
  const good = scriptedTransport(well, LIFE_LETTERS);
  const live = new Set<number>();
  const refused = new Set<string>();
  let dials = 0;
  let asked = new Set<string>();
  let server = scripted;

  const dial: Transport['dial'] = (request, handler) => {
    const number = ++dials;
    const topics = (asked = new Set<string>());
    if (dials > MOST_DIALS) onStorm();
    live.add(number);
    const say = (message: object): void => handler.message(JSON.stringify(unpacks ? [message] : message));
    const answer = (topics: readonly string[]): void => {
      const [bad, rest] = [true, false].map((is) => topics.filter((topic) => (topic === REFUSED) === is));
      const fine = isGood ? topics : (rest ?? []).filter((topic) => topic !== OVERHEARD);
      const acks = [
        { topics: fine.map(refOf), ok: true },
        { topics: isGood ? [] : (bad ?? []).map(refOf), ok: false },
      ];
      if (!isGood) for (const topic of bad ?? []) refused.add(topic);
      // Behind what it says by itself, so that this finds room.
      timer(isServedWell ? 10 : 1).subscribe(() => {
        for (const ack of acks) if (ack.topics.length > 0 && live.has(number)) say({ ack });
      });
    };
    const isServedWell = server === good;
    const isGood = isServedWell || play.answers === 'well';
    const heard: SocketHandler = {
      open: (info) => handler.open(info),
      message: (data) => say({ ...(JSON.parse(data as string) as object), dial: number }),
      ping: () => handler.ping(),
      pong: () => handler.pong(),
      end: (error) => {
        live.delete(number);
        handler.end(error);
      },
    };
    const socket = (dials > MOST_DIALS ? scriptedTransport([]) : server).dial(request, heard);
    const gone = (): void => void live.delete(number);
    return {
      ...socket,
      bufferedBytes: 0,
      send: (data) => {
        const { subscribe = [], unsubscribe = [] } = JSON.parse(data as string) as Wish;
        for (const topic of subscribe) topics.add(topic);
        for (const topic of unsubscribe) topics.delete(topic);
        socket.send(data);
        if (play.answers !== 'never') answer(subscribe);
      },
      close: (...words) => {
        gone();
        socket.close(...words);
      },
      terminate: () => {
        gone();
        socket.terminate();
      },
    } satisfies Socket;
  };

  return {
    transport: { dial, settled: turnMs === 0 ? of(undefined) : timer(turnMs).pipe(map(() => undefined)) },
    get dials() {
      return dials;
    },
    live,
    refused,
    get asked() {
      return asked;
    },
    serveWell: () => void (server = good),
  };
}

const [REFUSED, OVERHEARD] = ['trade/Y', 'other/'];
const refOf = (name: string): TopicRef => {
  const [stream = '', topic = ''] = name.split('/');
  return topic === '' ? { stream } : { stream, topic };
};

interface Wish {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
}
