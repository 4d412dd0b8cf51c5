/** What an experiment is told, and what it finds. */
import type { Curve } from './report.ts';
import type { Servers } from './servers.ts';

/** What an experiment works with. */
export interface Bench {
  readonly servers: Servers;
  /** How long each measurement in it takes. */
  readonly durationMs: number;
  readonly print: (line: string) => void;
}

/** What it has found. */
export interface Findings {
  /** Named for `targets.ts`. */
  readonly values?: Readonly<Record<string, number>>;
  readonly curves?: readonly Curve[];
  /** Requests that failed, or were not answered as they should have been. */
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
