import { TurnEnd } from '../operators/turnEnd.js';

/**
 * Emits once, then completes, on the next turn of the event loop: by then whatever had already arrived has been told.
 * After the poll phase (`setImmediate`) where there is one, as a task behind those in line (`MessageChannel`) elsewhere.
 */
export const settled = new TurnEnd((task) => {
  if (typeof setImmediate === 'function') {
    const handle = setImmediate(task);
    return () => clearImmediate(handle);
  }
  const { port1, port2 } = new MessageChannel();
  const close = (): void => port1.close();
  port1.addEventListener('message', () => {
    close();
    task();
  });
  port1.start();
  port2.postMessage(undefined);
  return close;
});
