/**
 * Keys that were lost to damage: neither this disk nor any other could read them. They are named,
 * and not more than can be read.
 */
import { MAX_NAMED_KEYS } from './limits.ts';

/** Remembers such keys while the process runs. */
export class UnreadableKeys {
  readonly #keys = new Set<string>();

  add(key: string): void {
    if (this.#keys.size < MAX_NAMED_KEYS) this.#keys.add(key);
  }

  get named(): readonly string[] {
    return [...this.#keys];
  }
}
