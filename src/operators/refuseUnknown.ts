import { nearestName } from './nearestName.js';

/** The names of the options of `T`: the compiler sees to it that none is missing. */
export type OptionNames<T> = { readonly [K in keyof Required<T>]: true };

/**
 * Refuses a misspelt option, which would do nothing: a name that is not known, unless it is `undefined`, or the object is of a class of
 * its own, which may carry what it likes.
 *
 * @param owner Whose options they are, for the message.
 * @param path Where they stand among its options.
 * @throws {TypeError} Naming the option, and the one that was probably meant.
 */
export function refuseUnknown(owner: string, options: object, known: object, path = ''): void {
  const prototype: unknown = Object.getPrototypeOf(options);
  if (prototype !== Object.prototype && prototype !== null) return;
  const values = options as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(values).find(
    (name) => !Object.hasOwn(known, name) && values[name] !== undefined,
  );
  if (unknown === undefined) return;
  const place = path === '' ? '' : `${path}.`;
  const meant = nearestName(unknown, Object.keys(known));
  const hint = meant === undefined ? '' : `; did you mean ${place}${meant}?`;
  throw new TypeError(`${owner}: there is no option ${place}${unknown}${hint}`);
}
