import type { Target } from '../suite.js';
import { shown, table } from './table.js';

/** Reached; a figure that could not be measured is not. */
export const isMet = ({ value, atLeast = -Infinity, atMost = Infinity }: Target): boolean =>
  value >= atLeast && value <= atMost;

/** Farther from the target than a busy machine explains; of a target with `atMost` the floor lies above it. */
export const isBeyondFloor = ({ value, atMost, floor }: Target): boolean =>
  floor !== undefined && !(atMost === undefined ? value >= floor : value <= floor);

const bounds = ({ atLeast, atMost }: Target): string =>
  [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${atMost}`].filter(Boolean).join(', ');

/** What was to be reached, and what was. */
export const targetTable = (targets: readonly Target[]): string =>
  table(
    ['what', 'value', 'target', 'met'],
    targets.map((target) => [
      target.what,
      shown(target.value),
      bounds(target),
      isMet(target) ? 'yes' : '**no**',
    ]),
  );
