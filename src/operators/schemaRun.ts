import { getGlobalConfig } from 'valibot';
import type { Runnable } from './schemaNode.js';

/** What both back ends of the schema compiler share while they run. */

/** What a compiled schema gives for a value that does not fit: valibot is asked why. */
export const misfit: unique symbol = Symbol('misfit');

/** Valibot's rule for the keys of an object that no entry names. */
export const isOwnName = (object: object, key: string): boolean =>
  Object.prototype.hasOwnProperty.call(object, key) &&
  key !== '__proto__' &&
  key !== 'prototype' &&
  key !== 'constructor';

type Default = (dataset?: { value: unknown }, config?: unknown) => unknown;

/** The default that stands in for a value. */
export const defaultOf = (schema: Runnable, value: unknown): unknown =>
  typeof schema['default'] === 'function'
    ? (schema as unknown as { default: Default }).default({ value }, getGlobalConfig())
    : schema['default'];

/** The default that stands in for a missing key. */
export const missingDefaultOf = (schema: Runnable): unknown =>
  typeof schema['default'] === 'function'
    ? (schema as unknown as { default: Default }).default(undefined, undefined)
    : schema['default'];

/** One node as valibot does it. */
export function runAsValibot(item: Runnable, value: unknown): unknown {
  // An action asks for `typed`, a schema sets it.
  const dataset = item.kind === 'schema' ? { value } : { typed: true, value };
  const result = item['~run'](dataset, getGlobalConfig());
  return result.issues || !result.typed ? misfit : result.value;
}
