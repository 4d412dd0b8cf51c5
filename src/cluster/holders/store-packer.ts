/**
 * Packs items for peers. A coordinator sends an item to all its holders in one turn, so only the
 * last packed item can be needed again.
 */
import type { Floors, Outgoing } from '../partitions/floors.ts';
import type { StoreItem } from './holder.ts';

/** Packs an item once for all peers that get it. */
export class StorePacker {
  readonly #floors: Pick<Floors, 'outgoing'>;
  #item: StoreItem | undefined;
  #packed: Outgoing | undefined;

  constructor(floors: Pick<Floors, 'outgoing'>) {
    this.#floors = floors;
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
    return this.#floors.outgoing(partition, message);
  }
}
