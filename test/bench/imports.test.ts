import * as millrace from 'millrace';
import * as rxjs from 'rxjs';
import * as valibot from 'valibot';
import { type ImportsRun, isRight, toMarkdown, toTargets } from '../../bench/imports/report.js';
import { measureImports } from '../../bench/imports/suite.js';

const run = (
  by: ImportsRun['by'],
  form: ImportsRun['form'],
  [dependenciesMs, libraryMs]: readonly [number, number],
  names = 1,
): ImportsRun => ({ by, form, round: 0, dependenciesMs, libraryMs, needed: 1, names });

describe('a report', () => {
  const times = {
    'import modules': [
      [100, 20],
      [90, 22],
      [300, 120],
    ],
    'import bundle': [
      [110, 5],
      [95, 4],
      [400, 40],
    ],
    'require modules': [
      [50, 30],
      [60, 33],
      [40, 29],
    ],
    'require bundle': [
      [55, 3],
      [70, 9],
      [45, 2],
    ],
  } as const;
  const runs = (['import', 'require'] as const).flatMap((by) =>
    (['modules', 'bundle'] as const).flatMap((form) =>
      times[`${by} ${form}`].map((each) => run(by, form, each)),
    ),
  );
  const none = run('import', 'bundle', [1, 1], 0);

  it('tells what each took, by medians and by the quickest; one that loaded nothing does not count', () => {
    expect(
      toMarkdown([...runs, none])
        .split('\n')
        .slice(2),
    ).toStrictEqual([
      '| `import`: dependencies | 105.0 | 90.0 |',
      '| `import`: millrace after them, modules | 22.0 | 20.0 |',
      '| `import`: millrace after them, bundle (what Node gets) | 5.0 | 4.0 |',
      '| `require`: dependencies | 52.5 | 40.0 |',
      '| `require`: millrace after them, modules | 30.0 | 29.0 |',
      '| `require`: millrace after them, bundle (what Node gets) | 3.0 | 2.0 |',
      '',
    ]);
    expect([...runs, none].filter((each) => !isRight(each))).toStrictEqual([none]);
  });

  it('measures what Node gets against the target', () => {
    expect(toTargets([...runs, none])).toMatchObject([
      { what: "import 'millrace' over its dependencies, ms", value: 5, atMost: 15 },
      { what: "require('millrace') over its dependencies, ms", value: 3, atMost: 15 },
    ]);
  });
});

describe('a round', () => {
  it('loads the whole library, in every form, after what it needs', async () => {
    const runs = await measureImports(1);

    expect(runs.map(({ by, form }) => `${by} ${form}`)).toStrictEqual([
      'import modules',
      'import bundle',
      'require modules',
      'require bundle',
    ]);
    expect(runs.map(({ names }) => names)).toStrictEqual(Array(4).fill(Object.keys(millrace).length));
    const some = Object.keys(rxjs).length + Object.keys(valibot).length;
    for (const { needed } of runs) expect(needed).toBeGreaterThan(some); // ws and lru-cache, too
    expect(runs.every(({ dependenciesMs, libraryMs }) => dependenciesMs > 0 && libraryMs > 0)).toBe(true);
  }, 60_000);
});
