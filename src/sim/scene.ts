/** What faults work on. */
import type { SimCluster, SimNode } from './cluster.ts';
import type { Oracle } from './oracle.ts';
import type { Dice } from './world.ts';

/** What a fault works on. */
export interface Scene {
  readonly cluster: SimCluster;
  readonly oracle: Oracle;
  /** Its own. */
  readonly dice: Dice;
  /** Copies of each disk, the first and the last ones, oldest first. */
  readonly copies: Map<SimNode, ReadonlyMap<string, Uint8Array>[]>;
  readonly disks: DiskBudget;
  /** Keys in use. */
  readonly keys: readonly string[];
}

/** Disks that may lose something: fewer than W, until all have all again. */
export class DiskBudget {
  left = 1;
  #isNoticed: () => boolean = () => true;

  /** A disk loses something; `isNoticed` tells when its node knows. */
  take(isNoticed: () => boolean = () => true): void {
    this.left -= 1;
    this.#isNoticed = isNoticed;
  }

  /** Looks whether the loss is made good. */
  mend({ cluster }: Pick<Scene, 'cluster'>): void {
    if (this.left === 0 && this.#isNoticed() && cluster.isAtRest()) this.left = 1;
  }
}

/** Notes that a disk loses what it has: `isNoticed` tells when its node knows. */
export function loseDisk({ disks, oracle }: Scene, isNoticed?: () => boolean): void {
  oracle.history.loseDisk(1);
  disks.take(isNoticed);
}

/** Does harm; returns what undoes it. */
export type Fault = (scene: Scene) => () => void;
