/** The smallest of the values noted lately, in constant memory. */
export interface LowWater {
  /** Takes a value in, and yields the smallest of this and those of the window before it. O(1). */
  note(value: number, at: number): number;
}

/**
 * The minimum over a window that slides in halves: a value is forgotten between half of `windowMs` and the whole of it
 * after it came, so that a mark which can never be reached again (clocks drift, and are set) does not stand for ever.
 */
export function createLowWater(windowMs: number): LowWater {
  const halfMs = windowMs / 2;
  let before = Infinity;
  let lately = Infinity;
  let beganAt = -Infinity;

  return {
    note(value, at) {
      if (at - beganAt >= halfMs) {
        const halves = Math.floor((at - beganAt) / halfMs);
        before = halves === 1 ? lately : Infinity;
        lately = value;
        beganAt = halves === Infinity ? at : beganAt + halves * halfMs;
      } else {
        // Written only where they change: a number that a closure keeps is a new object each time.
        if (value < lately) lately = value;
        // A clock that was set back must not make the half last longer.
        if (at < beganAt) beganAt = at;
      }
      return before < lately ? before : lately;
    },
  };
}
