/**
 * A number that a double might not give back as it was written: with a fraction or an exponent, of 16 digits or more, or −0.
 * What only looks like one, inside of a string, costs time and nothing else.
 */
const PERHAPS_INEXACT = /(?:^|[[,:\s])-?(?:\d+[.eE]|\d{16}|(?<=-)0)/;

/**
 * `JSON.parse`, except that a number which is no safe integer becomes what `number` makes of its text.
 *
 * @throws {SyntaxError} The one of `JSON.parse`, and what `number` throws.
 */
export function parseExact(text: string, number: (text: string) => unknown): unknown {
  // Asked first: it is fast, mostly enough, and leaves nothing to check below.
  const plain: unknown = JSON.parse(text);
  return PERHAPS_INEXACT.test(text) ? build(text, number) : plain;
}

/** Builds the value of a text that is known to be JSON. No recursion: however deep it is nested, the stack does not grow. */
function build(text: string, number: (text: string) => unknown): unknown {
  const outer: (Holder | undefined)[] = [];
  let holder: Holder | undefined;
  let key: string | undefined;
  let at = 0;

  for (;;) {
    let value: unknown;
    let inner: Holder | undefined;
    switch (text.charCodeAt(at)) {
      case SPACE:
      case TAB:
      case LINE_FEED:
      case RETURN:
      case COMMA:
      case COLON:
        at += 1;
        continue;
      case QUOTE: {
        const end = closingQuote(text, at);
        const raw = text.slice(at + 1, end);
        value = raw.includes('\\') ? JSON.parse(text.slice(at, end + 1)) : raw;
        at = end + 1;
        if (key === undefined && holder !== undefined && !Array.isArray(holder)) {
          key = value as string;
          continue;
        }
        break;
      }
      case OPEN_OBJECT:
        value = inner = {};
        at += 1;
        break;
      case OPEN_ARRAY:
        value = inner = [];
        at += 1;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY: {
        const whole = holder;
        holder = outer.pop();
        at += 1;
        if (holder === undefined) return whole;
        continue;
      }
      case TRUE:
        value = true;
        at += 4;
        break;
      case FALSE:
        value = false;
        at += 5;
        break;
      case NULL:
        value = null;
        at += 4;
        break;
      default: {
        const begin = at;
        let isInteger = true;
        for (let code = text.charCodeAt(at); isOfNumber(code); code = text.charCodeAt(at)) {
          if (code === POINT || code === E || code === SMALL_E) isInteger = false;
          at += 1;
        }
        const written = text.slice(begin, at);
        const nearest = isInteger ? Number(written) : NaN;
        value = Number.isSafeInteger(nearest) && !Object.is(nearest, -0) ? nearest : number(written);
      }
    }
    if (Array.isArray(holder)) holder.push(value);
    else if (holder !== undefined && key !== undefined) setOwn(holder, key, value);
    else if (inner === undefined) return value;
    key = undefined;
    if (inner !== undefined) {
      outer.push(holder);
      holder = inner;
    }
  }
}

type Holder = unknown[] | Record<string, unknown>;

/** As `JSON.parse` does: `__proto__` is a name like any other. */
function setOwn(holder: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') holder[key] = value;
  else Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Where the string that opens at `open` closes: at the next quote behind an even number of backslashes. */
function closingQuote(text: string, open: number): number {
  for (let end = open; ;) {
    end = text.indexOf('"', end + 1);
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
}

const isOfNumber = (code: number): boolean =>
  (code >= ZERO && code <= NINE) ||
  code === POINT ||
  code === MINUS ||
  code === SMALL_E ||
  code === E ||
  code === PLUS;

// Character codes.
const TAB = 9;
const LINE_FEED = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const E = 69;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const SMALL_E = 101;
const FALSE = 102;
const NULL = 110;
const TRUE = 116;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
