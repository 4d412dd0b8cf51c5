/** Cuts the log of a replica. A cut is durable before the next one reads the rows. */
import type { Log } from '../../base/env.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Done } from '../commit-queue.ts';
import type { RowChange } from '../engine.ts';
import type { ReplicaLog } from './replica-log.ts';

/** The parts of a replica that a cut needs. */
export interface CutOptions {
  readonly partition: number;
  readonly log: ReplicaLog;
  readonly warn: Log['warn'];
  /** Writes rows together with a checkpoint, which records the cut. */
  readonly save: (changes: readonly RowChange[], done: Done) => void;
}

/** The cuts of one log. */
export class LogCutter {
  readonly #options: CutOptions;
  #isCutting = false;

  constructor(options: CutOptions) {
    this.#options = options;
  }

  /** Cuts the entries up to the bases of `covered`. Resolves when that is durable. */
  cutCovered(covered: Pick<CausalContext, 'base'>): Promise<void> {
    return this.#cut(() => this.#options.log.cutCovered(covered));
  }

  /** Cuts the older half of the log if it has too many entries. */
  cutIfOverfull(): void {
    const { log } = this.#options;
    if (log.isOverfull) void this.#cut(() => log.cutHalf());
  }

  async #cut(choose: () => Promise<RowChange[]>): Promise<void> {
    if (this.#isCutting) return;
    this.#isCutting = true;
    try {
      const changes = await choose();
      if (changes.length === 0) return;
      await new Promise<void>((resolve, reject) => {
        this.#options.save(changes, (error) => (error === undefined ? resolve() : reject(error)));
      });
    } catch (error) {
      this.#options.warn('log not cut', {
        partition: this.#options.partition,
        reason: String(error),
      });
    } finally {
      this.#isCutting = false;
    }
  }
}
