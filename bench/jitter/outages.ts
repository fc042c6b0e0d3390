import type { Outage } from './simulate.js';

/** An outage to play, and for whom. */
export interface Scene extends Outage {
  readonly title: string;
  /** Leaves out the clients without jitter, whose figures are out of all proportion. */
  readonly jitteredOnly: boolean;
}

/** Down for a minute; 2 000 dials a second are accepted after it. */
const minute = { clients: 100_000, downMs: 60_000, lossMs: 0, acceptPerSlot: 200, jitteredOnly: true };

/** The outages of the report by name; the first is the one the default is chosen by. */
export const outages: Readonly<Record<string, Scene>> = {
  atOnce: { ...minute, title: 'All lose it at once', jitteredOnly: false },
  overOneSecond: { ...minute, title: 'All lose it within 1 s', lossMs: 1_000, jitteredOnly: false },
  restart: { ...minute, title: 'All lose it at once, and it is back after 2 s', downMs: 2_000 },
  tenMinutes: { ...minute, title: 'All lose it at once, and it is back after 10 min', downMs: 600_000 },
  room: {
    ...minute,
    title: 'All lose it at once, and it accepts 20 000 dials a second',
    acceptPerSlot: 2_000,
  },
};

/** The least time in which a server can take all its clients back, ms. */
export const idealMs = ({ clients, acceptPerSlot }: Outage, slotMs: number): number =>
  (clients / acceptPerSlot) * slotMs;
