/**
 * The promises of quorums at a moment. Three events may separate the quorums before and after:
 * members come and go, a volume is put back to an earlier state, or a node takes itself for the
 * whole cluster. The quorums intersect again as soon as all owners are equal.
 */
import { type Quorum, quorumSize } from '../core/quorum/quorum.ts';
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
export interface RequestStart {
  readonly ms: number;
  readonly epoch: number;
  /** A number that grows when members begin to join or leave, and when all owners are equal. */
  readonly memberChanges: number;
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
  #isSuspended = false;
  #memberChanges = 0;
  #areMembersChanging = false;
  #doDecisionsHold = true;
  /** The time since which the promises hold. All owners have the writes acknowledged before. */
  #holdSinceMs = 0;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /**
   * Suspends the promises until all owners are equal: reads may miss acknowledged writes. So may
   * decisions, if a node takes itself for the whole cluster or has forgotten writes.
   */
  suspend({ doDecisionsHold = true }: { readonly doDecisionsHold?: boolean } = {}): void {
    this.#epoch += 1;
    this.#doDecisionsHold &&= doDecisionsHold;
    if (this.#isSuspended) return;
    this.#isSuspended = true;
    this.#lookLater();
  }

  /**
   * Suspends promises until all owners are equal, because members join or leave. `change` is the
   * number of members that it adds. Majorities of owners keep their promise, unless a key has more
   * or fewer owners after the change.
   */
  changeMembers(change: number): void {
    const staying = this.#countMembers();
    if (Math.min(staying, staying + change) < this.#cluster.quorum.n) return this.suspend();
    this.#memberChanges += 1;
    if (this.#areMembersChanging) return;
    this.#areMembersChanging = true;
    this.#whenAtRest(() => {
      this.#areMembersChanging = false;
      this.#memberChanges += 1;
    });
  }

  #lookLater(): void {
    this.#whenAtRest(() => {
      this.#isSuspended = false;
      this.#doDecisionsHold = true;
      this.#epoch += 1;
      this.#holdSinceMs = this.#cluster.world.nowMs;
    });
  }

  #whenAtRest(act: () => void): void {
    this.#cluster.world.after(LOOK_MS, () => {
      if (this.#cluster.isAtRest()) act();
      else this.#whenAtRest(act);
    });
  }

  /** Returns the present moment. */
  now(): RequestStart {
    const { world, clocks } = this.#cluster;
    const [epoch, memberChanges] = [this.#epoch, this.#memberChanges];
    return { ms: world.nowMs, epoch, memberChanges, leastMicros: clocks.leastMicros() };
  }

  /**
   * Whether of two conditional writes on one state, the second one must not be acknowledged now.
   */
  get doDecisionsHold(): boolean {
    return this.#doDecisionsHold;
  }

  /** The number of nodes that have not left. */
  #countMembers(): number {
    return this.#cluster.nodes.filter(({ hasLeft }) => !hasLeft).length;
  }

  /** The number of owners of a key. */
  #countOwners(): number {
    return Math.min(this.#cluster.quorum.n, this.#countMembers());
  }

  /** Whether every node is an owner of every key, so that there are no fallbacks. */
  #areAllOwners(): boolean {
    return this.#cluster.nodes.length <= this.#cluster.quorum.n;
  }

  /** Returns the strength of an answer: the disks, and the disks of owners, that it needed. */
  strength(any: Quorum, owners: Quorum | undefined): Strength {
    const all = this.#countOwners();
    const least = owners === undefined ? 0 : quorumSize(owners, all);
    const disks = Math.max(quorumSize(any, all), least);
    return { disks, owners: this.#areAllOwners() ? disks : least };
  }

  /** The strength of conditional writes: a majority of the owners decides and stores them. */
  majority(): Strength {
    const owners = quorumSize('quorum', this.#countOwners());
    return { disks: owners, owners };
  }

  /** Whether a request that began at a moment, with answers of a strength, must meet a write. */
  mustMeet(made: MadeOperation, since: RequestStart, { owners }: Strength): boolean {
    if (this.#isSuspended || since.epoch !== this.#epoch) return false;
    if (!made.isAcknowledged || made.endedMs === undefined || made.endedMs > since.ms) return false;
    const isChanging = this.#areMembersChanging || since.memberChanges !== this.#memberChanges;
    if (isChanging && owners < this.majority().owners) return false;
    const acknowledged =
      made.endedMs <= this.#holdSinceMs ? this.#countOwners() : made.strength.owners;
    return acknowledged + owners > this.#countOwners();
  }
}
