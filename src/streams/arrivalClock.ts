import { asyncScheduler } from 'rxjs';

/** Frames at most that share one look at the clock. */
const MOST_SHARING = 8;
/** If they took so many milliseconds, the next have a look each. */
const SLOW_MS = 2;

/** When frames came. */
export interface ArrivalClock {
  /** The next frames were read from the network together. */
  chunk(): void;
  /** The time of the next frame, epoch ms. */
  now(): number;
}

/**
 * Frames that were read together came together, whenever their turn is; so up to eight of them share one look at the clock,
 * which costs as much as a tenth of all that is done for a frame. The first of a chunk has a look of its own, so no stamp is older
 * than the read that brought its frame. While frames are slow, so that time is short, each has a look.
 *
 * Who never tells of a chunk has a look for each frame.
 */
export const createArrivalClock = (): ArrivalClock => new Sampled();

/** A class, as each connection has one. */
class Sampled implements ArrivalClock {
  private at = 0;
  /** Frames that still share the last look. */
  private left = 0;
  /** How many share the next; 0 without chunks. */
  private sharing = 0;
  private isFirst = true;

  chunk(): void {
    this.left = 0;
    this.isFirst = true;
    if (this.sharing === 0) this.sharing = 1;
  }

  now(): number {
    if (this.left > 0) {
      this.left -= 1;
      return this.at;
    }
    const at = asyncScheduler.now();
    if (this.sharing > 0) this.share(at);
    this.at = at;
    return at;
  }

  private share(at: number): void {
    if (this.isFirst) this.isFirst = false;
    else if (at - this.at >= SLOW_MS) this.sharing = 1;
    else this.sharing = Math.min(MOST_SHARING, 2 * this.sharing);
    this.left = this.sharing - 1;
  }
}
