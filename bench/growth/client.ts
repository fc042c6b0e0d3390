import { Subject, type Observable } from 'rxjs';
import { createFanOut } from '../../src/sinks/fanOut.js';

/** What a client is told to do: hand messages to so many subscribers of one stream. */
export interface FanTask {
  readonly contestant: FanName;
  readonly subscribers: number;
  readonly messages: number;
}

/** What it says when it is done. */
export interface FanResult {
  readonly delivered: number;
  /** Of all the subscribers, whatever their order. */
  readonly checksum: number;
  /** Time of all cores, measured after a fifth of the messages. */
  readonly nsPerDelivery: number;
}

interface Message {
  readonly id: number;
}

interface Fan {
  readonly next: (message: Message) => void;
  readonly stream$: Observable<Message>;
}

const fans = {
  'rxjs Subject': (): Fan => {
    const subject = new Subject<Message>();
    return { next: (message) => subject.next(message), stream$: subject };
  },
  millrace: (): Fan => {
    const fanOut = createFanOut<Message>();
    return { next: (message) => fanOut.next(message), stream$: fanOut.stream() };
  },
};
export type FanName = keyof typeof fans;

const { contestant, subscribers, messages } = JSON.parse(process.argv[2] ?? '') as FanTask;
const { next, stream$ } = fans[contestant]();
let delivered = 0;
let checksum = 0;
for (let place = 1; place <= subscribers; place += 1) {
  stream$.subscribe({
    next: ({ id }) => {
      delivered += 1;
      checksum = (checksum + Math.imul(id, place)) | 0;
    },
    error: console.error, // there is none
  });
}

const warmUp = Math.floor(messages / 5);
let before = process.cpuUsage();
for (let id = 0; id < messages; id += 1) {
  if (id === warmUp) before = process.cpuUsage();
  next({ id });
}
const { user, system } = process.cpuUsage(before);
const result: FanResult = {
  delivered,
  checksum,
  nsPerDelivery: Number((((user + system) * 1_000) / ((messages - warmUp) * subscribers)).toFixed(2)),
};
console.log(JSON.stringify(result));
