/**
 * Repairs after damage: of keys that cannot be read (`mending.ts`), and of salvaged versions
 * (`aside-versions.ts`).
 */
import type { Replica } from '../../storage/replica/replica.ts';
import { Mending, type MendingOptions } from './mending.ts';
import { AsideVersions } from './aside-versions.ts';

/** Mends the replicas of one node. */
export class Repairs {
  readonly mending: Mending;
  readonly #asideVersions: AsideVersions;

  constructor(options: MendingOptions) {
    this.mending = new Mending(options);
    this.#asideVersions = new AsideVersions(options);
  }

  /** Repairs a replica, if it needs that. */
  check(replica: Replica): void {
    this.mending.check(replica);
    this.#asideVersions.check(replica);
  }
}
