import type { Writable } from 'node:stream';
import { defer, finalize, type MonoTypeOperatorFunction, tap } from 'rxjs';

const enter = '\u001B[?1049h\u001B[?25l';
const leave = '\u001B[?25h\u001B[?1049l';

/**
 * Draws each screen over the one before, on the terminal's second screen, which it takes on subscription and gives back at the
 * end, also when the process exits in between.
 */
export const toTerminal =
  (stdout: Writable): MonoTypeOperatorFunction<readonly string[]> =>
  (screens$) =>
    defer(() => {
      const giveBack = (): void => {
        process.off('exit', giveBack);
        stdout.write(leave);
      };
      process.on('exit', giveBack);
      stdout.write(enter);
      return screens$.pipe(
        tap((lines) => {
          // A slow terminal gets fewer screens, not a growing queue of them.
          if (!stdout.writableNeedDrain) stdout.write(frame(lines));
        }),
        finalize(giveBack),
      );
    });

/** From the top left corner, each line cleared behind its text, then all below; shown at once where the terminal can. */
const frame = (lines: readonly string[]): string =>
  `\u001B[?2026h\u001B[H${lines.map((line) => `${line}\u001B[K`).join('\r\n')}\u001B[J\u001B[?2026l`;
