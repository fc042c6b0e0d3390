import { type FeedEvent, redactUrl, type TopicRef } from 'millrace';
import { duration, plural } from './figures.js';

/** One line of plain words for anything a feed tells about itself; URLs in it carry no userinfo, query or fragment. */
export const describeEvent = (event: FeedEvent): string => withoutSecrets(describe(event));

function describe(event: FeedEvent): string {
  switch (event.type) {
    case 'state':
      return `state ${event.status.state}, generation ${event.status.generation}`;
    case 'connected':
      return `${event.isReconnect ? 'reconnected' : 'connected'} to ${event.url}, generation ${event.generation}`;
    case 'disconnected':
      return `${event.upMs > 0 ? `disconnected after ${duration(event.upMs)}` : 'not connected'}: ${describeError(event.error)} (${event.class})`;
    case 'retry':
      return `retry ${event.attempt} in ${Math.round(event.delayMs)} ms: ${event.class}, jitter ${Math.round(event.jitteredMs)} ms on a floor of ${Math.round(event.floorMs)} ms`;
    case 'gaveUp':
      return `gave up: ${describeError(event.error)}`;
    case 'rotating':
      return 'rotating: a new connection is on its way';
    case 'rotated':
      return `rotated: generation ${event.generation} took over from ${event.from}`;
    case 'rotateFailed': {
      const next =
        event.retryInMs === undefined ? 'not tried again' : `again in ${duration(event.retryInMs)}`;
      return `rotation failed: ${describeError(event.error)}; ${next}`;
    }
    case 'pong':
      return `pong after ${duration(event.latencyMs)}`;
    case 'pongOverdue':
      return `no pong for ${duration(event.waitedMs)}: the server may hear nothing of what is sent`;
    case 'hookFailed':
      return `hook ${event.hook} failed: ${describeError(event.error)}`;
    case 'rejected': {
      const { stream, reason, issues, cause } = event.rejected;
      const why = issues?.[0]?.message ?? (cause === undefined ? 'no detail' : describeError(cause));
      return `rejected ${stream === undefined ? 'a message' : `a message of ${stream}`} (${reason}): ${why}`;
    }
    case 'duplicate':
      return `duplicate dropped: ${nameOf(event)}`;
    case 'gap':
      return `gap in ${nameOf(event)}: ${event.missing} missing between ${event.after} and ${event.before}`;
    case 'gapRecovering':
      return `recovering ${event.missing} missing in ${nameOf(event)} after ${event.after}`;
    case 'gapRecovered':
      return `recovered ${plural(event.count, 'message')} of ${event.missing} missing in ${nameOf(event)}`;
    case 'gapRecoveryFailed':
      return `not recovered in ${nameOf(event)}, ${event.missing} missing: ${describeError(event.error)}`;
    case 'late':
      return `late in ${nameOf(event)}: ${event.sequence}, expected ${event.expected}`;
    case 'unrouted': {
      const { route, count } = event;
      const why = typeof route === 'string' ? `no stream is called ${route}` : 'route gives no name';
      return `unrouted: ${why}; ${plural(count, 'message')} so far`;
    }
    case 'overflow':
      return `${event.of} overflow: ${plural(event.count, 'message')} lost by ${event.policy}`;
    case 'paused':
      return 'reading paused';
    case 'resumed':
      return 'reading resumed';
    case 'subscribing':
    case 'subscribed':
    case 'unsubscribed':
      return `${event.type} ${nameOf(event)}`;
    case 'ackOverdue':
      return `no answer to subscribing ${nameOf(event)}`;
    case 'subscriptionRefused':
      return `subscription refused, ${nameOf(event)}: ${describeError(event.error)}`;
    case 'unhealthy':
      return `${nameOf(event)} went stale: silent for ${duration(event.silentMs)}`;
    case 'recovered':
      return `${nameOf(event)} recovered after ${duration(event.silentMs)} of silence`;
    case 'remedy':
      return `${event.action} for ${nameOf(event)}, attempt ${event.attempt}; again in ${duration(event.nextInMs)} if it does not help`;
    case 'poisoned':
    case 'cured':
      return `${event.stream ?? 'the feed'} ${event.type}: ${event.rejects} of ${plural(event.of, 'message')} rejected in ${duration(event.inMs)}`;
    case 'skimMistrusted':
      return `skim is off: it read ${String(event.raw)} for ${nameOf(event)}, where the message says ${String(event.parsed)}`;
    default:
      return unheardOf(event);
  }
}

/** Whatever was thrown, in words; Node's errors of several addresses have a code and no message. */
export function describeError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return withoutSecrets(String(error));
  const { message, code, name } = error as { message?: unknown; code?: unknown; name?: unknown };
  const words = [message, code, name].find((part): part is string => typeof part === 'string' && part !== '');
  return withoutSecrets(words ?? 'unknown error');
}

/** Strips userinfo, query and fragment, where secrets live, from each URL in a text. */
export const withoutSecrets = (text: string): string =>
  text.replace(/\b(?:wss?|https?):\/\/[^\s"'<>]+/gi, redactUrl);

const nameOf = ({ stream, topic }: TopicRef): string => (topic === undefined ? stream : `${stream} ${topic}`);

/** A feed newer than this example: the compiler says so, a running one still shows the name. */
const unheardOf = (event: never): string => (event as { type: string }).type;
