/** What a number is to a `ReplayWindow`: not seen before, seen, or too far behind to tell. */
export type Replay = 'new' | 'seen' | 'tooOld';

/** Remembers which of the last numbers of a sequence were seen. */
export interface ReplayWindow {
  /** Looks a number up, which counts as seen from now on. */
  see(number: number): Replay;
}

/**
 * Tells the first copy of a number from the later ones in `size` bits, whatever the order they come in: the window reaches
 * from the highest number seen `size` numbers down, and what is below it is too old to tell. It is the anti-replay window of
 * IPsec (RFC 4303, section 3.4.3) on a ring of bits that is cleared as it moves on (RFC 6479).
 *
 * @param size How many numbers back a copy is recognised, 1 to 2 ** 24; it is rounded up to a multiple of 32.
 */
export function createReplayWindow(size: number): ReplayWindow {
  const bits = new Uint32Array(Math.ceil(size / 32));
  const length = bits.length * 32;
  let highest: number | undefined;

  const place = (number: number): number => ((number % length) + length) % length;
  const forget = (from: number, to: number): void => {
    if (to - from >= length) bits.fill(0);
    else for (let number = from; number <= to; number += 1) set(place(number), false);
  };
  const isSet = (at: number): boolean => ((bits[at >>> 5] as number) & (1 << (at & 31))) !== 0;
  const set = (at: number, isSeen: boolean): void => {
    const word = bits[at >>> 5] as number;
    bits[at >>> 5] = isSeen ? word | (1 << (at & 31)) : word & ~(1 << (at & 31));
  };

  return {
    see(number) {
      highest ??= number;
      if (number > highest) {
        forget(highest + 1, number);
        highest = number;
      } else if (number <= highest - length) {
        return 'tooOld';
      }
      const at = place(number);
      if (isSet(at)) return 'seen';
      set(at, true);
      return 'new';
    },
  };
}
