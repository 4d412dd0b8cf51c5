/**
 * Rights: verbs on all keys with a prefix. All that no right allows is denied, and no rule denies
 * anything, so the order of rights cannot matter.
 *
 * Prefixes are compared unit by unit, without any normalization. `a` is a prefix of the key `a/b`
 * and of the key `ab`, and `a/` only of the first. Both texts are well-formed Unicode, so the
 * comparison is that of their UTF-8 bytes.
 */
import { compareUtf8 } from '../../base/bytes.ts';
import { bitOf, type Verb, type VerbSet } from './verb.ts';

/** Verbs on all keys with a prefix. */
export interface Right {
  readonly prefix: string;
  readonly verbs: VerbSet;
}

/**
 * The same rights in the only form in which they are kept: in the order of their prefixes, and
 * without verbs that a shorter prefix has as well.
 */
export function normalRights(rights: readonly Right[]): Right[] {
  const byPrefix = new Map<string, VerbSet>();
  for (const { prefix, verbs } of rights) byPrefix.set(prefix, (byPrefix.get(prefix) ?? 0) | verbs);
  const all = [...byPrefix].map(([prefix, verbs]) => ({ prefix, verbs }));
  return all
    .map(({ prefix, verbs }) => {
      const above = all.filter(
        (other) => other.prefix !== prefix && prefix.startsWith(other.prefix),
      );
      return { prefix, verbs: above.reduce((left, other) => left & ~other.verbs, verbs) };
    })
    .filter(({ verbs }) => verbs !== 0)
    .sort((a, b) => compareUtf8(a.prefix, b.prefix));
}

/** The rights that both have. */
export function rightsOfBoth(one: readonly Right[], other: readonly Right[]): Right[] {
  const both = one.flatMap((a) =>
    other.flatMap((b) => {
      const [short, long] = a.prefix.length < b.prefix.length ? [a, b] : [b, a];
      const isCovered = long.prefix.startsWith(short.prefix);
      return isCovered ? [{ prefix: long.prefix, verbs: a.verbs & b.verbs }] : [];
    }),
  );
  return normalRights(both);
}

/** The rights of one identity, to be asked about keys. */
export class RightsTable {
  /** The verbs by prefix, and the distinct lengths of prefixes, the shortest first. */
  readonly #verbsByPrefix = new Map<string, VerbSet>();
  readonly #lengths: readonly number[];
  /** The verbs that some prefix has. */
  readonly verbs: VerbSet;

  constructor(rights: readonly Right[]) {
    for (const { prefix, verbs } of rights)
      this.#verbsByPrefix.set(prefix, (this.#verbsByPrefix.get(prefix) ?? 0) | verbs);
    const lengths = new Set(rights.map(({ prefix }) => prefix.length));
    this.#lengths = [...lengths].sort((a, b) => a - b);
    this.verbs = rights.reduce((set, { verbs }) => set | verbs, 0);
  }

  /** Whether a verb is allowed on a key, or on all keys that begin with this text. */
  allows(verb: Verb, start: string): boolean {
    const bit = bitOf(verb);
    for (const length of this.#lengths) {
      if (length > start.length) return false;
      if (((this.#verbsByPrefix.get(start.slice(0, length)) ?? 0) & bit) !== 0) return true;
    }
    return false;
  }
}
