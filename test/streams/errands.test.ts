import { timer } from 'rxjs';
import { createErrands, type Errand, type ErrandsConfig } from '../../src/streams/errands.js';
import { marbles } from '../marbles.js';

/** Errands of the messages given, over an outbox with the room given; everything that happens is logged. */
const errandsOf = (messages: unknown[], { room = Infinity }: { readonly room?: number } = {}) => {
  const log: unknown[] = [];
  const waiting: (() => void)[] = [];
  const outbox = { room };
  const config: ErrandsConfig = {
    hookTimeoutMs: 100,
    post(message, onWritten) {
      if (waiting.length >= outbox.room) return false;
      waiting.push(onWritten);
      log.push(message);
      return true;
    },
    next(): Errand | undefined {
      if (messages.length === 0) return undefined;
      const message = messages.shift();
      return {
        make: () => message,
        onMade: () => log.push('made'),
        onWritten: () => log.push('written'),
        onFailed: (error) => log.push(error),
      };
    },
  };
  return { errands: createErrands(config), log, outbox, write: () => waiting.shift()?.() };
};

describe('errands', () => {
  it('are done in order, each as many messages as its hook yields', () => {
    const { errands, log, write } = errandsOf([1, [2, 3], []]);
    errands.run();
    expect(log).toStrictEqual(['made', 1, 'made', 2, 3, 'made', 'written']);
    write();
    write();
    write();
    expect(log.slice(7)).toStrictEqual(['written', 'written']);
  });

  it.each([undefined, null])(
    'are done at once where their hook yields %s: there is nothing to send',
    (made) => {
      const { errands, log } = errandsOf([made]);
      errands.run();

      expect(log).toStrictEqual(['made', 'written']);
    },
  );

  it('go on as soon as something has left, without a look at the clock', () => {
    const { errands, log, write } = errandsOf([1, 2], { room: 1 });
    errands.run();
    errands.run();
    expect(log).toStrictEqual(['made', 1, 'made']);
    write();
    expect(log.slice(3)).toStrictEqual(['written', 2]);
    errands.stop();
  });

  it(
    'look for room every second where nothing of theirs is to leave',
    marbles(({ flush }) => {
      const { errands, log, outbox } = errandsOf([1, 2], { room: 0 });
      errands.run();
      timer(500).subscribe(() => (outbox.room = 2));
      timer(999).subscribe(() => expect(log).toStrictEqual(['made']));
      timer(1_001).subscribe(() => expect(log).toStrictEqual(['made', 1, 'made', 2]));
      flush();
    }),
  );

  it(
    'end with stop: nothing is made, handed over or told any more',
    marbles(({ flush }) => {
      const { errands, log, write } = errandsOf([1, timer(10), 2]);
      errands.run();
      expect(log).toStrictEqual(['made', 1, 'made', 2]);
      errands.stop();
      write();
      errands.run();
      timer(500).subscribe(() => expect(log).toHaveLength(4));
      flush();
    }),
  );
});
