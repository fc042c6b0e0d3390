import fc from 'fast-check';
import { Observable, take } from 'rxjs';
import { createLastValues, type LastValues } from '../../src/sinks/lastValues.js';

const replayed = (values: LastValues<number>): number[] => {
  const heard: number[] = [];
  new Observable<number>((subscriber) => values.replayTo(subscriber)).subscribe((value) => heard.push(value));
  return heard;
};

describe('createLastValues', () => {
  it('keeps the last max values, oldest first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(fc.integer(), { maxLength: 30 }), (max, all) => {
        const values = createLastValues<number>(max);
        for (const [n, value] of all.entries()) {
          values.push(value);
          expect(replayed(values)).toStrictEqual(all.slice(Math.max(0, n + 1 - max), n + 1));
        }
      }),
    );
  });

  it('has nothing to hand over at first', () => {
    expect(replayed(createLastValues(3))).toStrictEqual([]);
  });

  it('stops when the subscriber has had enough', () => {
    const values = createLastValues<number>(3);
    for (const value of [1, 2, 3]) values.push(value);
    let handedOver = 0;
    new Observable<number>((subscriber) => {
      const next = jest.spyOn(subscriber, 'next');
      values.replayTo(subscriber);
      handedOver = next.mock.calls.length;
    })
      .pipe(take(2))
      .subscribe();
    expect(handedOver).toBe(2);
  });

  it('hands over what was kept when it began, whatever comes meanwhile', () => {
    const values = createLastValues<number>(2);
    values.push(1);
    values.push(2);
    const heard: number[] = [];
    new Observable<number>((subscriber) => values.replayTo(subscriber)).subscribe((value) => {
      heard.push(value);
      values.push(value + 10);
    });
    expect(heard).toStrictEqual([1, 2]);
    expect(replayed(values)).toStrictEqual([11, 12]);
  });
});
