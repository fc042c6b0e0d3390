/** What a hook must yield. */
export function listOf(hook: string, list: unknown): readonly unknown[] {
  if (Array.isArray(list)) return list as unknown[];
  throw new TypeError(`${hook} must yield an array, got ${list === null ? 'null' : typeof list}`);
}
