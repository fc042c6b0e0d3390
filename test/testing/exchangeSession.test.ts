import * as fc from 'fast-check';
import { createExchangeSession } from '../../src/testing/exchangeSession.js';
import { createMarket } from '../../src/testing/market.js';

const { channels } = createMarket({ seed: 1, symbols: ['A', 'B'], firstSeq: 1 });

describe('createExchangeSession', () => {
  const open = (token?: string) => {
    const session = createExchangeSession(channels, { token, isReconnect: false });
    const ask = (request: unknown) => session.answer(JSON.stringify(request));
    const wanted = () =>
      channels
        .filter((channel) => session.wants(channel))
        .map(({ stream, topic }) => `${stream} ${topic}`.trim());
    return { session, ask, wanted };
  };

  it('subscribes to a topic, or to all topics of a stream', () => {
    const { session, ask, wanted } = open();
    expect(session.isIdle()).toBe(true);
    const { replies } = ask({
      op: 'subscribe',
      args: [{ stream: 'trade', topic: 'B' }, { stream: 'book' }],
      id: 5,
    });

    expect(replies).toStrictEqual([
      {
        type: 'ack',
        op: 'subscribe',
        id: 5,
        topics: [
          { stream: 'trade', topic: 'B' },
          { stream: 'book', topic: undefined },
        ],
        ok: true,
      },
    ]);
    expect(wanted()).toStrictEqual(['book A', 'trade B', 'book B']);
    expect(session.isIdle()).toBe(false);
  });

  it('tells which channels were not wanted before', () => {
    const { ask } = open();
    ask({ op: 'subscribe', args: [{ stream: 'trade', topic: 'B' }] });

    expect(
      ask({ op: 'subscribe', args: [{ stream: 'trade' }] }).added.map(({ topic }) => topic),
    ).toStrictEqual(['A']);
    expect(ask({ op: 'subscribe', args: [{ stream: 'trade', topic: 'A' }] }).added).toStrictEqual([]);
  });

  it('keeps a topic when its whole stream is unsubscribed, and the other way round', () => {
    const { ask, wanted } = open();
    ask({ op: 'subscribe', args: [{ stream: 'trade' }, { stream: 'trade', topic: 'A' }] });
    ask({ op: 'unsubscribe', args: [{ stream: 'trade' }] });
    expect(wanted()).toStrictEqual(['trade A']);

    ask({ op: 'subscribe', args: [{ stream: 'trade' }] });
    ask({ op: 'unsubscribe', args: [{ stream: 'trade', topic: 'A' }] });
    expect(wanted()).toStrictEqual(['trade A', 'trade B']);
  });

  it('acknowledges an unsubscribe of what was not subscribed', () => {
    const { replies } = open().ask({ op: 'unsubscribe', args: [{ stream: 'trade', topic: 'A' }] });

    expect(replies).toMatchObject([{ type: 'ack', op: 'unsubscribe', ok: true }]);
  });

  it('SUB-08 refuses each topic it does not know by itself, and accepts the others', () => {
    const { ask, wanted } = open();
    const args = [
      { stream: 'trade', topic: 'X' },
      { stream: 'trade', topic: 'A' },
      { stream: 'news' },
      { stream: 'order', topic: '' },
      null,
    ];
    const { replies } = ask({ op: 'subscribe', args, id: 1 });

    expect(replies).toMatchObject([
      { ok: true, topics: [{ stream: 'trade', topic: 'A' }] },
      { ok: false, topics: [{ stream: 'trade', topic: 'X' }], error: 'unknown topic', id: 1 },
      { ok: false, topics: [{ stream: 'news' }], error: 'unknown stream' },
      { ok: false, topics: [{ stream: 'order', topic: '' }], error: 'unknown topic' },
      { ok: false, topics: [{}], error: 'unknown stream' },
    ]);
    expect(wanted()).toStrictEqual(['trade A']);
  });

  it('sends no ok when nothing was accepted', () => {
    const { replies } = open().ask({ op: 'subscribe', args: [{ stream: 'news' }] });

    expect(replies).toMatchObject([{ type: 'ack', ok: false }]);
  });

  it('AUT-05 lets nobody have orders before the login, if there is a token', () => {
    const { ask, wanted } = open('secret');
    const orders = { op: 'subscribe', args: [{ stream: 'order' }] };
    expect(ask(orders).replies).toMatchObject([{ ok: false, error: 'login required' }]);
    expect(ask({ op: 'login', token: 'guess' }).replies).toMatchObject([
      { type: 'login', ok: false, error: 'wrong token' },
    ]);
    expect(ask(orders).replies).toMatchObject([{ ok: false }]);

    expect(ask({ op: 'login', token: 'secret' }).replies).toMatchObject([{ type: 'login', ok: true }]);
    expect(ask(orders).replies).toMatchObject([{ ok: true }]);
    expect(wanted()).toStrictEqual(['order']);
  });

  it('lets everybody log in, and have orders, if there is no token', () => {
    const { ask } = open();

    expect(ask({ op: 'subscribe', args: [{ stream: 'order' }] }).replies).toMatchObject([{ ok: true }]);
    expect(ask({ op: 'login' }).replies).toMatchObject([{ type: 'login', ok: true }]);
  });

  it('answers a ping with its id', () => {
    expect(open().ask({ op: 'ping', id: 'x' }).replies).toStrictEqual([{ type: 'pong', id: 'x' }]);
  });

  it.each([
    ['not JSON', 'unknown request'],
    ['null', 'unknown request'],
    ['[]', 'unknown request'],
    ['{"op":"dance"}', 'unknown request'],
    ['{"op":"subscribe"}', 'args must be a list of at most 1000 topics'],
    [
      JSON.stringify({ op: 'subscribe', args: new Array(1_001).fill({}) }),
      'args must be a list of at most 1000 topics',
    ],
  ])('answers %.30s with an error', (text, error) => {
    expect(open().session.answer(text)).toMatchObject({ replies: [{ type: 'error', error }], added: [] });
  });

  it('answers anything at all without throwing', () => {
    const { session } = open('secret');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(session.answer(text).replies).not.toHaveLength(0);
      }),
    );
  });
});
