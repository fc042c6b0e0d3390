import { asyncScheduler } from 'rxjs';
import { retryAfterMs } from '../../src/streams/retryAfter.js';
import { marbles } from '../marbles.js';

describe('retryAfterMs', () => {
  const EPOCH = 'Thu, 01 Jan 1970 00:00:';

  it.each([
    ['seconds', '120', 120_000],
    ['no seconds', '0', undefined],
    ['seconds among spaces', ' 7 ', 7_000],
    ['nothing', undefined, undefined],
    ['an empty header', '', undefined],
    ['a word', 'soon', undefined],
    ['a word with a number, which Date.parse would take for a year', 'soon 5', undefined],
    ['a negative number', '-5', undefined],
    ['a fraction', '1.5', undefined],
  ])('reads %s', (_title, header, expected) => {
    expect(retryAfterMs({ 'retry-after': header })).toBe(expected);
  });

  /** What the headers say 5 s after the epoch. */
  const readAt5s = (headers: Parameters<typeof retryAfterMs>[0]): unknown => {
    let read: unknown = 'nothing';
    marbles(({ flush }) => {
      asyncScheduler.schedule(() => (read = retryAfterMs(headers)), 5_000);
      flush();
    })();
    return read;
  };

  it.each([
    ['an IMF-fixdate', `${EPOCH}30 GMT`, 25_000],
    ['a date of RFC 850', 'Thursday, 01-Jan-70 00:00:30 GMT', 25_000],
    ['a date of asctime', 'Thu Jan  1 00:00:30 1970', 25_000],
    ['a date that has passed', `${EPOCH}01 GMT`, undefined],
  ])('BAK-05 counts %s from now, in virtual time', (_title, header, expected) => {
    expect(readAt5s({ 'retry-after': header })).toBe(expected);
  });

  it.each([
    ['which our clock has passed', `${EPOCH}01 GMT`, 29_000],
    ['which our clock has yet to reach', `${EPOCH}29 GMT`, 1_000],
    ['which is the same', `${EPOCH}30 GMT`, undefined],
    ['which is none, and so from now', 'soon', 25_000],
  ])('BAK-05 counts a date from the Date of the answer, %s', (_title, date, expected) => {
    expect(readAt5s({ 'retry-after': `${EPOCH}30 GMT`, date })).toBe(expected);
  });
});
