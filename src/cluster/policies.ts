/**
 * Policies: the configuration of keys with a prefix. If several prefixes match a key, the longest
 * counts.
 */
import { hidden, type View, visible } from '../core/value/visible.ts';
import type { ObjectVersion } from '../core/causality/object.ts';
import type { Quorum } from '../core/quorum/quorum.ts';

/** The configuration of keys with a prefix. An undefined value is the same as for all keys. */
export interface Policy {
  readonly prefix: string;
  /** The handling of concurrent versions: readers see all of them, or only the newest. */
  readonly siblings: 'keep' | 'last-write-wins';
  /** The time to live of a version, unless its writer sets one. */
  readonly ttlMs: number | undefined;
  readonly r: Quorum | undefined;
  readonly w: Quorum | undefined;
  readonly maxValueBytes: number | undefined;
}

/** The policies of a configuration, as they are at the moment. */
export class Policies {
  readonly #config: { readonly policies: readonly Policy[] };
  #known: readonly Policy[] = [];
  #sorted: readonly Policy[] = [];

  constructor(config: { readonly policies: readonly Policy[] }) {
    this.#config = config;
  }

  get #longestFirst(): readonly Policy[] {
    const { policies } = this.#config;
    if (policies !== this.#known) {
      this.#known = policies;
      this.#sorted = [...policies].sort((a, b) => b.prefix.length - a.prefix.length);
    }
    return this.#sorted;
  }

  /** The policy of a key; undefined if it has none. */
  of(key: string): Policy | undefined {
    const policies = this.#longestFirst;
    return policies.length === 0
      ? undefined
      : policies.find(({ prefix }) => key.startsWith(prefix));
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

  /** The versions of a key that no reader sees. They are removed. */
  hidden(
    key: string,
    versions: readonly ObjectVersion<Uint8Array>[],
    now: View['now'],
  ): readonly ObjectVersion<Uint8Array>[] {
    return hidden(versions, { now, isLastWriteWins: this.isLastWriteWins(key) });
  }
}
