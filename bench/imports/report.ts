import { median } from '../lib/median.js';
import { shown, table } from '../lib/table.js';
import type { Target } from '../suite.js';
import type { Form, LoadedBy } from './buildLibrary.js';
import type { ImportsResult } from './client.js';

/** One process. */
export interface ImportsRun extends ImportsResult {
  readonly by: LoadedBy;
  readonly form: Form;
  readonly round: number;
}

/** All was loaded. */
export const isRight = ({ needed, names }: ImportsRun): boolean => needed > 0 && names > 0;

const loadedBy = (runs: readonly ImportsRun[], by: LoadedBy, form?: Form): ImportsRun[] =>
  runs.filter((run) => run.by === by && (form === undefined || run.form === form) && isRight(run));

const libraryMs = (runs: readonly ImportsRun[], by: LoadedBy, form: Form): number[] =>
  loadedBy(runs, by, form).map((run) => run.libraryMs);

const row = (label: string, times: readonly number[]): string[] => [
  label,
  shown(median(times), 1),
  shown(Math.min(...times), 1),
];

const systems: readonly LoadedBy[] = ['import', 'require'];

/** The runs as Markdown: what loading takes, and what of it is the library's. */
export const toMarkdown = (runs: readonly ImportsRun[]): string =>
  table(
    ['loading, ms', 'median', 'quickest'],
    systems.flatMap((by) => [
      row(
        `\`${by}\`: dependencies`,
        loadedBy(runs, by).map(({ dependenciesMs }) => dependenciesMs),
      ),
      row(`\`${by}\`: millrace after them, modules`, libraryMs(runs, by, 'modules')),
      row(`\`${by}\`: millrace after them, bundle (what Node gets)`, libraryMs(runs, by, 'bundle')),
    ]),
  );

/** What issue 5 asks. */
export const toTargets = (runs: readonly ImportsRun[]): Target[] =>
  systems.map((by) => ({
    what: `${by === 'import' ? "import 'millrace'" : "require('millrace')"} over its dependencies, ms`,
    value: median(libraryMs(runs, by, 'bundle')),
    atMost: 15,
    floor: 400,
  }));
