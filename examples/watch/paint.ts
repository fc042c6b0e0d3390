/** What a piece of text means; `paint` decides how it looks. */
export type Tone = 'plain' | 'dim' | 'strong' | 'good' | 'warn' | 'bad';

/** A line before it is painted: text, some of it with a tone. */
export type Line = readonly (string | readonly [text: string, tone: Tone])[];

export interface Look {
  /** Cells a line may fill. */
  readonly width: number;
  readonly colour: boolean;
}

const codes: Record<Tone, string> = { plain: '', dim: '2', strong: '1', good: '32', warn: '33', bad: '31;1' };

/** Text as it may go to a terminal: what a server sends must not move the cursor or turn the writing around. */
export const printable = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '·');

/** Turns a line into a string that fills at most `width` cells; a longer one ends in `…`. */
export function paint(line: Line, { width, colour }: Look): string {
  let left = width;
  let painted = '';
  for (const piece of line) {
    const [text, tone] = typeof piece === 'string' ? [piece, 'plain' as const] : piece;
    const shown = cut(printable(text), left);
    left -= cells(shown);
    painted +=
      colour && codes[tone] !== '' && shown !== '' ? `\u001B[${codes[tone]}m${shown}\u001B[0m` : shown;
  }
  return painted;
}

/** Brings a text to exactly `width` cells. */
export function fit(text: string, width: number, align: 'left' | 'right'): string {
  const shown = cut(printable(text), width);
  const padding = ' '.repeat(width - cells(shown));
  return align === 'left' ? shown + padding : padding + shown;
}

/** Breaks a text at its spaces so that each line fills at most `width` cells, where its words allow. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && cells(last) + 1 + cells(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let shown = '';
  let left = width - 1;
  for (const char of text) {
    left -= cells(char);
    if (left < 0) break;
    shown += char;
  }
  return width > 0 ? `${shown}…` : '';
}

const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;

/** Cells a text fills: East Asian characters and emoji take two, combining marks none. */
function cells(text: string): number {
  if (/^[\x20-\x7E]*$/.test(text)) return text.length;
  let sum = 0;
  for (const char of text) sum += /\p{M}/u.test(char) ? 0 : wide.test(char) ? 2 : 1;
  return sum;
}
