import { keyOf } from '../../src/streams/asks.js';
import { createTopicTable, type Wanted } from '../../src/streams/topicTable.js';

const tableOf = (...names: string[]) => {
  const wanted = new Map<string, Wanted>(
    names.map((topic) => {
      const ref = { stream: 's', topic };
      return [keyOf(ref), { ref, lastSequence: undefined }];
    }),
  );
  const table = createTopicTable(wanted);
  const keys = [...wanted.keys()];
  table.update(keys);
  const take = (hook: 'subscribe' | 'unsubscribe', max = 10): (string | undefined)[] =>
    table.take(hook, max).map(({ ref }) => ref.topic);
  return { wanted, table, keys, take };
};

describe('the topics of a session', () => {
  it('are taken once, in order, so many at a time', () => {
    const { take } = tableOf('a', 'b', 'c');
    expect([take('subscribe', 2), take('subscribe', 2), take('subscribe', 2)]).toStrictEqual([
      ['a', 'b'],
      ['c'],
      [],
    ]);
  });

  it('are passed over if they have just ceased to be wanted, and looked at again on update', () => {
    const { wanted, table, keys, take } = tableOf('a');
    const entry = wanted.get(keys[0]!)!;
    wanted.clear();
    expect(take('subscribe')).toStrictEqual([]);
    wanted.set(keys[0]!, entry);
    table.update(keys);
    expect(take('subscribe')).toStrictEqual(['a']);
  });

  it('are forgotten when nobody wants them and the server does not hold them', () => {
    const { wanted, table, keys, take } = tableOf('a', 'b');
    table.pick(keys)[1]!.isHeld = true;
    wanted.clear();
    table.update(keys);
    expect(table.pick(keys)).toHaveLength(1);
    expect(take('unsubscribe')).toStrictEqual(['b']);
  });

  it('wait for the retry of the one hook, but not of the other', () => {
    const { wanted, table, keys, take } = tableOf('a');
    const topic = table.pick(keys)[0]!;
    Object.assign(topic, { isHeld: true, retry: { hook: 'subscribe' } });
    table.sort(topic);
    expect(take('subscribe')).toStrictEqual([]);
    wanted.clear();
    table.update(keys);
    expect(take('unsubscribe')).toStrictEqual(['a']);
  });

  it('are settled when every wanted one is confirmed', () => {
    const { table, keys } = tableOf('a');
    expect(table.isSettled()).toBe(false);
    const topic = table.pick(keys)[0]!;
    topic.state = 'confirmed';
    table.sort(topic);
    expect(table.isSettled()).toBe(true);
  });
});
