import { firstId, type Stamped } from './batch.js';

/** What was delivered, and what is wrong with it, if anything is. */
export interface Testimony {
  readonly delivered: number;
  /** Numbers passed over: lost on the way, unless somebody tells that he dropped as many. */
  readonly missing: number;
  /** Trades that came again, or after a later one of their stream. */
  readonly disordered: number;
}

export interface Witness {
  readonly note: (trade: Stamped) => void;
  readonly testimony: () => Testimony;
}

/** Counts trades, and watches that the numbers of every stream begin at the first and rise. */
export function createWitness(): Witness {
  const latest = new Map<string, number>();
  let delivered = 0;
  let missing = 0;
  let disordered = 0;
  return {
    note: ({ type, id }) => {
      const ahead = id - (latest.get(type) ?? firstId - 1);
      delivered += 1;
      if (ahead <= 0) {
        disordered += 1;
        return;
      }
      missing += ahead - 1;
      latest.set(type, id);
    },
    testimony: () => ({ delivered, missing, disordered }),
  };
}
