import fc from 'fast-check';
import { Subject } from 'rxjs';
import * as v from 'valibot';
import { type ChainConfig, composedChain, sequenceOf, StraightChain } from '../src/chain.js';
import type { StreamConfig } from '../src/feedConfig.js';
import { blankItem, gapRules, type Item } from '../src/feedItem.js';
import { createGapWatch, type SequencePlace } from '../src/operators/gapWatch.js';
import { createSeenKeys } from '../src/operators/seenKeys.js';

interface Tick {
  readonly id: number;
  readonly topic: string;
  readonly link?: number | undefined;
  readonly first?: number | undefined;
  readonly isSnapshot?: boolean | undefined;
}
const Tick = v.object({
  id: v.pipe(
    v.number(),
    v.check((id) => {
      if (id === 13) throw new Error('unlucky');
      return id !== 12;
    }),
  ),
  topic: v.string(),
  link: v.optional(v.number()),
  first: v.optional(v.number()),
  isSnapshot: v.optional(v.boolean()),
});

/** What the item that all streams share holds of a message of another one. */
const ofAnother: Partial<Item> = {
  key: 7,
  topic: 'of another',
  sourceTime: 7,
  sequence: 7,
  first: 7,
  previous: 7,
  isReset: true,
};

/** Which rules a stream has. */
const rules = fc.record({
  hasKey: fc.boolean(),
  hasTopic: fc.boolean(),
  hasTime: fc.boolean(),
  sequence: fc.constantFrom('none', 'plain', 'first', 'previous'),
  scope: fc.constantFrom('topic', 'stream', 'connection'),
  maxKeys: fc.integer({ min: 1, max: 5 }),
});
const messages = fc.array(
  fc.record({
    /** A topic that is listened to from here on, or not any more. */
    toggles: fc.constantFrom(undefined, undefined, 'A', 'B'),
    generation: fc.integer({ min: 1, max: 3 }),
    at: fc.nat(1_000),
    message: fc.oneof(
      {
        weight: 1,
        arbitrary: fc.constantFrom(null, 'text', { id: 'x', topic: 'A' }, { id: 1.5, topic: 'B' }),
      },
      {
        weight: 9,
        arbitrary: fc.record(
          {
            id: fc.integer({ min: -1, max: 14 }),
            topic: fc.constantFrom('A', 'B', 'bad'),
            link: fc.integer({ min: 0, max: 14 }),
            first: fc.integer({ min: 0, max: 14 }),
            isSnapshot: fc.boolean(),
          },
          { requiredKeys: ['id', 'topic'] },
        ),
      },
    ),
  }),
  { maxLength: 60 },
);

const definitionOf = ({
  hasKey,
  hasTopic,
  hasTime,
  sequence,
  scope,
}: typeof rules extends fc.Arbitrary<infer R> ? R : never): StreamConfig<v.GenericSchema<unknown, Tick>> => ({
  schema: Tick,
  ...(hasKey && { key: ({ id }) => (id === 9 ? NaN : id) }),
  ...(hasTopic && {
    topic: ({ topic }) => {
      if (topic === 'bad') throw new Error('no topic');
      return topic;
    },
  }),
  ...(hasTime && { sourceTime: ({ id }) => (id === 7 ? ('late' as never) : id) }),
  ...(sequence !== 'none' && {
    sequence: {
      of: ({ id }) => id,
      scope: scope === 'topic' && !hasTopic ? 'stream' : scope,
      ...(sequence === 'first' && { first: ({ id, first = id }) => first }),
      ...(sequence === 'previous' && { previous: ({ link }) => link }),
      isReset: ({ isSnapshot = false }) => isSnapshot,
    },
  }),
});

/** The straight chain fills the same item again and again. */
const copyOfItem = (told: unknown): unknown =>
  typeof told === 'object' && told !== null && 'isRecovered' in told ? { ...told } : told;

describe('the straight chain of a stream', () => {
  it('tells the same as the chain of its operators, message by message and step by step', () => {
    let steps = 0;
    fc.assert(
      fc.property(rules, messages, (rule, input) => {
        const play = (form: 'straight' | 'composed'): unknown[] => {
          const told: unknown[] = [];
          const note =
            (what: string) =>
            (...about: unknown[]): void =>
              void told.push([what, ...about.map(copyOfItem)]);
          const definition = definitionOf(rule) as unknown as StreamConfig<v.GenericSchema>;
          const { sequence } = definition;
          const arrival = { generation: 0, at: 0 };
          const gaps = sequence && {
            ...gapRules(sequence, definition.topic !== undefined),
            onGap: note('gap'),
            onLate: note('late'),
            onScopeForgotten: note('forgotten'),
          };
          const config: ChainConfig = {
            definition,
            arrival,
            memory: definition.key && createSeenKeys({ maxKeys: rule.maxKeys }),
            refuse: note('refuse'),
            onRead: note('read'),
            onDuplicate: note('duplicate'),
            onFresh: note('fresh'),
          };
          const message$ = new Subject<unknown>();
          message$.pipe(composedChain(config, gaps)).subscribe({ next: note('value'), error: note('error') });
          const watch = gaps && createGapWatch(sequenceOf, gaps);
          const open = new Set<string>();
          const placeOf = (topic: string): SequencePlace => topic.charCodeAt(0);
          const toggle = (topic: string): void => {
            if (open.delete(topic)) watch!.put(placeOf(topic));
            else {
              open.add(topic);
              watch!.take(topic, placeOf(topic));
            }
          };
          const areNumbered = definition.topic !== undefined && sequence?.scope === 'topic';
          const item = blankItem();
          const straight = new StraightChain({
            ...config,
            watch,
            isOwn: true,
            item,
            placeFor: ({ topic }) => (areNumbered && topic !== undefined ? placeOf(topic) : undefined),
            deliver: note('value'),
          });
          const take = (message: unknown): void => {
            if (form === 'composed') message$.next(message);
            else straight.take(message, false);
            Object.assign(item, ofAnother);
          };
          for (const { message, toggles, ...how } of input) {
            if (areNumbered && toggles !== undefined) toggle(toggles);
            Object.assign(arrival, how);
            told.push('message');
            take(message);
          }
          steps += told.length;
          return told;
        };
        expect(play('straight')).toStrictEqual(play('composed'));
      }),
      { numRuns: 500 },
    );
    expect(steps).toBeGreaterThan(10_000);
  });
});
