/** A figure of issue 5, and what it is to be. */
export interface Target {
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Far beyond the target, in its direction: a value beyond it fails a run with `--floors`. */
  readonly floor?: number;
}

/** A ratio to draw. */
export interface Bar {
  /** Bars of one group stand together. */
  readonly group: string;
  readonly label: string;
  /** To the reference: above 1 is better. */
  readonly ratio: number;
  readonly target?: number;
}

/** What a suite found. */
export interface Report {
  readonly name: string;
  readonly title: string;
  /** Plain data, a line of the results each. */
  readonly runs: readonly unknown[];
  readonly markdown: string;
  readonly targets: readonly Target[];
  /** The runs whose count or checksum is not exactly the expected one. */
  readonly wrong: readonly string[];
  readonly bars?: readonly Bar[];
}

export interface SuiteConfig {
  readonly quick: boolean;
  /** Only these, of those the suite knows. @default all */
  readonly contestants?: readonly string[];
  /** Where `--cpu-prof` leaves profiles. @default none */
  readonly profileDir?: string;
}

export interface BenchSuite {
  readonly name: string;
  readonly run: (config: SuiteConfig) => Promise<Report>;
}
