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
  const onMessage = (): void => {
    leave();
    task();
  };
  // What was posted before a port is closed arrives there all the same, by the letter of the standard.
  const leave = (): void => {
    port1.removeEventListener('message', onMessage);
    port1.close();
  };
  port1.addEventListener('message', onMessage);
  port1.start();
  port2.postMessage(undefined);
  return leave;
});
