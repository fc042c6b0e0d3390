import { isFlat, type ReaderEntry, type ReaderPlan } from './readerPlan.js';

/** What is left to do with `new Function('regexps', 'number', 'surprise', body)`. */
export interface WrittenReader {
  readonly regexps: readonly RegExp[];
  readonly body: string;
}

/** Neither an escape nor what JSON wants escaped: the text of a string is then the string. */
const CHARACTERS = '[^"\\\\\\u0000-\\u001f]*';
const NUMBER = '-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?';
/** A longer text is not read: what an expression remembers of it while it matches must not grow without end. */
const MAX_CHARACTERS = 1024 * 1024;
/** Items of an array that one expression matches, and the groups it may have for them. */
const MAX_ITEMS = 8;
const MAX_ITEM_GROUPS = 32;

/**
 * Writes the code that reads what `plan` describes. A message without arrays is one regular expression, which checks all of
 * it at the speed of machine code and cuts it to pieces, and one object literal made of these. With arrays there is an
 * expression for what stands before, between and behind, and one that takes up to eight items of an array at a time.
 */
export function writeReader(plan: ReaderPlan): WrittenReader {
  const regexps: RegExp[] = [];
  const lines: string[] = [];
  let pattern = '';
  let groups = 0;
  let arrays = 0;
  /** Keys that may be missing: if `Object.prototype` has such a one, valibot takes it from there. */
  const optionalKeys = new Set<string>();

  /** Adds a group to the expression being written; gives where the code will find what it matched. */
  const group = (inside: string): string => {
    pattern += `(${inside})`;
    groups += 1;
    return `m${regexps.length}[${groups}]`;
  };

  /** Ends the expression being written; the code matches it where the one before has ended. */
  const flush = (): void => {
    const r = `r${regexps.length}`;
    const m = `m${regexps.length}`;
    regexps.push(new RegExp(pattern, 'y'));
    lines.push(
      `${r}.lastIndex = at;`,
      `const ${m} = ${r}.exec(text);`,
      `if (${m} === null) return surprise;`,
      `at = ${r}.lastIndex;`,
    );
    pattern = '';
    groups = 0;
  };

  /** As `flush`, for the last one; a text without arrays is all in this one, and needs no place to start from. */
  const flushLast = (): void => {
    pattern += '$';
    if (regexps.length > 0) {
      flush();
      return;
    }
    regexps.push(new RegExp(`^${pattern}`));
    lines.push('const m0 = r0.exec(text);', 'if (m0 === null) return surprise;');
  };

  const writeEntry = ({ key, plan: value, isOptional }: ReaderEntry, index: number): string => {
    const name = JSON.stringify(key);
    const before = `${index === 0 ? '' : ','}${escape(name)}:`;
    if (!isOptional) {
      pattern += before;
      return `out[${name}] = ${write(value)};`;
    }
    optionalKeys.add(name);
    pattern += `(?:${before}`;
    const isThere = group('');
    const line = `if (${isThere} !== undefined) out[${name}] = ${write(value)};`;
    pattern += ')?';
    return line;
  };

  const writeObject = (entries: readonly ReaderEntry[]): string => {
    const first = entries.findIndex((entry) => entry.isOptional);
    pattern += '\\{';
    const fixed = (first < 0 ? entries : entries.slice(0, first)).map((entry, index) => {
      pattern += `${index === 0 ? '' : ','}${escape(JSON.stringify(entry.key))}:`;
      return `${JSON.stringify(entry.key)}: ${write(entry.plan)}`;
    });
    const literal = `{ ${fixed.join(', ')} }`;
    const others = first < 0 ? [] : entries.slice(first).map((entry) => writeEntry(entry, first));
    pattern += '\\}';
    return first < 0 ? literal : `(() => { const out = ${literal}; ${others.join(' ')} return out; })()`;
  };

  const writeTuple = (items: readonly ReaderPlan[]): string => {
    pattern += '\\[';
    const values = items.map((item, index) => {
      if (index > 0) pattern += ',';
      return write(item);
    });
    pattern += '\\]';
    return `[${values.join(', ')}]`;
  };

  /** What a nullable one matched cannot tell whether it was there: it may have no groups, or only such as match nothing. */
  const writeNullable = (inner: ReaderPlan): string => {
    pattern += '(?:null|';
    const isThere = group('');
    const value = write(inner);
    pattern += ')';
    return `(${isThere} === undefined ? null : ${value})`;
  };

  const writeArray = (item: ReaderPlan): string => {
    const array = `a${arrays}`;
    arrays += 1;
    pattern += '\\[';
    flush();
    lines.push(`const ${array} = [];`, 'if (text.charCodeAt(at) === 93) at += 1;', 'else for (;;) {');
    const first = write(item);
    const pushes = [`${array}.push(${first});`];
    const isSure = isSureToMatch(item) === true;
    const perItem = groups + (isSure ? 0 : 1);
    const items = isFlat(item) ? Math.max(1, Math.min(MAX_ITEMS, Math.floor(MAX_ITEM_GROUPS / perItem))) : 1;
    for (let index = 1; index < items; index += 1) {
      pattern += '(?:,';
      const isThere = isSure ? `m${regexps.length}[${groups + 1}]` : group('');
      pushes.push(`if (${isThere} !== undefined) { ${array}.push(${write(item)});`);
    }
    pattern += `${')?'.repeat(items - 1)}[,\\]]`;
    flush();
    lines.push(
      `${pushes.join(' ')}${' }'.repeat(items - 1)}`,
      'if (text.charCodeAt(at - 1) === 93) break;',
      '}',
    );
    return array;
  };

  /** Adds a value to the expression being written, and gives the code that makes it of what was matched. */
  const write = (value: ReaderPlan): string => {
    switch (value.kind) {
      case 'string': {
        pattern += '"';
        const found = group(CHARACTERS);
        pattern += '"';
        return found;
      }
      case 'number':
        return `number(${group(NUMBER)})`;
      case 'boolean': {
        pattern += '(?:';
        const found = group('true');
        pattern += '|false)';
        return `${found} !== undefined`;
      }
      case 'constant':
        pattern += escape(value.json);
        return value.json;
      case 'choice': {
        pattern += '"';
        const found = group(value.texts.map(escape).join('|'));
        pattern += '"';
        return found;
      }
      case 'nullable':
        return writeNullable(value.inner);
      case 'object':
        return writeObject(value.entries);
      case 'tuple':
        return writeTuple(value.items);
      case 'array':
        return writeArray(value.item);
    }
  };

  const result = write(plan);
  flushLast();
  const declared = regexps.map((_, index) => `const r${index} = regexps[${index}];`);
  const inherited = [...optionalKeys].map((key) => `if (${key} in Object.prototype) return surprise;`);
  const body = [
    ...declared,
    'return (text) => {',
    `if (text.length > ${MAX_CHARACTERS}) return surprise;`,
    ...inherited,
    'let at = 0;',
    ...lines,
    `return ${result};`,
    '};',
  ].join('\n');
  return { regexps, body };
}

/**
 * Whether the first group of a value has matched whenever the value was there, so that it tells; `undefined` if there is no
 * group at all.
 */
function isSureToMatch(plan: ReaderPlan): boolean | undefined {
  switch (plan.kind) {
    case 'string':
    case 'number':
    case 'choice':
      return true;
    case 'constant':
      return undefined;
    case 'tuple':
      return plan.items.map(isSureToMatch).find((sure) => sure !== undefined);
    case 'object':
      return plan.entries
        .map((entry) => (entry.isOptional ? false : isSureToMatch(entry.plan)))
        .find((sure) => sure !== undefined);
    default:
      return false;
  }
}

/** A text as an expression matches it. */
const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
