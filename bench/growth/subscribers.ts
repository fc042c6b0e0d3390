import { join } from 'node:path';
import { buildPrograms } from '../lib/build.js';
import { inRounds } from '../lib/inRounds.js';
import { median } from '../lib/median.js';
import { runClient } from '../lib/processes.js';
import { shown, table } from '../lib/table.js';
import type { BenchSuite } from '../suite.js';
import type { FanName, FanResult, FanTask } from './client.js';

/** Who takes part here. */
export const fans: readonly FanName[] = ['rxjs Subject', 'millrace'];

interface Run extends FanResult, FanTask {
  readonly round: number;
  readonly isRight: boolean;
}

/** Each subscriber is weighed by its place: what one gets in another's stead is seen. */
export const expectedOf = (
  subscribers: number,
  messages: number,
): Pick<FanResult, 'delivered' | 'checksum'> => {
  let checksum = 0;
  for (let place = 1; place <= subscribers; place += 1) {
    for (let id = 0; id < messages; id += 1) checksum = (checksum + Math.imul(id, place)) | 0;
  }
  return { delivered: subscribers * messages, checksum };
};

const nsOf = (runs: readonly Run[], size: number, name: FanName): number =>
  median(
    runs
      .filter((run) => run.isRight && run.subscribers === size && run.contestant === name)
      .map(({ nsPerDelivery }) => nsPerDelivery),
  );

/** A message to 1 to 1 000 subscribers of one stream, from a loop in the same process. */
export const subscribers: BenchSuite = {
  name: 'subscribers',
  run: async ({ quick, contestants }) => {
    const asked = fans.filter((name) => contestants?.includes(name) ?? true);
    const sizes = quick ? [1, 1_000] : [1, 10, 100, 1_000];
    const deliveries = quick ? 2_000_000 : 10_000_000;
    const runs: Run[] = [];
    const built = await buildPrograms(['bench/growth/client.ts']);
    try {
      for (const size of sizes) {
        const messages = deliveries / size;
        const expected = expectedOf(size, messages);
        runs.push(
          ...(await inRounds(quick ? 3 : 7, asked, async (contestant, round) => {
            const task: FanTask = { contestant, subscribers: size, messages };
            const result = await runClient<FanResult>(join(built.dir, 'growth/client.mjs'), task);
            const isRight = result.delivered === expected.delivered && result.checksum === expected.checksum;
            return { ...task, round, isRight, ...result };
          })),
        );
      }
    } finally {
      built.remove();
    }
    const ratio = (size: number): number => nsOf(runs, size, 'rxjs Subject') / nsOf(runs, size, 'millrace');
    const value = ratio(1_000);
    return {
      name: 'subscribers',
      title: 'Subscribers of one stream',
      runs,
      markdown: table(
        ['subscribers', 'rxjs Subject, ns a delivery', 'millrace, ns a delivery', 'millrace × Subject'],
        sizes.map((size) => [
          shown(size, 0),
          ...fans.map((name) => shown(nsOf(runs, size, name), 1)),
          shown(ratio(size)),
        ]),
      ),
      targets: Number.isNaN(value)
        ? []
        : [{ what: 'subscribers: 1 000 of them, millrace × rxjs Subject', value, atLeast: 1.4, floor: 0.6 }],
      wrong: runs
        .filter(({ isRight }) => !isRight)
        .map((run) => `subscribers ${run.subscribers}, round ${run.round}: ${run.contestant} is wrong`),
      bars: Number.isNaN(value)
        ? []
        : sizes.map((size) => ({
            group: 'subscribers, × rxjs Subject',
            label: `millrace, ${size}`,
            ratio: ratio(size),
            ...(size === 1_000 && { target: 1.4 }),
          })),
    };
  },
};
