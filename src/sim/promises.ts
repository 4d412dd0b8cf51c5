/**
 * What quorums promise at a moment. While members come and go, a volume is put back to an earlier
 * state, or a node takes itself for the whole cluster, quorums of before and after need not
 * intersect; from the next time that all owners are equal, they do again.
 */
import { quorumSize, type Quorum } from '../core/quorum/quorum.ts';
import type { SimCluster } from './cluster.ts';
import type { MadeOperation, Strength } from './history.ts';

/** Quorums as a request asks for them. */
export interface Quorums {
  readonly r?: Quorum | undefined;
  readonly w?: Quorum | undefined;
  readonly pr?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
}

/** When a request began, in which epoch of promises. */
export interface Since {
  readonly ms: number;
  readonly epoch: number;
  /** What the slowest wall clock showed. */
  readonly leastMicros: number;
}

/** How often it is looked whether all owners are equal again. */
const LOOK_MS = 250;

/** What the cluster of one run promises. */
export class Promises {
  readonly #cluster: SimCluster;
  /** Grows whenever promises are suspended, and when they hold again. */
  #epoch = 0;
  #isLoose = false;
  #doDecisionsHold = true;
  /** Since when the promises hold; what was acknowledged before, all owners have. */
  #tightSinceMs = 0;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /**
   * From now until all owners are equal, reads need not meet what was acknowledged; and, if a node
   * takes itself for all or has forgotten what it knew, neither must decisions.
   */
  loosen({ doDecisionsHold = true }: { readonly doDecisionsHold?: boolean } = {}): void {
    this.#epoch += 1;
    this.#doDecisionsHold &&= doDecisionsHold;
    if (this.#isLoose) return;
    this.#isLoose = true;
    this.#lookLater();
  }

  #lookLater(): void {
    const { world } = this.#cluster;
    world.after(LOOK_MS, () => {
      if (!this.#cluster.isAtRest()) return this.#lookLater();
      this.#isLoose = false;
      this.#doDecisionsHold = true;
      this.#epoch += 1;
      this.#tightSinceMs = world.nowMs;
    });
  }

  /** This moment. */
  now(): Since {
    const { world, clocks } = this.#cluster;
    return { ms: world.nowMs, epoch: this.#epoch, leastMicros: clocks.leastMicros() };
  }

  /** Whether two conditional writes on one state must not both be acknowledged, the second of them now. */
  get doDecisionsHold(): boolean {
    return this.#doDecisionsHold;
  }

  /** How many owners a key has. */
  #owners(): number {
    const staying = this.#cluster.nodes.filter(({ hasLeft }) => !hasLeft).length;
    return Math.min(this.#cluster.quorum.n, staying);
  }

  /** Whether every node is an owner: then there are no fallbacks. */
  #areAllOwners(): boolean {
    return this.#cluster.nodes.length <= this.#cluster.quorum.n;
  }

  /** What an answer says to which so many disks, and so many disks of owners, have contributed. */
  strength(any: Quorum, owners: Quorum | undefined): Strength {
    const all = this.#owners();
    const least = owners === undefined ? 0 : quorumSize(owners, all);
    const disks = Math.max(quorumSize(any, all), least);
    return { disks, owners: this.#areAllOwners() ? disks : least };
  }

  /** A majority of the owners: what conditional writes are decided by, and kept by. */
  majority(): Strength {
    const owners = quorumSize('quorum', this.#owners());
    return { disks: owners, owners };
  }

  /** Whether a request that began then, and had answers of this strength, must meet the write. */
  mustMeet(made: MadeOperation, since: Since, { owners }: Strength): boolean {
    if (this.#isLoose || since.epoch !== this.#epoch) return false;
    if (!made.isAcknowledged || made.endedMs === undefined || made.endedMs > since.ms) return false;
    const held = made.endedMs <= this.#tightSinceMs ? this.#owners() : made.strength.owners;
    return held + owners > this.#owners();
  }
}
