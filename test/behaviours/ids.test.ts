import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
const here = 'ids.test.ts';

/** The behaviours a reconnecting feed must show, by group; gaps in the numbers are ideas that were given up. */
const groups: Readonly<Record<string, readonly number[]>> = {
  CON: [1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13, 14, 15, 16],
  CLO: [1, 2, 4, 6, 7, 8, 11],
  REC: [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 17, 18, 19, 20],
  BAK: [1, 3, 4, 5, 6, 7],
  SND: [1, 2, 3, 4, 5, 6, 9, 11],
  SUB: [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14],
  HBT: [1, 2, 4, 5, 6, 7, 9, 10],
  AUT: [1, 2, 3, 4, 5, 8],
  ERR: [1, 2, 3, 4, 6, 7, 9],
  TDN: [1, 2, 4, 5, 7, 8, 9],
};

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.endsWith(here))
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');

/** Every string that stands where a title stands: first in a call, or first in a row of a table; what is not run has none. */
const titles = [...sources.matchAll(/(?<!\.todo|\.skip)[([]\s*(['"`])((?:(?!\1).)*)\1/g)]
  .map(([, , title]) => title!)
  .join('\n');

describe('the behaviours of a feed', () => {
  it.each(Object.entries(groups))('%s: each has a test that carries its id', (group, numbers) => {
    const ids = numbers.map((number) => `${group}-${String(number).padStart(2, '0')}`);

    expect(ids.filter((id) => !titles.includes(id))).toStrictEqual([]);
  });
});
