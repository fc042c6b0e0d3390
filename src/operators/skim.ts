import type { Key, SeenKeys } from './seenKeys.js';

/** Reads from a frame, before it is parsed, what tells whether it repeats a message. */
export interface SkimConfig {
  /** The stream of a raw frame, or `undefined`: parse it. If it throws, no frame is looked at any more. */
  readonly route: (data: string | Uint8Array) => string | undefined;
  /** The key of the message in it, as the stream's own `key` gives it, or `undefined`: parse it. If it throws, likewise. */
  readonly key: (data: string | Uint8Array) => Key | undefined;
}

/** What was read from a raw frame is not what its message says. */
export interface Mistrust {
  /** The stream of the message; where it is in none, the one that was read. */
  readonly stream: string;
  /** The stream or key that was read. */
  readonly raw: unknown;
  /** That of the parsed message; `undefined` if it is in no stream. */
  readonly parsed: unknown;
}

export interface SkimHooks {
  /** What a stream has delivered; `undefined` for one without a key, whose frames are all parsed. */
  readonly memoryOf: (stream: string) => Pick<SeenKeys, 'has' | 'add'> | undefined;
  /** The config cannot be trusted, and no frame is looked at any more. Told once. */
  readonly onMistrust: (about: Mistrust) => void;
  /** A function of the config has thrown, and no frame is looked at any more. Told once, and not after a mistrust. */
  readonly onHookFailed: (error: unknown) => void;
}

/** Knows repeated messages by their raw frames. */
export interface Skimmer {
  /**
   * To be called with every frame. Yields the stream whose known message it repeats, so that it need not be parsed and is a
   * sighting of that message; `undefined`: parse it, and tell `parsed`.
   *
   * @param mustParse It is not looked at, as somebody is to hear of every message.
   */
  skim(data: string | Uint8Array, mustParse?: boolean): string | undefined;
  /** The last frame was parsed: its message is in `stream` and has `key`, or is in no stream with a key. Not to be told of a misfit. */
  parsed(stream: string | undefined, key: Key | undefined): void;
}

/** A stream of which a message was parsed and was what its frame had said. */
interface Proven {
  readonly stream: string;
  readonly memory: Pick<SeenKeys, 'has' | 'add'>;
  /** Known ones that are dropped between two that are parsed all the same; grows with each that was read right. */
  between: number;
  untilCheck: number;
}

/**
 * So many known ones of a stream are dropped between two checks: none, 1, 3, 7, 15, 31, and then always these. One in 61 is a
 * prime: only a pattern of that very length could hide from it.
 */
const MOST_BETWEEN = 60;
/** While few are known, one frame in so many is looked at. A prime, likewise. */
const SAMPLE_EACH = 17;
/** Looked-at frames until it is decided anew how many to look at: all of them, or samples. */
const ALL = { frames: 256 };
const SAMPLES = { frames: 32 };
/**
 * To look at a frame costs about as much as to parse so many characters of JSON, and what a message costs whatever its length is as
 * much again. So it pays from 23 % of known ones on if they are of 216 characters, from 4 % on if they are of 1 500.
 */
const LOOK = 64;

/**
 * Tells by a look at the raw frame that its message was delivered before, so that it need not be parsed. A key becomes known
 * only by a message that was parsed and fits: a broken copy never keeps out the good one.
 *
 * It looks at every frame while enough of them are known for that to pay, and else at one in 17: the longer they are, the fewer
 * suffice.
 *
 * A key read wrong would drop a message that is new, so what is read is compared with what is parsed: of all that were looked at
 * and not known, and of those that are known for the first of a stream, then ever fewer, at last every 61st. One difference, and
 * it never looks again: before that, at most 60 messages of a stream are lost in a row, and mostly none where it reads wrong from
 * the start.
 *
 * It is for frames of one message each: of more, it would read the first and drop them all.
 */
export function createSkimmer(
  { route, key }: SkimConfig,
  { memoryOf, onMistrust, onHookFailed }: SkimHooks,
): Skimmer {
  const proven = new Map<string, Proven>();
  let isOff = false;
  /** Frames that pass by unlooked. */
  let rest = 0;
  let span = ALL;
  let looked = 0;
  /** What those known would have cost, in characters. */
  let saved = 0;
  /** A stream and a key were read from the frame that is being parsed: these. */
  let isRead = false;
  let rawStream = '';
  let rawKey: Key = '';
  let found: Proven | undefined;
  /** It is known, and parsed all the same. */
  let isCheck = false;

  const turnOff = (): void => {
    isOff = true;
    proven.clear();
  };

  /** The stream that knows the message of a frame. */
  const look = (data: string | Uint8Array): Proven | undefined => {
    try {
      const stream = route(data);
      if (stream === undefined) return undefined;
      found = proven.get(stream);
      if (found === undefined && memoryOf(stream) === undefined) return undefined;
      const read = key(data);
      if (read === undefined) return undefined;
      isRead = true;
      rawStream = stream;
      rawKey = read;
      return found?.memory.has(read) === true ? found : undefined;
    } catch (error) {
      turnOff();
      onHookFailed(error);
      return undefined;
    }
  };

  const count = (worth: number): void => {
    looked += 1;
    saved += worth;
    if (looked === span.frames) {
      span = saved < looked * LOOK ? SAMPLES : ALL;
      looked = saved = 0;
    }
    if (span === SAMPLES) rest = SAMPLE_EACH - 1;
  };

  const mistrust = (about: Mistrust): void => {
    turnOff();
    onMistrust(about);
  };

  return {
    skim(data, mustParse = false) {
      isRead = false;
      if (isOff || mustParse) return undefined;
      if (rest > 0) {
        rest -= 1;
        return undefined;
      }
      const knowing = look(data);
      count(knowing === undefined ? 0 : data.length + LOOK);
      isCheck = knowing?.untilCheck === 0;
      if (knowing === undefined || isCheck) return undefined;
      isRead = false;
      knowing.untilCheck -= 1;
      knowing.memory.add(rawKey);
      return knowing.stream;
    },
    parsed(stream, parsedKey) {
      if (!isRead) return;
      isRead = false;
      if (stream !== rawStream) {
        mistrust({ stream: stream ?? rawStream, raw: rawStream, parsed: stream });
      } else if (parsedKey !== rawKey) {
        mistrust({ stream, raw: rawKey, parsed: parsedKey });
      } else if (found === undefined) {
        const memory = memoryOf(stream);
        if (memory !== undefined) proven.set(stream, { stream, memory, between: 0, untilCheck: 0 });
      } else if (isCheck) {
        found.between = Math.min(found.between * 2 + 1, MOST_BETWEEN);
        found.untilCheck = found.between;
      }
    },
  };
}
