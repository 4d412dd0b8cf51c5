/** Watches over the keys of a replica, for a scan of many turns that must not miss a change. */

/** Remembers the keys that change from now on. */
export interface KeyWatch {
  /** Returns the keys that changed since the watch began, or since the last call. */
  take(): string[];
  end(): void;
}

/** The watches over one replica. */
export class KeyWatches {
  readonly #watches = new Set<Set<string>>();

  /** Begins a watch, which must be ended. */
  begin(): KeyWatch {
    const keys = new Set<string>();
    this.#watches.add(keys);
    return {
      take: () => {
        const taken = [...keys];
        keys.clear();
        return taken;
      },
      end: () => void this.#watches.delete(keys),
    };
  }

  /** Tells all watches that a key changes. */
  changed(key: string): void {
    for (const keys of this.#watches) keys.add(key);
  }
}
