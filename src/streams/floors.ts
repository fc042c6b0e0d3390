import { LRUCache } from 'lru-cache';
import { asyncScheduler } from 'rxjs';
import { type BegunWait, leftMs } from '../operators/leftMs.js';

/** The hosts whose floors are kept. */
const MAX_HOSTS = 100;

/** Until when a server asked not to be dialled. */
export interface Floor extends BegunWait {
  /** The failure that told so. */
  readonly cause: unknown;
}

/** The floors of servers, each for all the URLs of its host, whatever the port; of 100 hosts, those asked about last. */
export interface Floors {
  /** Keeps the later of this floor and the one that is there. Without a URL it is one for all. */
  raise(url: string | undefined, ms: number, cause: unknown): void;
  /** The floor for this URL, its own or that for all; `undefined` if it may be dialled. */
  of(url: string | undefined): Floor | undefined;
  /** Ends the floor for this URL, and that for all. */
  end(url: string): void;
}

export const createFloors = (): Floors => {
  const floors = new LRUCache<string, Floor>({ max: MAX_HOSTS });
  const later = (one: Floor | undefined, other: Floor | undefined): Floor | undefined =>
    leftMs(other) > leftMs(one) ? other : one;
  return {
    raise(url, ms, cause) {
      const host = hostOf(url);
      floors.set(host, later({ ms, since: asyncScheduler.now(), cause }, floors.get(host)));
    },
    of(url) {
      const floor = later(floors.get(hostOf(url)), floors.get(ALL));
      return leftMs(floor) > 0 ? floor : undefined;
    },
    end(url) {
      floors.delete(hostOf(url));
      floors.delete(ALL);
    },
  };
};

/** No host has this name. */
const ALL = '';
/** A venue bans an address on all ports. */
const hostOf = (url: string | undefined): string => (url === undefined ? ALL : new URL(url).hostname);
