import { TestScheduler } from 'rxjs/testing';
import { HandshakeError, SocketClosedError } from '../streams/failure.js';
import { retryAfterMs } from '../streams/retryAfter.js';
import type { Data } from '../streams/transport.js';

/** The tag of a step: no message can carry it. */
export const act = Symbol('act');

/** Something the scripted server does; made by `opens`, `closes`, `refuses`, `fails`, `pings`, `pongs` and `silence`. */
export type Step = {
  /** Whether it belongs to a dial, to an open connection, or to either. */
  readonly when: 'dial' | 'connection' | 'either';
} & (
  | { readonly [act]: 'open'; readonly info: { readonly protocol: string; readonly extensions: string } }
  | { readonly [act]: 'message'; readonly data: Data }
  | { readonly [act]: 'ping' | 'pong' | 'silence' }
  | { readonly [act]: 'end'; readonly error: (isOpen: boolean) => unknown }
);

/** The handshake succeeds; the letter `o` does it without subprotocol and extensions. */
export const opens = (info: { readonly protocol?: string; readonly extensions?: string } = {}): Step => ({
  [act]: 'open',
  when: 'dial',
  info: { protocol: '', extensions: '', ...info },
});

/** The server closes the open connection; `|` is `closes(1000)`. */
export const closes = (code: number, reason = ''): Step => ({
  [act]: 'end',
  when: 'connection',
  error: () => new SocketClosedError(code, reason),
});

/** The server answers the handshake with an HTTP status other than 101. A `Retry-After` date counts from their `Date`, else from that moment. */
export const refuses = (status: number, headers: Readonly<Record<string, string>> = {}): Step => ({
  [act]: 'end',
  when: 'dial',
  error: () => {
    const lowered = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    return new HandshakeError(status, retryAfterMs(lowered), lowered);
  },
});

/** The network fails, with this error or one of this `code`; `#` is `ECONNREFUSED` for a dial, a close of 1006 later. */
export const fails = (failure: string | Error): Step => ({
  [act]: 'end',
  when: 'either',
  error: () => (typeof failure === 'string' ? networkError(failure) : failure),
});

/** The server sends a ping frame. */
export const pings = (): Step => ({ [act]: 'ping', when: 'connection' });

/** The server sends a pong frame that nobody asked for. */
export const pongs = (): Step => ({ [act]: 'pong', when: 'connection' });

/** From here on the server answers nothing: no pong, no reply, no close handshake. What the script says still comes. */
export const silence = (): Step => ({ [act]: 'silence', when: 'either' });

/** The network drops what there is: the `#` of a script. */
export const drops: Step = {
  [act]: 'end',
  when: 'either',
  error: (isOpen) => (isOpen ? new SocketClosedError(1006, '') : networkError('ECONNREFUSED')),
};

const networkError = (code: string): Error => Object.assign(new Error(`scripted ${code}`), { code });

/** A step and its time, in ms from the dial. */
export interface Cue {
  readonly at: number;
  readonly step: Step;
}

/** Marbles whose frame is 1 ms, also outside `TestScheduler.run`. */
class Marbles extends TestScheduler {
  static override frameTimeFactor = 1;
}

/** What of a script is time: blanked, it leaves the letters, each at its place. */
const PROGRESSION = /(?<=^| )\d+(?:\.\d+)?(?:ms|s|m)(?= )/g;

/** Reads one script; `steps` holds the step of each letter, `|` and `#` included. */
export function parseScript(script: string, steps: ReadonlyMap<string, Step>): readonly Cue[] {
  if (/[!^]/.test(script)) {
    throw new TypeError(`scriptedTransport: '!' and '^' mean nothing here, got '${script}'`);
  }
  const blanked = script.replace(PROGRESSION, (time) => ' '.repeat(time.length));
  const places = [...blanked.matchAll(/[^ ()-]/gu)].map(({ index }) => index);

  let state: 'dial' | 'connection' | 'over' = 'dial';
  return Marbles.parseMarbles(script, undefined, undefined, true, true).map(({ frame, notification }, i) => {
    const letter =
      notification.kind === 'N' ? String(notification.value) : notification.kind === 'C' ? '|' : '#';
    const step = steps.get(letter);
    const where = `'${letter}' at position ${places[i] ?? script.length} of '${script}'`;
    if (step === undefined) throw new TypeError(`scriptedTransport: frames has nothing for ${where}`);
    if (state === 'over') throw new TypeError(`scriptedTransport: ${where} comes after the end`);
    if (step.when !== state && step.when !== 'either') {
      throw new TypeError(
        `scriptedTransport: ${where} comes ${state === 'dial' ? 'before' : 'after'} the opening`,
      );
    }
    if (step[act] === 'open') state = 'connection';
    if (step[act] === 'end') state = 'over';
    return { at: frame, step };
  });
}

/** What a letter or a reply stands for: the step itself, or the sending of a message. */
export function toStep(frame: unknown, name: string): Step {
  if (typeof frame === 'object' && frame !== null && act in frame) return frame as Step;
  if (typeof frame === 'string' || frame instanceof Uint8Array) return toMessage(frame);
  // The types leave out that it yields undefined for what JSON has no word for.
  const json = JSON.stringify(frame) as string | undefined;
  if (json === undefined) throw new TypeError(`scriptedTransport: ${name} has no JSON, got ${typeof frame}`);
  return toMessage(json);
}

const toMessage = (data: Data): Step => ({ [act]: 'message', when: 'connection', data });
