import type { Channel } from './market.js';

/** The exchange's side of one connection: who is logged in, and what is wanted. */
export interface ExchangeSession {
  /** What `answer` leads to: replies in order, and the channels wanted now that were not before. */
  answer(text: string): { readonly replies: readonly object[]; readonly added: readonly Channel[] };
  wants(channel: Channel): boolean;
  isIdle(): boolean;
  readonly isReconnect: boolean;
}

export interface ExchangeSessionConfig {
  /** What a client must log in with before it may subscribe to `order`; `undefined` lets everybody. */
  readonly token: string | undefined;
  /** Whether some connection ended before this one was made. */
  readonly isReconnect: boolean;
}

/** A request as it comes: any field may be missing, or of any type. */
interface Request {
  readonly op?: unknown;
  readonly id?: unknown;
  readonly token?: unknown;
  readonly args?: unknown;
}

/** How many topics one request may name. */
const MAX_ARGS = 1_000;

export function createExchangeSession(
  channels: readonly Channel[],
  { token, isReconnect }: ExchangeSessionConfig,
): ExchangeSession {
  /** `stream` for all of it, `stream/topic` for one: the two do not undo each other. */
  const subscriptions = new Set<string>();
  let isLoggedIn = token === undefined;

  const wants = ({ stream, topic }: Channel): boolean =>
    subscriptions.has(stream) || subscriptions.has(`${stream}/${topic}`);

  /** Why a topic cannot be had, or `undefined`. */
  const refusal = (stream: unknown, topic: unknown): string | undefined => {
    const topics = channels.filter((channel) => channel.stream === stream).map((channel) => channel.topic);
    if (topics.length === 0) return 'unknown stream';
    if (stream === 'order' && !isLoggedIn) return 'login required';
    if (topic === undefined) return undefined;
    return topic !== '' && topics.includes(topic as string) ? undefined : 'unknown topic';
  };

  const subscribe = ({ op, id, args }: Request) => {
    if (!Array.isArray(args) || args.length > MAX_ARGS) {
      return {
        replies: [{ type: 'error', id, error: `args must be a list of at most ${MAX_ARGS} topics` }],
        added: [],
      };
    }
    const before = channels.filter(wants);
    const accepted: object[] = [];
    const refused: object[] = [];
    for (const arg of args as unknown[]) {
      const { stream, topic } = (arg ?? {}) as { stream?: unknown; topic?: unknown };
      const error = refusal(stream, topic);
      if (error !== undefined) {
        refused.push({ type: 'ack', op, id, topics: [{ stream, topic }], ok: false, error });
        continue;
      }
      const key = topic === undefined ? (stream as string) : `${stream as string}/${topic as string}`;
      if (op === 'subscribe') subscriptions.add(key);
      else subscriptions.delete(key);
      accepted.push({ stream, topic });
    }
    const isAllRefused = accepted.length === 0 && refused.length > 0;
    return {
      replies: [...(isAllRefused ? [] : [{ type: 'ack', op, id, topics: accepted, ok: true }]), ...refused],
      added: channels.filter((channel) => wants(channel) && !before.includes(channel)),
    };
  };

  const login = ({ token: given }: Request): object => {
    const ok = token === undefined || given === token;
    isLoggedIn ||= ok;
    return { type: 'login', ok, error: ok ? undefined : 'wrong token' };
  };

  return {
    isReconnect,
    wants,
    isIdle: () => subscriptions.size === 0,
    answer(text) {
      const request = parse(text);
      switch (request?.op) {
        case 'subscribe':
        case 'unsubscribe':
          return subscribe(request);
        case 'login':
          return { replies: [login(request)], added: [] };
        case 'ping':
          return { replies: [{ type: 'pong', id: request.id }], added: [] };
        default:
          return { replies: [{ type: 'error', id: request?.id, error: 'unknown request' }], added: [] };
      }
    },
  };
}

/** Anything but a JSON object is no request. */
function parse(text: string): Request | undefined {
  try {
    return (JSON.parse(text) ?? undefined) as Request | undefined;
  } catch {
    return undefined;
  }
}
