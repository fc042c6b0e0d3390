import type { Channel } from './market.js';

/** What stands between a market and its subscribers: repeats and swaps messages on demand, and remembers the last ones. */
export interface Desk {
  publish(channel: Channel, text: string): void;
  /** Sends the next message of a channel twice, or after the one that follows it; the last demand before it counts. */
  arm(channel: Channel, fault: 'repeat' | 'reorder'): void;
  /** The last messages of a channel as they were sent, oldest first. */
  history(channel: Channel): readonly string[];
}

/** @param maxHistory Messages remembered per channel; 0 remembers none. */
export function createDesk(maxHistory: number, send: (channel: Channel, text: string) => void): Desk {
  const histories = new Map<Channel, string[]>();
  const armed = new Map<Channel, 'repeat' | 'reorder'>();
  const held = new Map<Channel, string>();

  const deliver = (channel: Channel, text: string): void => {
    const history = histories.get(channel) ?? [];
    histories.set(channel, history);
    history.push(text);
    if (history.length > maxHistory) history.shift();
    send(channel, text);
  };

  return {
    history: (channel) => histories.get(channel) ?? [],
    arm: (channel, fault) => armed.set(channel, fault),
    publish(channel, text) {
      const late = held.get(channel);
      const fault = late === undefined ? armed.get(channel) : undefined;
      if (fault !== undefined) armed.delete(channel);
      if (fault === 'reorder') {
        held.set(channel, text);
        return;
      }
      deliver(channel, text);
      if (fault === 'repeat') send(channel, text);
      if (late === undefined) return;
      held.delete(channel);
      deliver(channel, late);
    },
  };
}
