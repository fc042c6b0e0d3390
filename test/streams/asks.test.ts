import { timer } from 'rxjs';
import { createAsks, keyOf } from '../../src/streams/asks.js';
import { marbles } from '../marbles.js';

const [a, b] = ['a', 'b'].map((topic) => ({ stream: 's', topic })) as [
  { stream: string; topic: string },
  { stream: string; topic: string },
];
const keys = [keyOf(a), keyOf(b)];

describe('asks', () => {
  it('an answer by id settles what is open of its ask, an answer by id and topics only those', () => {
    const asks = createAsks(100);
    asks.add('subscribe', 1, keys);
    expect(asks.settledBy({ id: '1', topics: [b], ok: true })).toStrictEqual([keyOf(b)]);
    expect(asks.settledBy({ id: 1, ok: true })).toStrictEqual([keyOf(a)]);
    expect(asks.settledBy({ id: 1, ok: true })).toStrictEqual([]);
  });

  it('an answer by topic alone belongs to the first ask that has none', () => {
    const asks = createAsks(100);
    asks.add('subscribe', 1, keys);
    asks.dismiss(keyOf(a));
    asks.add('subscribe', 2, keys);
    expect(asks.settledBy({ topics: [a, a], ok: true })).toStrictEqual([]);
    expect(asks.settledBy({ topics: [a], ok: true })).toStrictEqual([keyOf(a)]);
    expect(asks.settledBy({ topics: [a], ok: true })).toStrictEqual([]);
  });

  it('an answer to what was given up is no answer by topic any more once its deadline has passed', () => {
    const asks = createAsks(100);
    const first = asks.add('subscribe', 1, [keyOf(a)]);
    asks.dismiss(keyOf(a));
    asks.add('subscribe', 2, [keyOf(a)]);
    expect(asks.expire(first)).toStrictEqual([]);
    expect(asks.settledBy({ topics: [a], ok: true })).toStrictEqual([keyOf(a)]);
  });

  it(
    'are remembered for memoryMs from when they left, so that their number is bounded',
    marbles(({ flush }) => {
      const asks = createAsks(100);
      asks.sent(asks.add('subscribe', 1, [keyOf(a)]));
      timer(99).subscribe(() => {
        asks.add('unsubscribe', 2, []);
        expect(asks.settledBy({ id: 1, ok: true })).toStrictEqual([keyOf(a)]);
        asks.sent(asks.add('subscribe', 3, [keyOf(b)]));
      });
      timer(100).subscribe(() => {
        asks.add('unsubscribe', 4, []);
        // No longer known as a's own, a repeated answer with the id 1 is taken by its topic.
        asks.add('subscribe', 5, [keyOf(a)]);
        expect(asks.settledBy({ id: 1, topics: [a], ok: true })).toStrictEqual([keyOf(a)]);
        expect(asks.settledBy({ id: 3, ok: true })).toStrictEqual([keyOf(b)]);
      });
      flush();
    }),
  );

  it('what did not get out is not answered', () => {
    const asks = createAsks(100);
    asks.forget(asks.add('subscribe', 1, keys));
    expect(asks.settledBy({ id: 1, ok: true })).toStrictEqual([]);
    expect(asks.settledBy({ topics: [a], ok: true })).toStrictEqual([]);
  });
});
