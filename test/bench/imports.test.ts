import * as millrace from 'millrace';
import { type ImportsRun, isRight, toMarkdown, toTargets } from '../../bench/imports/report.js';
import { measureImports } from '../../bench/imports/suite.js';

const run = (by: ImportsRun['by'], what: ImportsRun['what'], ms: number, names = 1): ImportsRun => ({
  by,
  what,
  round: 0,
  ms,
  names,
});

describe('a report', () => {
  const runs = [
    ...[100, 90, 300].map((ms) => run('import', 'dependencies', ms)),
    ...[120, 95, 400].map((ms) => run('import', 'modules', ms)),
    ...[105, 91, 500].map((ms) => run('import', 'bundle', ms)),
    ...[50, 60, 40].map((ms) => run('require', 'dependencies', ms)),
    ...[80, 90, 70].map((ms) => run('require', 'modules', ms)),
    ...[53, 70, 42].map((ms) => run('require', 'bundle', ms)),
    run('import', 'bundle', 1, 0),
  ];

  it('tells what the library adds, by medians and by the quickest', () => {
    expect(toMarkdown(runs).split('\n').slice(2)).toStrictEqual([
      '| `import`: dependencies | 100.0 | 90.0 |',
      '| `import`: millrace beside them, modules | 20.0 | 5.0 |',
      '| `import`: millrace beside them, bundle (what Node gets) | 5.0 | 1.0 |',
      '| `require`: dependencies | 50.0 | 40.0 |',
      '| `require`: millrace beside them, modules | 30.0 | 30.0 |',
      '| `require`: millrace beside them, bundle (what Node gets) | 3.0 | 2.0 |',
      '',
    ]);
  });

  it('measures what Node gets against the target', () => {
    expect(toTargets(runs)).toMatchObject([
      { what: "import 'millrace' over its dependencies, ms", value: 5, atMost: 15 },
      { what: "require('millrace') over its dependencies, ms", value: 3, atMost: 15 },
    ]);
  });
});

describe('a round', () => {
  it('loads the whole library, in every form', async () => {
    const runs = await measureImports(1);
    const all = Object.keys(millrace).length;

    expect(runs.map(({ by, what }) => `${by} ${what}`)).toStrictEqual([
      'import dependencies',
      'import modules',
      'import bundle',
      'require dependencies',
      'require modules',
      'require bundle',
    ]);
    expect(runs.filter(({ what }) => what !== 'dependencies').map(({ names }) => names)).toStrictEqual(
      Array(4).fill(all),
    );
    expect(runs.every(isRight)).toBe(true);
  }, 60_000);
});
