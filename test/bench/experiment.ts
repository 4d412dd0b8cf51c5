/** The inputs and results of an experiment. */
import type { Curve } from './report.ts';
import type { Servers } from './servers.ts';

/** The parts that an experiment uses. */
export interface Bench {
  readonly servers: Servers;
  /** The length of each measurement in it. */
  readonly durationMs: number;
  readonly print: (line: string) => void;
}

/** The result of an experiment. */
export interface Findings {
  /** Figures by the names in `targets.ts`. */
  readonly values?: Readonly<Record<string, number>>;
  readonly curves?: readonly Curve[];
  /** Requests that failed or had a wrong answer. */
  readonly errors: number;
}

/** One experiment. */
export interface Experiment {
  readonly name: string;
  readonly about: string;
  /** Whether it is part of the default plan. */
  readonly isDefault?: boolean;
  readonly run: (bench: Bench) => Promise<Findings>;
}
