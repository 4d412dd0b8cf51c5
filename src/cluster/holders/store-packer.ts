/**
 * Items as they go to peers. A coordinator sends an item to all its holders in one turn, so the
 * item that was packed last is the only one that another peer may need.
 */
import type { Outgoing } from '../partitions/floors.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { StoreItem } from './holder.ts';

/** Packs an item once for all peers that are sent it. */
export class StorePacker {
  readonly #partitions: Partitions;
  #item: StoreItem | undefined;
  #packed: Outgoing | undefined;

  constructor(partitions: Partitions) {
    this.#partitions = partitions;
  }

  /** The item as a message; `grant` differs from peer to peer, so nothing is shared then. */
  pack(item: StoreItem, grant?: string): Outgoing {
    if (grant !== undefined) return this.#outgoing(item, grant);
    if (this.#item !== item || this.#packed === undefined) {
      this.#item = item;
      this.#packed = this.#outgoing(item, undefined);
    }
    return this.#packed;
  }

  #outgoing({ partition, ...item }: StoreItem, grant: string | undefined): Outgoing {
    return this.#partitions.of(partition).outgoing({ kind: 'store', ...item, grant });
  }
}
