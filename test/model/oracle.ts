/**
 * What a feed must do with the frames it is handed, told a second time and as plainly as can be: no operators, no Observables,
 * nothing of src. It is told of each frame as the server's bytes arrive, and of each turn of the event loop.
 */
export type Policy = 'drop-oldest' | 'drop-newest' | 'conflate' | 'pause';

export interface OracleConfig {
  readonly maxItems: number;
  readonly policy: Policy;
  readonly maxKeys: number;
  readonly windowMs: number;
  /** Milliseconds of virtual time from a first frame to the next turn. */
  readonly turnMs: number;
  /** What is missing between two numbers of the book, and how long its server takes to tell. */
  readonly missingIn: (after: number, before: number) => readonly Numbered[];
  readonly answerMs: number;
  /** Whether the values of the book have a key. */
  readonly isKeyed: boolean;
}

/** A value of the book, which has one numbering. */
interface Numbered {
  readonly seq: number;
  readonly n: number;
  readonly isRecovered?: boolean;
}

export interface Message {
  readonly type: string;
  readonly topic?: string;
  readonly key?: string;
  readonly seq?: number;
  readonly n?: number;
}

interface Waiting {
  readonly text: string;
  readonly generation: number;
}

const counters = (): Record<string, number> => ({
  received: 0,
  delivered: 0,
  control: 0,
  rejected: 0,
  unrouted: 0,
  duplicate: 0,
  dropped: 0,
  conflated: 0,
  held: 0,
});

/** The streams, and the rules that the feed under test is given too. */
const STREAMS = ['trade', 'order', 'tick', 'book'];

export function createOracle({
  maxItems,
  policy,
  maxKeys,
  windowMs,
  turnMs,
  missingIn,
  answerMs,
  isKeyed,
}: OracleConfig) {
  const feed = counters();
  const streams = new Map(STREAMS.map((name) => [name, counters()]));
  const events: string[] = [];
  const delivered = new Map<string, number[]>(STREAMS.map((name) => [name, []]));
  /** Keys by their last sighting, the oldest first. */
  const seen = new Map<string, number>();
  const lastOf = new Map<string, number>();
  const line: Waiting[] = [];
  let turnBegan: number | undefined;
  let turnEnds: number | undefined;
  let lost = 0;
  /** The book: the numbers it delivered or gave up, what waits behind its hole, and the hole that is asked about. */
  const had = new Set<number>();
  const waiting: Numbered[] = [];
  let asked: { readonly after: number; readonly before: number; readonly answerAt: number } | undefined;

  const settle = (outcome: string, stream?: string): void => {
    for (const page of [feed, ...(stream === undefined ? [] : [streams.get(stream)!])]) {
      page['held']! -= 1;
      page[outcome]! += 1;
    }
  };
  const reject = (reason: string, stream?: string): void => {
    settle('rejected', stream);
    events.push(`rejected ${reason}${stream === undefined ? '' : ` ${stream}`}`);
  };
  const overflowed = (): void => {
    settle('dropped');
    lost += 1;
    if (Number.isInteger(Math.log2(lost))) events.push(`overflow ${lost}`);
  };

  const isDuplicate = (id: string, now: number): boolean => {
    const at = seen.get(id);
    seen.delete(id);
    seen.set(id, now);
    if (seen.size > maxKeys) seen.delete([...seen.keys()][0]!);
    return at !== undefined && now - at <= windowMs;
  };

  const number = (stream: string, scope: string, seq: number): void => {
    const name = `${stream}/${scope}`;
    const last = lastOf.get(name);
    if (last !== undefined && seq <= last) {
      events.push(`late ${stream} ${seq} expected ${last + 1}`);
      return;
    }
    lastOf.set(name, seq);
    if (last !== undefined && seq > last + 1) events.push(`gap ${stream} ${last}..${seq}`);
  };

  const bookLast = (): number | undefined => lastOf.get('book');
  const enter = ({ seq, n, isRecovered = false }: Numbered): void => {
    const last = bookLast();
    if (had.has(seq)) {
      settle('duplicate', 'book');
      if (!isRecovered) events.push('duplicate book');
      return;
    }
    had.add(seq);
    if (last === undefined || seq > last) lastOf.set('book', seq);
    else events.push(`late book ${seq} expected ${last + 1}`);
    settle('delivered', 'book');
    delivered.get('book')!.push(n);
  };
  const queue = (value: Numbered): void => {
    waiting.push(value);
    waiting.sort((one, other) => one.seq - other.seq);
  };
  /** Delivers what waits as far as nothing is missing; then the next hole is asked about. */
  const goOn = (now: number): void => {
    for (let next = waiting[0]; next !== undefined && next.seq <= bookLast()! + 1; next = waiting[0]) {
      waiting.shift();
      enter(next);
    }
    const [first] = waiting;
    const after = bookLast();
    if (first === undefined || after === undefined) asked = undefined;
    else if (asked === undefined || after >= asked.before - 1)
      asked = { after, before: first.seq, answerAt: now + answerMs };
  };
  const book = (value: Numbered, now: number): void => {
    const last = bookLast();
    if (isKeyed && waiting.some(({ seq }) => seq === value.seq)) {
      settle('duplicate', 'book');
      events.push('duplicate book');
    } else if (last !== undefined && value.seq > last + 1) {
      queue(value);
    } else {
      enter(value);
    }
    goOn(now);
  };

  const work = ({ text, generation }: Waiting, now: number): void => {
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      reject('decode');
      return;
    }
    const { type, topic, key, seq, n } = message;
    if (type === 'ack' || type === 'pong') {
      settle('control');
      return;
    }
    const page = streams.get(type);
    if (page === undefined) {
      settle('unrouted');
      return;
    }
    page['received']! += 1;
    page['held']! += 1;
    if (typeof n !== 'number') {
      reject('schema', type);
      return;
    }
    if (type === 'book') {
      book({ seq: seq!, n }, now);
      return;
    }
    if (type === 'trade' && isDuplicate(key!, now)) {
      settle('duplicate', type);
      events.push(`duplicate ${type}`);
      return;
    }
    if (type === 'trade') number(type, topic!, seq!);
    if (type === 'order') number(type, String(generation), seq!);
    settle('delivered', type);
    delivered.get(type)!.push(n);
  };

  const mayWork = (now: number): boolean => {
    if (turnBegan !== undefined) return now - turnBegan < 1;
    turnBegan = now;
    turnEnds = now + turnMs;
    return true;
  };
  const drain = (now: number): void => {
    while (line.length > 0 && mayWork(now)) work(line.shift()!, now);
  };

  const wait = (frame: Waiting): void => {
    const id = policy === 'conflate' ? (/"key":"(\w+)"/.exec(frame.text)?.[1] ?? undefined) : undefined;
    const place = id === undefined ? -1 : line.findIndex(({ text }) => text.includes(`"key":"${id}"`));
    const room = policy === 'pause' ? 2 * maxItems + 10_000 : maxItems;
    if (place >= 0) {
      line[place] = frame;
      settle('conflated');
    } else if (line.length < room) {
      line.push(frame);
    } else if (policy === 'drop-newest' || policy === 'pause') {
      overflowed();
    } else {
      line.shift();
      line.push(frame);
      overflowed();
    }
  };

  return {
    feed,
    streams,
    events,
    delivered,
    /** When the next turn comes, if one is due. */
    get turnEnds() {
      return turnEnds;
    },
    /** When the server of the book answers, if it was asked. */
    get answerAt() {
      return asked?.answerAt;
    },
    answer(now: number): void {
      const { after, before } = asked!;
      for (const value of missingIn(after, before)) {
        for (const page of [feed, streams.get('book')!]) {
          page['received']! += 1;
          page['held']! += 1;
        }
        queue({ ...value, isRecovered: true });
      }
      goOn(now);
    },
    /** The feed is over: what waits is delivered, and what is missing told. */
    giveUp(): void {
      asked = undefined;
      for (const value of waiting.splice(0)) {
        const last = bookLast()!;
        if (value.seq > last + 1) events.push(`gap book ${last}..${value.seq}`);
        enter(value);
      }
    },
    frame(text: string, generation: number, now: number): void {
      feed['received']! += 1;
      feed['held']! += 1;
      const frame = { text, generation };
      if (line.length > 0 || !mayWork(now)) wait(frame);
      else work(frame, now);
    },
    turn(now: number): void {
      turnBegan = turnEnds = undefined;
      drain(now);
    },
    /** The connection is over: rows of losses, and of messages of no stream, are told from their start again. */
    over(): void {
      lost = 0;
    },
    /** Nobody is left to deliver to: what waits is lost. */
    abandon(): void {
      if (line.length > 0) events.push(`overflow closed ${line.length}`);
      for (; line.length > 0; line.shift()) settle('dropped');
    },
  };
}
