import { settled } from './settled.js';
import type { Transport } from './transport.js';
import { webSocketTransport } from './webSocketTransport.js';

/**
 * The default transport of a bundle for browsers: the platform's own WebSocket, looked up at each dial. The `browser`
 * field of package.json puts this file in the place of wsTransport.js, so that `ws` stays out of the bundle.
 */
export const wsTransport: Transport = {
  can: { ping: false, pause: false, drain: false },
  settled,
  dial: (request, handler) => webSocketTransport(globalThis.WebSocket).dial(request, handler),
};
