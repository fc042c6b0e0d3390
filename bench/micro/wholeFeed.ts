import {
  createFeed,
  type FeedConfig,
  type Socket,
  type SocketHandler,
  type Transport,
  wsTransport,
} from 'millrace';
import { suites, type SuiteName } from '../throughput/suites.js';
import type { Case } from './case.js';
import { textOf } from './messages.js';

const socket: Socket = {
  send: () => undefined,
  ping: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  close: () => undefined,
  terminate: () => undefined,
  bufferedBytes: 0,
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Frames handed over in one turn of the event loop: less than a turn has time for. */
const burst = 100;

/** A feed with every default and twenty streams, on a transport that hands over texts without a socket. */
export async function wholeFeed(kind: SuiteName, count: number): Promise<Case> {
  const { schema, streams } = suites[kind];
  let handler: SocketHandler | undefined;
  const transport: Transport = {
    settled: wsTransport.settled,
    dial: (_request, dialled) => {
      handler = dialled;
      setImmediate(() => dialled.open({ protocol: '', extensions: '' }));
      return socket;
    },
  };
  type Stream = FeedConfig<Record<string, typeof schema>>['streams'][string];
  const stream: Stream = {
    schema,
    key: ({ id }) => id,
    sequence: { of: ({ id }) => id },
    staleAfterMs: 60_000,
  };
  const feed = createFeed({
    url: 'ws://micro.invalid',
    transport,
    streams: Object.fromEntries(streams.map((name) => [name, stream])),
  });
  let done = 0;
  let due = 0;
  for (const name of streams) feed.stream(name).subscribe({ next: () => (done += 1), error: console.error });
  await feed.open();

  const write = textOf(kind);
  const texts: string[] = [];
  let filled = 0;
  return {
    count,
    fill: () => {
      for (let at = 0; at < count; at += 1) texts[at] = write(filled++);
      due += count;
    },
    run: async () => {
      for (let at = 0; at < count; at += burst) {
        for (let frame = at; frame < at + burst; frame += 1) handler?.message(texts[frame] as string);
        await nextTurn();
      }
      for (let turn = 0; turn < 1_000 && done < due; turn += 1) await nextTurn();
    },
    done: () => done,
  };
}
