import type { Observable, Subscription } from 'rxjs';
import { SubscriptionRefusedError } from 'millrace';
import type { Breaks } from './lifeFacts.js';
import type { LifePlay, Moment } from './lifePlay.js';
import { type LifeServer, type LifeValue, WELL } from './lifeServer.js';
import type { LifeTold } from './lifeTold.js';

/** Who listens, and what was so when he began. */
export interface Guest {
  readonly number: number;
  readonly to: string;
  readonly dials: number;
  readonly cameWhenOver: boolean;
  readonly cameWhenClosing: boolean;
  readonly closes: number;
  readonly failures: number;
  subscription: Subscription | undefined;
  hasLeft: boolean;
  end: string | undefined;
  served: number;
}

/** What guests must know of the life around them. */
export interface GuestsConfig {
  readonly play: LifePlay;
  readonly server: Pick<LifeServer, 'dials'>;
  readonly told: LifeTold;
  readonly breaks: Breaks;
  readonly called: (moment: Moment) => void;
  /** Times that the feed was asked to close. */
  readonly closes: () => number;
  /** What is on its way, or was held, comes behind what is being done: it is for whoever comes in time. */
  readonly isBehind: () => boolean;
}

/** Everybody who listens, or has listened: each looks at whether what comes is for him. */
export interface Guests {
  readonly all: readonly Guest[];
  readonly present: () => Guest[];
  readonly listen: (to: string, values$: Observable<LifeValue>) => void;
  readonly leave: (guest: Guest | undefined) => void;
}

export const show = (who: readonly Guest[]): string => who.map(({ number, to }) => `#${number} ${to}`).join();

export function createGuests(config: GuestsConfig): Guests {
  const { play, server, told, breaks, called, closes } = config;
  const all: Guest[] = [];

  const come = (to: string): Guest => {
    const { state, isGivingUp, isClosing, failures } = told;
    const guest: Guest = {
      number: all.length,
      to,
      dials: server.dials,
      cameWhenOver: !config.isBehind() && ((state === 'CLOSED' && !isGivingUp) || state === 'DISCONNECTED'),
      cameWhenClosing: isClosing,
      closes: closes(),
      failures: state === 'CLOSED' || isGivingUp || isClosing ? -1 : failures,
      subscription: undefined,
      hasLeft: false,
      end: undefined,
      served: 0,
    };
    all.push(guest);
    return guest;
  };

  const listen = (to: string, values$: Observable<LifeValue>): void => {
    const guest = come(to);
    const ends = (how: string): void => {
      if (guest.end !== undefined) breaks('ended', `${show([guest])}: ${guest.end}, then ${how}`);
      guest.end = how;
    };
    guest.subscription = values$.subscribe({
      next: ({ id, dial }) => {
        const isGone = guest.end !== undefined || (guest.hasLeft && guest.subscription !== undefined);
        if (isGone) breaks('ended', `${show([guest])}: a value after ${guest.end ?? 'it left'}`);
        const isOld = guest.cameWhenOver && dial <= guest.dials;
        // CLOSED by a failure while frames wait: what they are is still to come.
        if (isOld && play.turnMs === 0) breaks('fresh', `${show([guest])}: a value of dial ${dial}`);
        if (id >= WELL) guest.served += 1;
        called('value');
      },
      error: (error: unknown) => {
        ends((error as Error).name);
        const isRefused = play.answers === 'in part' && error instanceof SubscriptionRefusedError;
        if (guest.failures === told.failures && !isRefused) breaks('asked', `${show([guest])}: ${guest.end}`);
        called('error');
      },
      complete: () => {
        ends('complete');
        const isAsked = play.normal === 'complete' || guest.closes < closes() || guest.cameWhenClosing;
        if (!isAsked) breaks('asked', show([guest]));
        called('complete');
      },
    });
    if (guest.hasLeft) guest.subscription.unsubscribe();
  };

  return {
    all,
    present: () => all.filter(({ end, hasLeft }) => end === undefined && !hasLeft),
    listen,
    leave(guest) {
      if (guest === undefined) return;
      guest.hasLeft = true;
      guest.subscription?.unsubscribe();
    },
  };
}
