import { median } from '../lib/median.js';
import { shown, table } from '../lib/table.js';
import type { Target } from '../suite.js';
import type { Form, LoadedBy } from './buildLibrary.js';
import type { ImportsResult } from './client.js';

/** One process. */
export interface ImportsRun extends ImportsResult {
  readonly by: LoadedBy;
  readonly what: 'dependencies' | Form;
  readonly round: number;
}

/** Something was loaded. */
export const isRight = ({ names }: ImportsRun): boolean => names > 0;

type Of = (times: readonly number[]) => number;
const quickest: Of = (times) => Math.min(...times);

const timeOf = (runs: readonly ImportsRun[], by: LoadedBy, what: ImportsRun['what'], of: Of): number =>
  of(runs.filter((run) => run.by === by && run.what === what && isRight(run)).map(({ ms }) => ms));

/** What the library adds, ms. */
const added = (runs: readonly ImportsRun[], by: LoadedBy, form: Form, of: Of = median): number =>
  timeOf(runs, by, form, of) - timeOf(runs, by, 'dependencies', of);

const systems: readonly LoadedBy[] = ['import', 'require'];

/** The runs as Markdown: what loading takes, and what of it is the library's. */
export const toMarkdown = (runs: readonly ImportsRun[]): string =>
  table(
    ['loading, ms', 'median', 'quickest'],
    systems.flatMap((by) => [
      [
        `\`${by}\`: dependencies`,
        ...[median, quickest].map((of) => shown(timeOf(runs, by, 'dependencies', of), 1)),
      ],
      ...(['modules', 'bundle'] as const).map((form) => [
        `\`${by}\`: millrace beside them, ${form}${form === 'bundle' ? ' (what Node gets)' : ''}`,
        ...[median, quickest].map((of) => shown(added(runs, by, form, of), 1)),
      ]),
    ]),
  );

/** What issue 5 asks. */
export const toTargets = (runs: readonly ImportsRun[]): Target[] =>
  systems.map((by) => ({
    what: `${by === 'import' ? "import 'millrace'" : "require('millrace')"} over its dependencies, ms`,
    value: added(runs, by, 'bundle'),
    atMost: 15,
    floor: 400,
  }));
