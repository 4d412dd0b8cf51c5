/** The memory for answers that wait until slow readers take them. */
import type { ClientAddress } from './client-addresses.ts';
import { SHARE_OF_ADDRESS } from './limits.ts';

/** Counts the bytes of large answers, in all and by address. */
export class AnswerMemory {
  readonly #capacity: number;
  readonly #byAddress = new Map<ClientAddress, number>();
  #used = 0;

  constructor(capacityBytes: number) {
    this.#capacity = capacityBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /**
   * Takes bytes if they are available. An address with no other answer may take one of any size.
   * Returns whether they were.
   */
  tryTake(address: ClientAddress, bytes: number): boolean {
    const own = this.#byAddress.get(address) ?? 0;
    const isTooMuch = own > 0 && own + bytes > this.#capacity * SHARE_OF_ADDRESS;
    if (this.#used + bytes > this.#capacity || (isTooMuch && !address.isProxy)) return false;
    this.#used += bytes;
    this.#byAddress.set(address, own + bytes);
    return true;
  }

  /** Gives bytes back. */
  release(address: ClientAddress, bytes: number): void {
    this.#used -= bytes;
    const own = (this.#byAddress.get(address) ?? 0) - bytes;
    if (own > 0) this.#byAddress.set(address, own);
    else this.#byAddress.delete(address);
  }
}
