/** The scene of faults: the cluster and the state that they change. */
import type { SimCluster, SimNode } from './cluster.ts';
import type { Oracle } from './oracle.ts';
import type { Dice } from './world.ts';

/** The scene of one fault. */
export interface Scene {
  readonly cluster: SimCluster;
  readonly oracle: Oracle;
  /** The dice of this fault. */
  readonly dice: Dice;
  /** Copies of each disk, the first and the last ones, oldest first. */
  readonly copies: Map<SimNode, ReadonlyMap<string, Uint8Array>[]>;
  readonly disks: DiskBudget;
  /** The keys in use. */
  readonly keys: readonly string[];
}

/** The disks that may lose rows: fewer than W, until every disk has all rows again. */
export class DiskBudget {
  left = 1;
  #isNoticed: () => boolean = () => true;

  /** Records that a disk loses rows. `isNoticed` returns whether its node knows. */
  take(isNoticed: () => boolean = () => true): void {
    this.left -= 1;
    this.#isNoticed = isNoticed;
  }

  /** Checks whether the loss is mended. */
  checkRepaired({ cluster }: Pick<Scene, 'cluster'>): void {
    if (this.left === 0 && this.#isNoticed() && cluster.isAtRest()) this.left = 1;
  }
}

/** Records that a disk loses its rows. `isNoticed` returns whether its node knows. */
export function loseDisk({ disks, oracle }: Scene, isNoticed?: () => boolean): void {
  oracle.history.loseDisk(1);
  disks.take(isNoticed);
}

/** Starts a fault. Returns a function that ends it. */
export type Fault = (scene: Scene) => () => void;
