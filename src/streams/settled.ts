import { Observable } from 'rxjs';

/**
 * Emits once, then completes, on the next turn of the event loop: by then whatever had already arrived has been told.
 * After the poll phase (`setImmediate`) where there is one, as a task behind those in line (`MessageChannel`) elsewhere.
 */
export const settled = new Observable<void>((subscriber) => {
  const done = (): void => {
    subscriber.next();
    subscriber.complete();
  };
  if (typeof setImmediate === 'function') {
    const handle = setImmediate(done);
    return () => clearImmediate(handle);
  }
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', done);
  port1.start();
  port2.postMessage(undefined);
  return () => port1.close();
});
