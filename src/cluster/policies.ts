/**
 * Policies: what the configuration says of the keys that begin with a prefix. Of several, the
 * longest prefix counts.
 */
import { hidden, type View, visible } from '../core/value/visible.ts';
import type { ObjectVersion } from '../core/causality/object.ts';
import type { Quorum } from '../core/quorum/quorum.ts';

/** What holds for the keys with a prefix; what is undefined is as for all keys. */
export interface Policy {
  readonly prefix: string;
  /** What happens to concurrent versions: they are kept, or only the newest is. */
  readonly siblings: 'keep' | 'last-write-wins';
  /** How long a version lives, unless its writer says otherwise. */
  readonly ttlMs: number | undefined;
  readonly r: Quorum | undefined;
  readonly w: Quorum | undefined;
  readonly maxValueBytes: number | undefined;
}

/** The policies of a configuration. */
export class Policies {
  readonly #longestFirst: readonly Policy[];

  constructor(policies: readonly Policy[]) {
    this.#longestFirst = [...policies].sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** The policy of a key, where it has one. */
  of(key: string): Policy | undefined {
    if (this.#longestFirst.length === 0) return undefined;
    return this.#longestFirst.find(({ prefix }) => key.startsWith(prefix));
  }

  isLastWriteWins(key: string): boolean {
    return this.of(key)?.siblings === 'last-write-wins';
  }

  /** The write quorums that policies name. */
  writeQuorums(): Quorum[] {
    return this.#longestFirst.flatMap(({ w }) => (w === undefined ? [] : [w]));
  }

  /** The versions of a key that a reader sees. */
  visible(
    key: string,
    versions: readonly ObjectVersion<Uint8Array>[],
    now: View['now'],
  ): readonly ObjectVersion<Uint8Array>[] {
    return visible(versions, { now, isLastWriteWins: this.isLastWriteWins(key) });
  }

  /** The versions of a key that no reader sees: they go. */
  hidden(
    key: string,
    versions: readonly ObjectVersion<Uint8Array>[],
    now: View['now'],
  ): readonly ObjectVersion<Uint8Array>[] {
    return hidden(versions, { now, isLastWriteWins: this.isLastWriteWins(key) });
  }
}
