import * as millrace from 'millrace';
import { type ImportsRun, isRight, toMarkdown, toTargets } from '../../bench/imports/report.js';
import { measureImports } from '../../bench/imports/suite.js';

const run = (what: ImportsRun['what'], ms: number, names = 1): ImportsRun => ({ what, round: 0, ms, names });

describe('a report', () => {
  const runs = [
    ...[100, 90, 300].map((ms) => run('dependencies', ms)),
    ...[120, 95, 400].map((ms) => run('modules', ms)),
    ...[105, 91, 500].map((ms) => run('one file', ms)),
    run('modules', 1, 0),
  ];

  it('tells what the library adds, by medians and by the quickest', () => {
    expect(toMarkdown(runs).split('\n').slice(2)).toStrictEqual([
      '| dependencies | 100.0 | 90.0 |',
      '| millrace beside them, modules (shipped) | 20.0 | 5.0 |',
      '| millrace beside them, one file | 5.0 | 1.0 |',
      '',
    ]);
  });

  it('measures what is shipped against the target', () => {
    expect(toTargets(runs)).toMatchObject([{ value: 20, atMost: 15 }]);
  });
});

describe('a round', () => {
  it('loads the whole library, in either form', async () => {
    const runs = await measureImports(1);
    const all = Object.keys(millrace).length;

    expect(runs.map(({ what }) => what)).toStrictEqual(['dependencies', 'modules', 'one file']);
    expect(runs.slice(1).map(({ names }) => names)).toStrictEqual([all, all]);
    expect(runs.every(isRight)).toBe(true);
  }, 60_000);
});
