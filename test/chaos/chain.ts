/** A chain of events that once lost data, as a run of its own, with its inputs and result. */
import type { TestContext } from 'node:test';
import type { Requirement } from './requirements.ts';

/** The parts that a chain uses. */
export interface ChainContext extends Pick<TestContext, 'after'> {
  readonly seed: number;
  /** Prints an event. */
  readonly say: (line: string) => void;
}

/** The result of a chain. */
export interface ChainResult {
  /** The violations, one line each; empty if all promises hold. */
  readonly wrong: readonly string[];
  readonly figures: Readonly<Record<string, number | string>>;
}

/** A chain. */
export interface Chain {
  readonly about: string;
  readonly needs: readonly Requirement[];
  readonly run: (context: ChainContext) => Promise<ChainResult>;
}
