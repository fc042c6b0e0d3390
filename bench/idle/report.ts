import { median } from '../lib/median.js';
import { shown, table } from '../lib/table.js';
import type { Target } from '../suite.js';
import type { HolderName, IdleResult } from './client.js';

/** One client's one run. */
export interface IdleRun extends IdleResult {
  readonly holder: HolderName;
  readonly round: number;
  readonly connections: number;
  readonly messages: number;
}

/** All are connected, and all that was sent was delivered. */
export const isRight = ({ holder, connected, connections, delivered, messages }: IdleRun): boolean =>
  holder === 'nothing'
    ? connected === 0 && delivered === 0
    : connected === connections && delivered === connections * messages;

type Bytes = (run: IdleRun) => number;
const held: Bytes = ({ heapUsed, external }) => heapUsed + external;
const rss: Bytes = (run) => run.rss;

/** Kilobytes a connection over what `base` holds: of what is live, or of the process. */
function perConnection(
  runs: readonly IdleRun[],
  holder: HolderName,
  messages: number,
  of: Bytes,
  base: HolderName = 'nothing',
): number {
  const bytes = (name: HolderName): number =>
    median(runs.filter((run) => run.holder === name && run.messages === messages && isRight(run)).map(of));
  const connections = runs.find((run) => run.holder === holder)?.connections ?? NaN;
  return (bytes(holder) - bytes(base)) / connections / 1_000;
}

/** The runs as Markdown: a line for who holds connections, before messages and after them. */
export function toMarkdown(runs: readonly IdleRun[]): string {
  const counts = [...new Set(runs.map(({ messages }) => messages))];
  const rows = counts.flatMap((messages) =>
    [...new Set(runs.map(({ holder }) => holder))]
      .filter((holder) => holder !== 'nothing')
      .map((holder) => {
        const own = runs.filter((run) => run.holder === holder && run.messages === messages);
        return [
          messages === 0 ? holder : `${holder}, after ${shown(messages, 0)} messages each`,
          shown(perConnection(runs, holder, messages, held), 1),
          holder === 'ws' ? '–' : shown(perConnection(runs, holder, messages, held, 'ws'), 1),
          shown(perConnection(runs, holder, messages, rss), 1),
          `${own.filter(isRight).length} of ${own.length}`,
        ];
      }),
  );
  return table(
    [`${runs[0]?.connections ?? 0} connections`, 'live, kB each', 'of it over ws', 'RSS, kB each', 'right'],
    rows,
  );
}

/** What issue 5 asks: of a whole connection, and so of the library's share of it. */
export function toTargets(runs: readonly IdleRun[]): Target[] {
  return [
    {
      what: `memory of an idle connection, kB, all of it`,
      value: perConnection(runs, 'millrace', 0, held),
      atMost: 20,
      floor: 160,
    },
    {
      what: `memory of an idle connection, kB, over that of ws`,
      value: perConnection(runs, 'millrace', 0, held, 'ws'),
      atMost: 20,
      floor: 160,
    },
  ].filter(({ value }) => !Number.isNaN(value));
}
