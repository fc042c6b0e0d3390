import { anyValue, pick, type Random } from './randomSchema.js';

/** What an input does and tells while it is read; forgotten between one reader and the next. */
export interface World {
  readonly log: string[];
  reads: number;
  /** Whether something throws or changes as it is read. */
  hasEffects: boolean;
}
export const createWorld = (): World => ({ log: [], reads: 0, hasEffects: false });
export const rewind = (world: World): void => {
  world.log.length = 0;
  world.reads = 0;
};

const boom = new Error('boom');
const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);
const define = (target: object, key: string, value: unknown): void =>
  void Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });

/** Changes one place of a value, or several. */
export function mutate(random: Random, value: unknown): unknown {
  if (!isPlain(value) || random() < 0.15) return anyValue(random);
  const keys = Object.keys(value);
  const key = keys.length > 0 ? pick(random, keys) : 'a';
  const roll = random();
  if (roll < 0.2) Reflect.deleteProperty(value, key);
  else if (roll < 0.3)
    define(value, pick(random, ['more', '__proto__', 'constructor', 'length ']), anyValue(random));
  else if (roll < 0.4) value[key] = undefined;
  else define(value, key, mutate(random, value[key]));
  return value;
}

/** The same value in a guise: other prototypes, getters, Proxies, holes. */
export function disguise(random: Random, value: unknown, world: World): unknown {
  if (!isPlain(value)) return value;
  for (const key of Object.keys(value))
    if (random() < 0.5) define(value, key, disguise(random, value[key], world));
  const keys = Object.keys(value);
  const key = keys.length > 0 ? pick(random, keys) : 'a';
  const was = value[key];
  const getter = (get: () => unknown): object =>
    Object.defineProperty(value, key, {
      enumerable: true,
      configurable: true,
      get: () => {
        world.log.push(`getter ${key}`);
        return get();
      },
    });
  const log = (what: string): void => void world.log.push(what);
  switch (
    pick(random, [
      'null',
      'inherit',
      'proto',
      'getter',
      'throws',
      'changes',
      'proxy',
      'frozen',
      'symbol',
      'hidden',
    ])
  ) {
    case 'null':
      return Array.isArray(value) ? value : Object.setPrototypeOf(value, null);
    case 'inherit':
      return Array.isArray(value) ? value : (Object.create(value) as unknown);
    case 'proto':
      return Array.isArray(value) ? value : Object.setPrototypeOf(value, { b: 'inherited', id: 7 });
    case 'getter':
      return getter(() => was);
    case 'throws':
      world.hasEffects = true;
      return getter(() => {
        throw boom;
      });
    case 'changes':
      world.hasEffects = true;
      return getter(() => ((world.reads += 1) % 2 === 1 ? was : 'changed'));
    case 'proxy':
      return new Proxy(value, {
        has: (target, name) => {
          // Valibot asks twice.
          if (world.log.at(-1) !== `has ${String(name)}`) log(`has ${String(name)}`);
          return Reflect.has(target, name);
        },
        get: (target, name) => {
          log(`get ${String(name)}`);
          return Reflect.get(target, name) as unknown;
        },
        ownKeys: (target) => {
          log('keys');
          return Reflect.ownKeys(target);
        },
      });
    case 'frozen':
      return Object.freeze(value);
    case 'symbol':
      return Object.assign(value, { [Symbol.for('s')]: 1 });
    default:
      return Object.defineProperty(value, key, { value: was, enumerable: false });
  }
}
