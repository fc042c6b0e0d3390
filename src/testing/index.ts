export * from './exchange.js';
export * from './faultServer.js';
export * from './scriptedTransport.js';
export * from './serveRecording.js';
