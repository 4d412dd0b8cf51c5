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
  /** A number that grows when members begin to join or leave, and when all owners are equal. */
  readonly moves: number;
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
  #moves = 0;
  #isMoving = false;
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

  /**
   * Loosens the promises until all owners are equal, because members join or leave. `change` is the
   * number of members that it adds. Majorities of owners keep their promise, unless a key has more
   * or fewer owners after the change.
   */
  move(change: number): void {
    const staying = this.#staying();
    if (Math.min(staying, staying + change) < this.#cluster.quorum.n) return this.loosen();
    this.#moves += 1;
    if (this.#isMoving) return;
    this.#isMoving = true;
    this.#whenAtRest(() => {
      this.#isMoving = false;
      this.#moves += 1;
    });
  }

  #lookLater(): void {
    this.#whenAtRest(() => {
      this.#isLoose = false;
      this.#doDecisionsHold = true;
      this.#epoch += 1;
      this.#tightSinceMs = this.#cluster.world.nowMs;
    });
  }

  #whenAtRest(act: () => void): void {
    this.#cluster.world.after(LOOK_MS, () => {
      if (this.#cluster.isAtRest()) act();
      else this.#whenAtRest(act);
    });
  }

  /** Returns the present moment. */
  now(): Since {
    const { world, clocks } = this.#cluster;
    const [epoch, moves] = [this.#epoch, this.#moves];
    return { ms: world.nowMs, epoch, moves, leastMicros: clocks.leastMicros() };
  }

  /**
   * Whether of two conditional writes on one state, the second one must not be acknowledged now.
   */
  get doDecisionsHold(): boolean {
    return this.#doDecisionsHold;
  }

  /** The number of nodes that have not left. */
  #staying(): number {
    return this.#cluster.nodes.filter(({ hasLeft }) => !hasLeft).length;
  }

  /** The number of owners of a key. */
  #owners(): number {
    return Math.min(this.#cluster.quorum.n, this.#staying());
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
    const isMoving = this.#isMoving || since.moves !== this.#moves;
    if (isMoving && owners < this.majority().owners) return false;
    const held = made.endedMs <= this.#tightSinceMs ? this.#owners() : made.strength.owners;
    return held + owners > this.#owners();
  }
}
