/**
 * The dots that a replica has seen. A write is in memory at once, but other nodes learn only of the
 * dots that are on disk. Otherwise a crash would make their knowledge of this replica false.
 */
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import type { Floor } from '../../core/causality/floor.ts';

/** Separates the digest of the closed dots from that of the clock. */
const LOST_FACTOR = 0x9e3779b1;

/** The clock of one replica and its closed dots, each in memory and on disk. */
export class ReplicaClock {
  /** Every dot that the replica has seen, durable or on its way to the disk. */
  readonly seen: CausalContext;
  /** The dots of `seen` that are on disk. */
  readonly durable: CausalContext;
  /** Closed dots: no disk held them, and the clock counts them as seen. */
  readonly lost: CausalContext;
  /** The dots of `lost` that are on disk. */
  readonly durableLost: CausalContext;
  #hash: number | undefined;

  constructor({ clock, lost }: { readonly clock: CausalContext; readonly lost: CausalContext }) {
    this.seen = clock;
    this.durable = clock.clone();
    this.lost = lost;
    this.durableLost = lost.clone();
  }

  /** A hash of the durable clock and the durable closed dots. */
  get hash(): number {
    // The digests are of the dots, however they are stored: equal replicas may have different
    // floors.
    this.#hash ??= (this.durable.digest + Math.imul(this.durableLost.digest, LOST_FACTOR)) >>> 0;
    return this.#hash;
  }

  /** Makes both clocks share this floor, if they cover it. */
  shareFloor(floor: Floor): void {
    this.seen.shareFloor(floor);
    this.durable.shareFloor(floor);
  }

  /** Records that these dots are durable now. */
  settle(dots: readonly Dot[] | CausalContext): void {
    this.#hash = undefined;
    if (dots instanceof CausalContext) this.durable.join(dots);
    else for (const { actor, counter } of dots) this.durable.add(actor, counter);
  }

  /** Closes dots that no disk holds: from now on they count as seen. */
  close(dots: CausalContext): void {
    this.seen.join(dots);
    this.lost.join(dots);
  }

  /** Records that the closing of these dots is durable now. */
  settleClosed(dots: CausalContext): void {
    this.#hash = undefined;
    this.durableLost.join(dots);
  }
}
