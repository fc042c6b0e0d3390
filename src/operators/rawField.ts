const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7d;
const BRACKET = 0x5d;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
/** So many digits are a safe integer, whatever they are. */
const MOST_DIGITS = 15;

/**
 * Reads a whole number from JSON text without parsing it: the value of the first `"name":` in it, which is the wrong one if an object
 * that stands before it, or around it, has a field of that name, too.
 *
 * The reader yields `undefined` for a binary frame, and where it finds no such field or no integer of at most 15 digits.
 *
 * @throws {TypeError} On creation, if `name` is no text, or empty.
 */
export function rawNumber(name: string): (data: string | Uint8Array) => number | undefined {
  const startIn = findValue('rawNumber', name);
  return (data) => {
    if (typeof data !== 'string') return undefined;
    const start = startIn(data);
    if (start < 0) return undefined;
    const isNegative = data.charCodeAt(start) === MINUS;
    const first = isNegative ? start + 1 : start;
    let number = 0;
    let end = first;
    for (; end < data.length; end += 1) {
      const digit = data.charCodeAt(end) - DIGIT_0;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    if (end === first || end - first > MOST_DIGITS || !endsNumber(data, end)) return undefined;
    return isNegative ? -number : number;
  };
}

/**
 * Reads a text from JSON text without parsing it: the value of the first `"name":` in it, which is the wrong one if an object that
 * stands before it, or around it, has a field of that name, too.
 *
 * The reader yields `undefined` for a binary frame, and where it finds no such field or no text without escapes.
 *
 * @throws {TypeError} On creation, if `name` is no text, or empty.
 */
export function rawText(name: string): (data: string | Uint8Array) => string | undefined {
  const startIn = findValue('rawText', name);
  return (data) => {
    if (typeof data !== 'string') return undefined;
    const start = startIn(data);
    if (start < 0 || data.charCodeAt(start) !== QUOTE) return undefined;
    const end = data.indexOf('"', start + 1);
    if (end < 0) return undefined;
    const text = data.slice(start + 1, end);
    return text.includes('\\') ? undefined : text;
  };
}

/**
 * Where a field's value begins, or -1. What ends like the name and has its quotes unescaped is a field, for within a text they are
 * escaped. Searched for is the name without the first quote: there are too many of those to search by (23 instead of 134 ns).
 */
function findValue(reader: string, name: string): (data: string) => number {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`${reader}: name must be a text that is not empty, got ${JSON.stringify(name)}`);
  }
  const label = `${JSON.stringify(name).slice(1)}:`;
  const begins = (data: string, at: number): boolean =>
    data.charCodeAt(at - 1) === QUOTE && data.charCodeAt(at - 2) !== BACKSLASH;
  return (data) => {
    let at = data.indexOf(label);
    while (at >= 0 && !begins(data, at)) at = data.indexOf(label, at + 1);
    if (at < 0) return -1;
    let start = at + label.length;
    while (isSpace(data.charCodeAt(start))) start += 1;
    return start;
  };
}

const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d);

/** A point or an exponent makes it another number, and a text that was cut off perhaps lacks digits. */
function endsNumber(data: string, at: number): boolean {
  if (at === data.length) return false;
  const code = data.charCodeAt(at);
  return code === COMMA || code === BRACE || code === BRACKET || isSpace(code);
}
