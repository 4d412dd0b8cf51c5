/** A chain of events that once lost data, as a run of its own; and what such a run is given. */
import type { TestContext } from 'node:test';
import type { Requirement } from './requirements.ts';

/** What a chain works with. */
export interface Stage extends Pick<TestContext, 'after'> {
  readonly seed: number;
  /** Says what happens. */
  readonly say: (line: string) => void;
}

/** What a chain came to. */
export interface ChainResult {
  /** What is wrong, a line each; none if all is as promised. */
  readonly wrong: readonly string[];
  readonly figures: Readonly<Record<string, number | string>>;
}

/** A chain. */
export interface Chain {
  readonly about: string;
  readonly needs: readonly Requirement[];
  readonly run: (stage: Stage) => Promise<ChainResult>;
}
