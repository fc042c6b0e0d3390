import fc from 'fast-check';
import { asyncScheduler, concatMap, from, timer } from 'rxjs';
import { keyOf } from '../../src/streams/asks.js';
import type { TopicRef } from '../../src/streams/events.js';
import {
  type Ack,
  createSubscriptions,
  type SessionTopics,
  type WantedTopic,
} from '../../src/streams/subscriptions.js';
import { marbles } from '../marbles.js';

const ackTimeoutMs = 1_000;
const refs: readonly TopicRef[] = ['A', 'B', 'C', 'D']
  .map((topic): TopicRef => ({ stream: 'trade', topic }))
  .concat({ stream: 'book' });

interface Request {
  readonly op: 'sub' | 'unsub';
  readonly id: number;
  readonly topics: readonly WantedTopic[];
}

/** What a server does with a request: takes it or not, says so or not, once or twice. */
interface Verdict {
  readonly takes: boolean;
  readonly answers: 0 | 1 | 2;
  /** A share of what is allowed. */
  readonly delay: number;
  readonly restart: boolean;
}

interface Case {
  /** What an answer names. By topic alone it must come in order and before the deadline, or nobody could tell whose it is. */
  readonly style: 'id' | 'topics' | 'both';
  readonly batch: number;
  /** Messages that fit in the outbox, and how long each takes to leave. */
  readonly room: number;
  readonly paceMs: number;
  readonly verdicts: readonly Verdict[];
  readonly steps: readonly {
    readonly act: 'want' | 'unwant' | 'flap' | 'reconnect' | 'rotate' | 'takeOver' | 'throw';
    readonly at: number;
    readonly afterMs: number;
  }[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  style: fc.constantFrom('id', 'topics', 'both'),
  batch: fc.integer({ min: 1, max: 3 }),
  room: fc.integer({ min: 1, max: 4 }),
  paceMs: fc.constantFrom(0, 0, 5, 400),
  verdicts: fc.array(
    fc.record({
      takes: fc.boolean(),
      answers: fc.constantFrom(0 as const, 1 as const, 1 as const, 2 as const),
      delay: fc.double({ min: 0, max: 1, noNaN: true }),
      restart: fc.boolean(),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  steps: fc.array(
    fc.record({
      act: fc.constantFrom(
        'want',
        'want',
        'want',
        'unwant',
        'flap',
        'flap',
        'reconnect',
        'rotate',
        'takeOver',
        'throw',
      ),
      at: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
      afterMs: fc.constantFrom(0, 0, 0, 1, 300, 1_200, 7_000),
    }),
    { maxLength: 40 },
  ),
});

/** Drives one case to its end; yields what the server sends and what is wanted and not refused, which should be the same. */
const run = ({ style, batch, room, paceMs, verdicts, steps }: Case) => {
  const wanted = new Set<string>();
  let isHealthy = false;
  let served = 0;
  let throwing = 0;
  const asked = (op: Request['op']) => (topics: readonly WantedTopic[], id: number) => {
    if (throwing > 0 && !isHealthy) {
      throwing -= 1;
      throw new Error('a hook that fails');
    }
    return { op, id, topics };
  };
  const subscriptions = createSubscriptions(
    {
      subscribe: asked('sub'),
      unsubscribe: asked('unsub'),
      ack: (message) => message as Ack,
      ackTimeoutMs,
      batch,
    },
    {
      tell: () => undefined,
      onHookFailed: () => undefined,
      onRefused: (ref) => wanted.delete(keyOf(ref)),
      random: () => 0.5,
    },
  );

  const connect = (generation: number, isRotation: boolean) => {
    const holds = new Set<string>();
    const waiting: (() => void)[] = [];
    const constantMs = ackTimeoutMs / 2;

    const serve = ({ op, id, topics: named }: Request): void => {
      const { takes, answers, delay, restart }: Verdict = isHealthy
        ? { takes: true, answers: 1, delay: 0, restart: false }
        : verdicts[served++ % verdicts.length]!;
      if (op === 'unsub') {
        named.forEach((ref) => holds.delete(keyOf(ref)));
        return;
      }
      if (takes) named.forEach((ref) => holds.add(keyOf(ref)));
      const outcome = { ok: takes, restart };
      const bare = named.map(({ stream, topic }): TopicRef =>
        topic === undefined ? { stream } : { stream, topic },
      );
      const acks: Ack[] =
        style === 'id'
          ? [{ id, ...outcome }]
          : bare.map((ref) => ({ topics: [ref], ...(style === 'both' && { id }), ...outcome }));
      // A repeated answer by topic alone cannot be told from an answer to the next ask.
      const times = style === 'topics' ? Math.min(answers, 1) : answers;
      const delayMs = style === 'topics' ? constantMs : delay * 3 * ackTimeoutMs;
      timer(delayMs).subscribe(() => {
        for (let time = 0; time < times; time++) for (const ack of acks) topics.hear(ack);
      });
    };
    const write = (): void => {
      if (waiting.length === 0) return;
      waiting.shift()!();
      if (waiting.length > 0) asyncScheduler.schedule(write, paceMs);
    };
    const topics: SessionTopics = subscriptions.join({
      generation,
      post(message, onWritten) {
        if (waiting.length >= room) return false;
        const leave = (): void => {
          serve(message as Request);
          onWritten();
        };
        if (paceMs === 0) leave();
        else if (waiting.push(leave) === 1) asyncScheduler.schedule(write, paceMs);
        return true;
      },
      ...(isRotation && { onRefused: () => undefined }),
    });
    return { topics, holds };
  };

  let generation = 1;
  let inCharge = connect(1, false);
  let next: typeof inCharge | undefined;
  const takeOver = (): void => {
    if (next === undefined) return;
    next.topics.takeCharge();
    inCharge.topics.leave();
    inCharge = next;
    next = undefined;
  };
  const want = (ref: TopicRef): void => {
    wanted.add(keyOf(ref));
    subscriptions.want(ref);
    subscriptions.saw(ref.stream, ref.topic, 1, 1);
  };
  const unwant = (ref: TopicRef): void => {
    wanted.delete(keyOf(ref));
    subscriptions.unwant(ref);
  };
  const acts: Record<Case['steps'][number]['act'], (ref: TopicRef) => void> = {
    want,
    unwant,
    flap(ref) {
      unwant(ref);
      timer(1).subscribe(() => want(ref));
    },
    reconnect() {
      next?.topics.leave();
      next = undefined;
      inCharge.topics.leave();
      inCharge = connect(++generation, false);
    },
    rotate() {
      next ??= connect(++generation, true);
    },
    takeOver,
    throw() {
      throwing += 1;
    },
  };

  return {
    steps$: from(steps).pipe(concatMap(({ act, at, afterMs }) => (acts[act](refs[at]!), timer(afterMs)))),
    heal() {
      takeOver();
      isHealthy = true;
    },
    outcome: () => {
      let isSettled = false;
      inCharge.topics.settled$.subscribe({ complete: () => (isSettled = true) });
      const settled = isSettled;
      inCharge.topics.leave();
      return { holds: [...inCharge.holds].sort(), wanted: [...wanted].sort(), isSettled: settled };
    },
  };
};

describe('subscriptions, against a server that does what it likes', () => {
  it('SUB-09 what the server sends ends up equal to what is wanted and was not refused', () => {
    fc.assert(
      fc.property(cases, (one) => {
        let outcome: ReturnType<ReturnType<typeof run>['outcome']> | undefined;
        marbles(({ flush }) => {
          const running = run(one);
          running.steps$.subscribe({ complete: () => running.heal() });
          const quietMs = one.steps.reduce((sum, { afterMs }) => sum + afterMs, 600_000);
          timer(quietMs).subscribe(() => (outcome = running.outcome()));
          flush();
        })();
        expect(outcome).toStrictEqual({ holds: outcome?.wanted, wanted: outcome?.wanted, isSettled: true });
      }),
      { numRuns: 300 },
    );
  });
});
