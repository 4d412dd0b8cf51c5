/**
 * Packs items for peers. A coordinator sends an item to all its holders in one turn, so only the
 * last packed item can be needed again.
 */
import type { Outgoing } from '../partitions/floors.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { StoreItem } from './holder.ts';

/** Packs an item once for all peers that get it. */
export class StorePacker {
  readonly #partitions: Partitions;
  #item: StoreItem | undefined;
  #packed: Outgoing | undefined;

  constructor(partitions: Partitions) {
    this.#partitions = partitions;
  }

  /** Returns the item as a message. With a `grant`, each peer gets a message of its own. */
  pack(item: StoreItem, grant?: string): Outgoing {
    if (grant !== undefined) return this.#outgoing(item, grant);
    if (this.#item !== item || this.#packed === undefined) {
      this.#item = item;
      this.#packed = this.#outgoing(item, undefined);
    }
    return this.#packed;
  }

  // Written out field by field, because object spreads are slow.
  #outgoing(item: StoreItem, grant: string | undefined): Outgoing {
    const { partition, key, object, dots, memory, ownersHash, caller } = item;
    const message = {
      kind: 'store',
      key,
      object,
      dots,
      grant,
      memory,
      ownersHash,
      caller,
    } as const;
    return this.#partitions.of(partition).outgoing(message);
  }
}
