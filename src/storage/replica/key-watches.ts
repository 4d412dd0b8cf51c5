/** Which keys of a replica change while something is under way that must not miss any. */

/** Remembers the keys that change from now on. */
export interface KeyWatch {
  /** The keys that changed since the watch began, or since this was last asked. */
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

  /** A key changes. */
  changed(key: string): void {
    for (const keys of this.#watches) keys.add(key);
  }
}
