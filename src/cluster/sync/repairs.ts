/**
 * Repairs after damage: of keys that cannot be read (`mending.ts`), and of salvaged versions
 * (`aside-versions.ts`).
 */
import type { Replica } from '../../storage/replica/replica.ts';
import { Mending, type MendingOptions } from './mending.ts';
import { Salvages } from './aside-versions.ts';

/** Mends the replicas of one node. */
export class Repairs {
  readonly mending: Mending;
  readonly #salvages: Salvages;

  constructor(options: MendingOptions) {
    this.mending = new Mending(options);
    this.#salvages = new Salvages(options);
  }

  /** Repairs a replica, if it needs that. */
  look(replica: Replica): void {
    this.mending.look(replica);
    this.#salvages.look(replica);
  }
}
