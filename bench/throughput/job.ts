import type { Course } from './course.js';
import type { Keyed, Suite } from './suites.js';
import type { Outcome } from './traffic.js';

/** A connection to make. */
export interface Line {
  readonly url: string;
  readonly streams: readonly string[];
}

/** What a contestant gets. */
export interface Job {
  readonly lines: readonly Line[];
  readonly course: Course;
  readonly suite: Suite;
  /** Who listens to a stream. */
  readonly callbacks: ReadonlyMap<string, (value: Keyed) => void>;
  /** For those who do less than the job: told of every message. */
  readonly tally: (fact: number) => void;
}

/** What a contestant says when all is done. */
export type Findings = Omit<Outcome, 'delivered' | 'checksum'>;

/** Connects, and does the job until the process ends. */
export type Contestant = (job: Job) => () => Findings;

export const noFindings = (): Findings => ({ duplicates: 0, rejected: 0 });
