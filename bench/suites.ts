import { allocations } from './allocations/suite.js';
import { flood } from './flood/suite.js';
import { connections } from './growth/connections.js';
import { subscribers } from './growth/subscribers.js';
import { topics } from './growth/topics.js';
import { idle } from './idle/suite.js';
import { imports } from './imports/suite.js';
import { latency } from './latency/suite.js';
import { micro } from './micro/suite.js';
import type { BenchSuite } from './suite.js';
import { throughputSuites } from './throughput/suite.js';

/** All that `npm run bench` runs, in this order. */
export const benchSuites: readonly BenchSuite[] = [
  ...throughputSuites,
  allocations,
  topics,
  connections,
  subscribers,
  latency,
  flood,
  idle,
  imports,
  micro,
];
