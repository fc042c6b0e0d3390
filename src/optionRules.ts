import { isObservable } from 'rxjs';
import { refuseUnknown } from './operators/refuseUnknown.js';

/** Throws if a value is not what the option at `path` takes; `undefined` is asked about only where it is not allowed. */
export type Rule = (value: unknown, path: string) => void;

/** A rule for each option of `T`: the compiler sees to it that none is missing. */
export type Shape<T> = { readonly [K in keyof Required<T>]: Rule };

/** A value as a message may show it: numbers and short words whole, of anything else only its kind. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `string ${JSON.stringify(value.slice(0, 40))}`;
  return kindOf(value);
}

/** What may hold a secret is not shown. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => kindOf(value) === 'object';

const rule =
  (isRight: (value: unknown) => boolean, what: string): Rule =>
  (value, path) => {
    if (!isRight(value)) throw new TypeError(`createFeed: ${path} must be ${what}, got ${kindOf(value)}`);
  };

/** The part that takes the option checks it. */
export const elsewhere: Rule = () => undefined;

export const aFunction = rule((value) => typeof value === 'function', 'a function');
/** An object whose options are checked by the part that takes it. */
export const anObject = rule(isRecord, 'an object');
export const aBoolean = rule((value) => typeof value === 'boolean', 'true or false');
export const anObservable = rule(isObservable, 'an Observable');

/** A number of which `isInRange` holds; `range` ends the sentence "x must be …". */
export const aNumber =
  (range: string, isInRange: (value: number) => boolean): Rule =>
  (value, path) => {
    if (typeof value !== 'number') {
      throw new TypeError(`createFeed: ${path} must be a number, got ${shown(value)}`);
    }
    if (!isInRange(value)) throw new RangeError(`createFeed: ${path} must be ${range}, got ${value}`);
  };

export const oneOf =
  (...names: readonly string[]): Rule =>
  (value, path) => {
    if (typeof value === 'string' && names.includes(value)) return;
    const list = `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`;
    throw new TypeError(
      `createFeed: ${path} must be ${list}, got ${typeof value === 'string' ? value.slice(0, 40) : shown(value)}`,
    );
  };

const at = (path: string, option: string): string => (path === '' ? option : `${path}.${option}`);

/**
 * An object of options. One that is `undefined` is not there; a name that `shape` does not know is a misspelt option, unless the
 * object is of a class of its own, which may carry what it likes.
 *
 * @param needed The options that must be there.
 * @param partners Of an option that does nothing alone, the one that it needs beside it.
 */
export const options =
  <T>(
    shape: Shape<T>,
    needed: readonly (keyof T & string)[] = [],
    partners: { readonly [K in keyof T]?: keyof T & string } = {},
  ): Rule =>
  (value, path) => {
    if (!isRecord(value)) {
      throw new TypeError(`createFeed: ${path || 'config'} must be an object, got ${kindOf(value)}`);
    }
    const rules = new Map(Object.entries<Rule>(shape));
    for (const [option, check] of rules) {
      if (value[option] !== undefined || (needed as readonly string[]).includes(option)) {
        check(value[option], at(path, option));
      }
    }
    refuseUnknown('createFeed', value, shape, path);
    for (const [option, partner] of Object.entries(partners) as [string, string][]) {
      if (value[option] === undefined || value[partner] !== undefined) continue;
      throw new TypeError(`createFeed: ${at(path, option)} needs ${at(path, partner)}, got undefined`);
    }
  };
