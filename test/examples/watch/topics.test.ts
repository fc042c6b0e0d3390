import { createTopics, topicAt } from '../../../examples/watch/topics.js';

describe('createTopics', () => {
  it('counts messages and their age by topic', () => {
    const topics = createTopics(10);
    topics.note('trade', 1_000);
    topics.note('book', 1_200);
    topics.note('trade', 1_500);
    expect(topics.rows([], 2_000)).toStrictEqual([
      { name: 'trade', perSecond: 0, ageMs: 500, verdict: 'unjudged', total: 2 },
      { name: 'book', perSecond: 0, ageMs: 800, verdict: 'unjudged', total: 1 },
    ]);
    expect(topics.totals()).toStrictEqual(
      new Map([
        ['trade', 2],
        ['book', 1],
      ]),
    );
  });

  it('makes no more rows than it may, and counts what found no room', () => {
    const topics = createTopics(2);
    for (const topic of ['a', 'b', 'c', 'd', 'a', 'c']) topics.note(topic, 0);
    expect(topics.totals()).toStrictEqual(
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    );
    expect(topics.others).toBe(3);
  });
});

describe('topicAt', () => {
  it.each([
    ['type', { type: 'trade' }, 'trade'],
    ['data.e', { data: { e: 'depth' } }, 'depth'],
    ['2', [119, {}, 'ticker'], 'ticker'],
    ['channel', { channel: 7 }, '7'],
    ['ok', { ok: true }, 'true'],
    ['type', { type: { a: 1 } }, '(none)'],
    ['type', { type: null }, '(none)'],
    ['type', {}, '(none)'],
    ['type', null, '(none)'],
    ['length', 'text', '(none)'],
    ['constructor.name', {}, '(none)'],
    ['a.b', { a: 'text' }, '(none)'],
  ])('reads %s of %j as %s', (path, message, topic) => {
    expect(topicAt(path)(message)).toBe(topic);
  });
});
