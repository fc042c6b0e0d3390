import { isExactNumber } from './exactNumber.js';

/**
 * `JSON.stringify`, except that an `ExactNumber` and a bigint are written as the number they are.
 *
 * Node 20 has no `JSON.rawJSON`: their texts stand in for marks that occur nowhere else.
 */
export function stringifyExact(value: unknown): string | undefined {
  for (let mark = '#'; ; mark += mark) {
    const texts: string[] = [];
    // What it is given has been through `toJSON` already; `this` still has it as it was.
    const replacer = function (this: Record<string, unknown>, key: string, plain: unknown): unknown {
      const own = this[key];
      const exact = isExactNumber(own) || typeof own === 'bigint' ? own : plain;
      if (typeof exact !== 'bigint' && !isExactNumber(exact)) return plain;
      return `${mark}${texts.push(String(exact)) - 1}`;
    };
    // The types leave out that it yields undefined for what JSON has no word for.
    const json = JSON.stringify(value, replacer) as string | undefined;
    if (json === undefined || texts.length === 0) return json;
    if (json.split(mark).length - 1 !== texts.length) continue;
    return json.replace(new RegExp(`"${mark}(\\d+)"`, 'g'), (_, index: string) => texts[Number(index)] ?? '');
  }
}
