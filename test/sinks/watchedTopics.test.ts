import fc from 'fast-check';
import { createHealthEntry, type HealthEntry } from '../../src/sinks/healthEntry.js';
import { WatchedTopics } from '../../src/sinks/watchedTopics.js';

describe('WatchedTopics', () => {
  it('notes when a topic had its last value, by its place, and that an older one changes nothing', () => {
    const topics = new WatchedTopics('s', {});
    const [a, b] = [topics.add('a'), topics.add('b')];
    expect([topics.placeOf('a'), topics.placeOf('b'), topics.placeOf('c')]).toStrictEqual([0, 1, undefined]);
    expect([1_000, 900, 1_200, 1_100].map((at) => topics.note(1, at))).toStrictEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([a.lastAt, b.lastAt]).toStrictEqual([-Infinity, 1_200]);
    expect([topics.get('b'), topics.at(1), [...topics.values()]]).toStrictEqual([b, b, [a, b]]);
  });

  it('gives the place of a topic that is gone to the next, which begins anew', () => {
    const topics = new WatchedTopics('s', {});
    topics.add('a');
    topics.note(0, 1_000);
    topics.delete('a');
    topics.delete('a');
    expect([topics.get('a'), topics.at(0)]).toStrictEqual([undefined, undefined]);
    const b = topics.add('b');
    const c = topics.add('c');
    expect([b.lastAt, topics.placeOf('b'), topics.placeOf('c')]).toStrictEqual([-Infinity, 0, 1]);
    expect([b.topic, c.topic]).toStrictEqual(['b', 'c']);
  });

  it('puts topics where it is told to, and keeps no list of places that are not its own to give', () => {
    const topics = new WatchedTopics('s', {}, false);
    topics.add('a', 1);
    topics.add('b', 0);
    topics.note(1, 1_000);
    topics.note(0, 2_000);
    expect(['a', 'b'].map((topic) => topics.get(topic)?.lastAt)).toStrictEqual([1_000, 2_000]);
    for (let times = 0; times < 10; times += 1) {
      topics.delete('a');
      topics.add('a', 1);
    }
    expect(topics.get('a')?.lastAt).toBe(-Infinity);
    expect((topics as unknown as { readonly free: number[] }).free).toStrictEqual([]);
  });

  it('takes no notice of a value in a place where nothing is watched', () => {
    const topics = new WatchedTopics('s', {}, false);
    expect([topics.note(3, 1_000), topics.at(3)]).toStrictEqual([undefined, undefined]);
    expect(topics.add('a', 3).lastAt).toBe(-Infinity);
  });

  it('keeps entries that are those of streams, but for one that is not healthy, which each value yields', () => {
    const step = fc.oneof(
      fc.record({ healthy: fc.boolean() }),
      fc.record({ lastAt: fc.nat(9) }),
      fc.record({ noted: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const topics = new WatchedTopics('s', {});
        topics.add('other');
        const entry = topics.add('a');
        const plain = createHealthEntry('s', 'a', {});
        for (const act of steps) {
          if ('noted' in act) {
            expect(topics.note(1, act.noted)).toBe(plain.healthy ? undefined : entry);
            if (plain.healthy) plain.lastAt = Math.max(plain.lastAt, act.noted);
          } else {
            Object.assign(entry, act);
            Object.assign(plain, act);
          }
          const told = ({ healthy, lastAt }: HealthEntry): unknown => ({ healthy, lastAt });
          expect(told(entry)).toStrictEqual(told(plain));
        }
      }),
    );
  });
});
