import type { Writable } from 'node:stream';
import { concat, EMPTY, NEVER, of, throwError } from 'rxjs';
import { toTerminal } from '../../../examples/watch/toTerminal.js';

const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';

/** A terminal that takes `room` writes before it asks the writer to wait. */
function terminal(room = Infinity) {
  const written: string[] = [];
  const stdout = {
    write: (text: string) => written.push(text),
    get writableNeedDrain() {
      return written.length >= room;
    },
  };
  return { stdout: stdout as unknown as Writable, written };
}

describe('toTerminal', () => {
  it('takes the second screen, draws from its corner, and gives it back', () => {
    const { stdout, written } = terminal();
    of(['one', 'two']).pipe(toTerminal(stdout)).subscribe();
    expect(written).toStrictEqual([
      ENTER,
      '\u001B[?2026h\u001B[Hone\u001B[K\r\ntwo\u001B[K\u001B[J\u001B[?2026l',
      LEAVE,
    ]);
  });

  it.each([
    ['completes', EMPTY],
    ['fails', throwError(() => new Error('no'))],
    ['is left', NEVER],
  ])('gives the screen back once when the source %s', (_, source$) => {
    const { stdout, written } = terminal();
    const exits = process.listenerCount('exit');
    source$
      .pipe(toTerminal(stdout))
      .subscribe({ error: () => undefined })
      .unsubscribe();
    expect(written).toStrictEqual([ENTER, LEAVE]);
    expect(process.listenerCount('exit')).toBe(exits);
  });

  it('gives the screen back when the process exits', () => {
    const { stdout, written } = terminal();
    const before = process.listeners('exit');
    const subscription = NEVER.pipe(toTerminal(stdout)).subscribe();
    for (const listener of process.listeners('exit')) if (!before.includes(listener)) listener(130);
    expect(written).toStrictEqual([ENTER, LEAVE]);
    subscription.unsubscribe();
  });

  it('leaves a screen out while the terminal has not taken the one before', () => {
    const { stdout, written } = terminal(2);
    concat(of(['one']), of(['two']))
      .pipe(toTerminal(stdout))
      .subscribe();
    expect(written).toStrictEqual([ENTER, expect.stringContaining('one'), LEAVE]);
  });
});
