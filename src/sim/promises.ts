/**
 * The promises of quorums at a moment. Three events may separate the quorums before and after:
 * members come and go, a volume is put back to an earlier state, or a node takes itself for the
 * whole cluster. The quorums intersect again as soon as all owners are equal.
 */
import { quorumSize, type Quorum } from '../core/quorum/quorum.ts';
import type { SimCluster } from './cluster.ts';
import type { MadeOperation, Strength } from './history.ts';

/** The quorums of a request. */
export interface Quorums {
  readonly r?: Quorum | undefined;
  readonly w?: Quorum | undefined;
  readonly pr?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
}

/** The moment at which a request began, with the epoch of promises. */
export interface Since {
  readonly ms: number;
  readonly epoch: number;
  /** The time of the slowest wall clock. */
  readonly leastMicros: number;
}

/** The pause between two checks whether all owners are equal again. */
const LOOK_MS = 250;

/** The promises of the cluster of one run. */
export class Promises {
  readonly #cluster: SimCluster;
  /** A number that grows when promises are suspended, and when they hold again. */
  #epoch = 0;
  #isLoose = false;
  #doDecisionsHold = true;
  /** The time since which the promises hold. All owners have the writes acknowledged before. */
  #tightSinceMs = 0;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /**
   * Suspends the promises until all owners are equal: reads may miss acknowledged writes. So may
   * decisions, if a node takes itself for the whole cluster or has forgotten writes.
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

  /** Returns the present moment. */
  now(): Since {
    const { world, clocks } = this.#cluster;
    return { ms: world.nowMs, epoch: this.#epoch, leastMicros: clocks.leastMicros() };
  }

  /**
   * Whether of two conditional writes on one state, the second one must not be acknowledged now.
   */
  get doDecisionsHold(): boolean {
    return this.#doDecisionsHold;
  }

  /** The number of owners of a key. */
  #owners(): number {
    const staying = this.#cluster.nodes.filter(({ hasLeft }) => !hasLeft).length;
    return Math.min(this.#cluster.quorum.n, staying);
  }

  /** Whether every node is an owner of every key, so that there are no fallbacks. */
  #areAllOwners(): boolean {
    return this.#cluster.nodes.length <= this.#cluster.quorum.n;
  }

  /** Returns the strength of an answer: the disks, and the disks of owners, that it needed. */
  strength(any: Quorum, owners: Quorum | undefined): Strength {
    const all = this.#owners();
    const least = owners === undefined ? 0 : quorumSize(owners, all);
    const disks = Math.max(quorumSize(any, all), least);
    return { disks, owners: this.#areAllOwners() ? disks : least };
  }

  /** The strength of conditional writes: a majority of the owners decides and stores them. */
  majority(): Strength {
    const owners = quorumSize('quorum', this.#owners());
    return { disks: owners, owners };
  }

  /** Whether a request that began at a moment, with answers of a strength, must meet a write. */
  mustMeet(made: MadeOperation, since: Since, { owners }: Strength): boolean {
    if (this.#isLoose || since.epoch !== this.#epoch) return false;
    if (!made.isAcknowledged || made.endedMs === undefined || made.endedMs > since.ms) return false;
    const held = made.endedMs <= this.#tightSinceMs ? this.#owners() : made.strength.owners;
    return held + owners > this.#owners();
  }
}
