import { asyncScheduler } from 'rxjs';
import { retryAfterMs } from '../../src/streams/retryAfter.js';
import { marbles } from '../marbles.js';

describe('retryAfterMs', () => {
  const EPOCH = 'Thu, 01 Jan 1970 00:00:';

  it.each([
    ['seconds', '120', 120_000],
    ['no seconds', '0', 0],
    ['seconds among spaces', ' 7 ', 7_000],
    ['nothing', undefined, undefined],
    ['an empty header', '', undefined],
    ['a word', 'soon', undefined],
    ['a word with a number, which Date.parse would take for a year', 'soon 5', undefined],
    ['a negative number', '-5', undefined],
    ['a fraction', '1.5', undefined],
  ])('reads %s', (_title, header, expected) => {
    expect(retryAfterMs(header)).toBe(expected);
  });

  it.each([
    ['an IMF-fixdate', `${EPOCH}30 GMT`, 25_000],
    ['a date of RFC 850', 'Thursday, 01-Jan-70 00:00:30 GMT', 25_000],
    ['a date of asctime', 'Thu Jan  1 00:00:30 1970', 25_000],
    ['a date that has passed', `${EPOCH}01 GMT`, 0],
  ])('BAK-05 counts %s from now, in virtual time', (_title, header, expected) => {
    const read: unknown[] = [];
    marbles(({ flush }) => {
      asyncScheduler.schedule(() => read.push(retryAfterMs(header)), 5_000);
      flush();
    })();

    expect(read).toStrictEqual([expected]);
  });
});
