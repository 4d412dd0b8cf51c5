/**
 * What a replica has seen: in memory, where a write shows at once, and on disk, which is all that
 * other nodes may hear of.
 */
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import type { Floor } from '../../core/causality/floor.ts';

/** Separates the digest of the closed dots from that of the clock. */
const LOST_FACTOR = 0x9e3779b1;

/** The clock of one replica and its closed dots, each in memory and as the disk has them. */
export class ReplicaClock {
  /** Every dot that the replica has seen, durable or not. */
  readonly seen: CausalContext;
  readonly durable: CausalContext;
  /** Closed dots: no disk held them, and the clock counts them as seen. */
  readonly lost: CausalContext;
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
    // Over the dots, not over floor and rest: equal replicas may stand on different floors.
    this.#hash ??= (this.durable.digest + Math.imul(this.durableLost.digest, LOST_FACTOR)) >>> 0;
    return this.#hash;
  }

  /** Shares this floor with both contexts, as far as their own floors cover it. */
  shareFloor(floor: Floor): void {
    this.seen.shareFloor(floor);
    this.durable.shareFloor(floor);
  }

  /** Takes note that these dots are durable now. */
  settle(dots: readonly Dot[] | CausalContext): void {
    this.#hash = undefined;
    if (dots instanceof CausalContext) this.durable.join(dots);
    else for (const { actor, counter } of dots) this.durable.add(actor, counter);
  }

  /** Counts dots as seen that no disk holds. */
  close(dots: CausalContext): void {
    this.seen.join(dots);
    this.lost.join(dots);
  }

  /** Takes note that the closing of these dots is durable now. */
  settleClosed(dots: CausalContext): void {
    this.#hash = undefined;
    this.durableLost.join(dots);
  }
}
