import { noop } from 'rxjs';
import { type AtTurnEnd, TurnEnd } from '../operators/turnEnd.js';

const afterCallback = Promise.resolve();

const byImmediate: AtTurnEnd = (task) => {
  let leave = noop;
  let isLeft = false;
  void afterCallback.then(() => {
    if (isLeft) return;
    const handle = setImmediate(task);
    leave = () => clearImmediate(handle);
  });
  return () => {
    isLeft = true;
    leave();
  };
};

const byChannel: AtTurnEnd = (task) => {
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
};

/**
 * Emits once, then completes, on the next turn of the event loop: by then whatever had already arrived has been told.
 * After the poll phase (`setImmediate`) where there is one, as a task behind those in line (`MessageChannel`) elsewhere; it errors where
 * there is neither.
 *
 * `setImmediate` is called when the callback that runs now is done, in a microtask: that takes half a microsecond, two where its code has
 * left the cache, and the first message of a read asks for it, while nineteen may stand behind that. In a browser each message is a
 * callback of its own.
 */
export const settled = new TurnEnd((task) =>
  typeof setImmediate === 'function' ? byImmediate(task) : byChannel(task),
);
