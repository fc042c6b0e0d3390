import { WebSocket as W3cWebSocket } from 'undici';
import { UnsupportedDialError } from '../../src/streams/webSocketTransport.js';
import { wsTransport } from '../../src/streams/wsTransport.browser.js';
import { dial, loopback, tidyUp } from './transportRigs.js';

const { WebSocket: own } = globalThis;
const provide = (WebSocket: unknown): unknown => Object.assign(globalThis, { WebSocket });

describe('wsTransport of a bundle for browsers', () => {
  afterEach(() => provide(own));
  afterEach(tidyUp);

  it('CON-07 dials with the WebSocket that the platform has at that moment', async () => {
    const server = await loopback({ accept: (client) => client.send('hello') });
    provide(W3cWebSocket);
    const { until } = dial({ transport: wsTransport, url: server.url });

    expect((await until('message')).data).toBe('hello');
  });

  it('CON-07 throws at the dial, and not before, where the platform has none', () => {
    provide(undefined);

    expect(() => dial({ transport: wsTransport, url: 'ws://127.0.0.1:1' })).toThrow(
      new UnsupportedDialError('webSocketTransport: WebSocket must be a constructor, got undefined'),
    );
  });

  it('has neither ping frames nor a pause', () => {
    expect(wsTransport.can).toStrictEqual({ ping: false, pause: false, drain: false });
  });
});
