/** Keys that were lost to damage: no member could read them. */
import { MAX_NAMED_KEYS } from './limits.ts';

/** Remembers the first of these keys while the process runs. */
export class UnreadableKeys {
  readonly #keys = new Set<string>();

  add(key: string): void {
    if (this.#keys.size < MAX_NAMED_KEYS) this.#keys.add(key);
  }

  get list(): readonly string[] {
    return [...this.#keys];
  }
}
