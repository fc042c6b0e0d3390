import type { Subscriber } from 'rxjs';
import type { FrameReader } from '../../src/streams/session.js';

/** Reads until the subscriber leaves, who completes when the session ends. */
export const readerOf = (subscriber: Subscriber<unknown>): FrameReader => ({
  get closed() {
    return subscriber.closed;
  },
  onEnd: () => subscriber.complete(),
});
