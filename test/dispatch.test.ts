import * as v from 'valibot';
import { createDispatch, type Dispatch } from '../src/dispatch.js';
import type { FeedConfig, Schemas } from '../src/feedConfig.js';
import { jsonCodec } from '../src/jsonCodec.js';
import type { Key } from '../src/operators/seenKeys.js';
import { createSeenKeys } from '../src/operators/seenKeys.js';
import type { Outlet } from '../src/outlet.js';
import type { Frame, OpenSession } from '../src/streams/session.js';

const Tick = v.object({ type: v.literal('tick'), id: v.number() });

interface Rig {
  readonly dispatch: Dispatch;
  readonly log: unknown[];
  /** A frame comes; told of: what becomes of its messages. */
  readonly hand: (data: string, held?: Frame['held']) => unknown[];
  readonly session: { isHeard: boolean; isWaiting: boolean };
}

const rig = (config: Partial<FeedConfig<Schemas>> = {}): Rig => {
  const log: unknown[] = [];
  const flags = { isHeard: false, isWaiting: false };
  const memory = createSeenKeys();
  const outlet = {
    schema: Tick,
    memory,
    account: { route: () => undefined, settle: () => undefined, deliver: () => undefined, received: 0 },
    take: (message: { readonly id: Key }, isValid: boolean) => {
      dispatch.skimmer?.parsed('tick', message.id);
      log.push([memory.add(message.id) ? 'new' : 'known', message.id, ...(isValid ? ['valid'] : [])]);
    },
  } as unknown as Outlet;
  const dispatch: Dispatch = createDispatch<Schemas>(
    { url: 'ws://test', streams: { tick: { schema: Tick } }, ...config },
    {
      ledger: {
        settle: (outcome) => log.push(outcome),
        unpack: (count) => log.push(`unpacked ${count}`),
      },
      requests: {
        hear: (message) => (message as { answer?: boolean } | null)?.answer === true,
        isWaiting: () => flags.isWaiting,
      },
      outlets: new Map([['tick', outlet]]),
      pong: () => log.push('pong'),
      onLook: () => undefined,
      onReject: (reason, cause) => log.push([reason, (cause as Error).message]),
      onUnrouted: (route, raw) => log.push(['of no stream', route, raw]),
      onRepeat: (stream) => log.push(['repeat', stream]),
      onMistrust: ({ raw, parsed }) => log.push(['mistrust', raw, parsed]),
      onHookFailed: (hook) => log.push(['failed', hook]),
    },
  );
  const session = {
    generation: 3,
    port: {},
    topics: undefined,
    heartbeat: { reply: () => false },
    hear: () => undefined,
    isHeard: () => flags.isHeard,
    notice: () => log.push('notice'),
  } as unknown as OpenSession;
  const hand = (data: string, held?: Frame['held']): unknown[] => {
    log.length = 0;
    dispatch.receive({ session, data, held }, 5);
    return [...log];
  };
  return { dispatch, log, hand, session: flags };
};

const tick = (id: number): string => JSON.stringify({ type: 'tick', id });
const skim = {
  route: (data: string | Uint8Array) => (String(data).includes('"tick"') ? 'tick' : undefined),
  key: (data: string | Uint8Array) => Number(/"id":(\d+)/.exec(String(data))?.[1] ?? NaN),
};

describe('the dispatch of frames', () => {
  it('owns what JSON.parse makes, and nothing that a codec or unpack of the user has had in its hands', () => {
    const codec = { decode: (data: unknown) => data, encode: () => '' };
    const owned = [{}, { codec: jsonCodec }, { codec }, { unpack: (one: unknown) => [one] }].map(
      (config) => rig(config).dispatch.makesOwn,
    );

    expect(owned).toStrictEqual([true, true, false, false]);
  });

  it('gives a message to its stream, and books what is for none', () => {
    const { hand, dispatch } = rig({
      heartbeat: { isPong: (message) => message === 'pong' },
      rotate: { when: (message) => message === 'leaving' },
      isControl: (message) => message === 'hello',
      route: (message) => {
        if (message === 'bad') throw new Error('no route');
        return (message as { type?: string }).type;
      },
    });

    expect(hand(tick(1))).toStrictEqual([['new', 1]]);
    expect(dispatch.arrival).toStrictEqual({ generation: 3, at: 5 });
    expect(hand('"pong"')).toStrictEqual(['pong', 'control']);
    expect(hand('"leaving"')).toStrictEqual(['notice', 'control']);
    expect(hand('"hello"')).toStrictEqual(['control']);
    expect(hand('{"answer":true}')).toStrictEqual(['control']);
    expect(hand('{"type":"other"}')).toStrictEqual([
      'unrouted',
      ['of no stream', 'other', '{"type":"other"}'],
    ]);
    expect(hand('"bad"')).toStrictEqual([['route', 'no route'], 'rejected']);
    expect(hand('{')[0]).toBe('rejected');
  });

  it('takes a frame of many messages apart, in order', () => {
    const { hand } = rig({ unpack: (decoded) => decoded as unknown[] });
    const frame = `[${tick(1)},{"type":"other"},${tick(2)}]`;

    expect(hand(frame)).toStrictEqual([
      'unpacked 3',
      ['new', 1],
      'unrouted',
      ['of no stream', 'other', frame],
      ['new', 2],
    ]);
    expect(hand('[]')).toStrictEqual(['unpacked 0']);
    expect(hand('{}')).toStrictEqual(['rejected', ['decode', 'unpack must yield an array, got object']]);
  });

  it('takes as many messages as it has booked, though their list becomes shorter', () => {
    let list: unknown[] = [];
    const { hand } = rig({
      unpack: (decoded) => (list = decoded as unknown[]),
      isControl: () => {
        list.length = 1;
        return false;
      },
    });

    expect(hand(`[${tick(1)},${tick(2)}]`).slice(0, 3)).toStrictEqual(['unpacked 2', ['new', 1], 'unrouted']);
  });

  it('says of a message that its reader read that it fits', () => {
    const { hand, dispatch } = rig({ reader: true });

    expect(hand(tick(1))).toStrictEqual([['new', 1, 'valid']]);
    expect(hand('{"id":2,"type":"tick"}')).toStrictEqual([['new', 2]]);
    expect(dispatch.readerStats()).toStrictEqual({ read: 1, surprised: 1 });
    expect(rig().dispatch.readerStats()).toBeUndefined();
  });

  it('drops a repeated message unparsed, once its stream has proved that the raw key is right', () => {
    const { hand } = rig({ skim });
    const fates = [1, 1, 1, 2, 1, 2].map((id) => hand(tick(id))[0]);

    // The first known one is parsed all the same.
    expect(fates).toStrictEqual([
      ['new', 1],
      ['known', 1],
      ['repeat', 'tick'],
      ['new', 2],
      expect.anything(),
      ['repeat', 'tick'],
    ]);
  });

  it.each(['isHeard', 'isWaiting'] as const)(
    'parses every message while somebody is to hear it: %s',
    (flag) => {
      const { hand, session } = rig({ skim });
      for (let count = 0; count < 3; count += 1) hand(tick(1));
      session[flag] = true;

      expect(hand(tick(1))).toStrictEqual([['known', 1]]);
      session[flag] = false;
      hand(tick(1)); // parsed, to see whether skimming is still right
      expect(hand(tick(1))).toStrictEqual([['repeat', 'tick']]);
    },
  );

  it('parses what was held', () => {
    const { hand } = rig({ skim });
    for (let count = 0; count < 3; count += 1) hand(tick(1));

    expect(hand(tick(1), { phase: 'login', acted: [false] })).toStrictEqual([['known', 1]]);
  });

  it('does not believe a raw key that the message of another kind has too', () => {
    const { hand } = rig({ skim });
    hand(tick(1));

    const ack = '{"ack":{"type":"tick","id":7}}';
    expect(hand(ack)).toStrictEqual([
      ['mistrust', 'tick', undefined],
      'unrouted',
      ['of no stream', undefined, ack],
    ]);
    expect(hand(tick(1))).toStrictEqual([['known', 1]]);
  });

  it('tells of a skim that throws, and goes on without', () => {
    const { hand } = rig({
      skim: {
        ...skim,
        key: () => {
          throw new Error('no key');
        },
      },
    });

    expect(hand(tick(1))).toStrictEqual([
      ['failed', 'skim'],
      ['new', 1],
    ]);
    expect(hand(tick(1))).toStrictEqual([['known', 1]]);
  });
});
