/** The data keys of a machine: its store is encrypted from some start on, and changes its key. */
import type { AtRest } from '../storage/at-rest/at-rest.ts';
import { DataKeys } from '../storage/at-rest/data-keys.ts';
import { Sealer } from '../storage/at-rest/sealed-engine.ts';
import { MAX_DATA_KEYS } from '../storage/limits.ts';
import { Dice } from './world.ts';

/** The start of a node from which on its store is encrypted. */
export type EncryptedFrom = 'the first start' | 'the second start' | 'never';

/** The starts before that. */
const PLAIN_STARTS: Readonly<Record<EncryptedFrom, number>> = {
  'the first start': 0,
  'the second start': 1,
  never: Infinity,
};

/** The keys of one machine. They outlive its disk: an old copy of the disk can be put back. */
export class MachineKeys implements AtRest {
  readonly keys: DataKeys;
  readonly sealer: Sealer;
  readonly #dice: Dice;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.keys = DataKeys.draw(this.#dice);
    this.sealer = new Sealer(this.keys, this.#dice);
  }

  /** The keys for a start of the node, by its number; undefined if its store is plain. */
  atStart(start: number, from: EncryptedFrom): AtRest | undefined {
    // While the node was down, an operator has drawn another key.
    if (start % 2 === 1 && this.keys.count < MAX_DATA_KEYS) this.keys.add(this.#dice);
    return start >= PLAIN_STARTS[from] ? this : undefined;
  }

  async keep(): Promise<void> {}

  async dropBefore(): Promise<void> {}
}
