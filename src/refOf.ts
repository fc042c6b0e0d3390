import type { TopicRef } from './streams/events.js';

/** Names a topic of a stream, or, without one, the stream as a whole. */
export const refOf = (stream: string, topic: string | undefined): TopicRef =>
  topic === undefined ? { stream } : { stream, topic };
