/**
 * Rights: verbs on all keys with a prefix, or on one key. All that no right allows is denied, and
 * no rule denies anything, so the order of rights cannot matter.
 *
 * Prefixes are compared unit by unit, without any normalization. `a` is a prefix of the key `a/b`
 * and of the key `ab`, and `a/` only of the first. Both texts are well-formed Unicode, so the
 * comparison is that of their UTF-8 bytes.
 */
import { compareUtf8 } from '../../base/bytes.ts';
import { bitOf, ofKey, ofPrefix, onKey, type Verb, type VerbSet } from './verb.ts';

/** Verbs on all keys with a prefix, and on the key that is this prefix. */
export interface Right {
  readonly prefix: string;
  readonly verbs: VerbSet;
}

/** The verbs of several lists of rights on one prefix: a set for each list. */
interface VerbsOnPrefix {
  readonly prefix: string;
  /** The verbs of the rights on exactly this prefix. */
  readonly own: readonly VerbSet[];
  /** The verbs that rights on shorter prefixes give to all of its keys. */
  readonly above: readonly VerbSet[];
  /** The verbs on all of its keys. */
  readonly all: readonly VerbSet[];
}

/**
 * The verbs of lists of rights on each of their prefixes, in order. A prefix comes before all that
 * it begins, and these follow each other. So a stack has the shorter prefixes of each.
 */
function verbsByPrefix(lists: readonly (readonly Right[])[]): VerbsOnPrefix[] {
  const none = lists.map(() => 0);
  const byPrefix = new Map<string, VerbSet[]>();
  for (const [i, rights] of lists.entries())
    for (const { prefix, verbs } of rights) {
      const sets = byPrefix.get(prefix) ?? [...none];
      sets[i] = (sets[i] ?? 0) | verbs;
      byPrefix.set(prefix, sets);
    }
  const stack: VerbsOnPrefix[] = [];
  return [...byPrefix]
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([prefix, own]) => {
      while (stack.length > 0 && !prefix.startsWith(stack.at(-1)?.prefix ?? '')) stack.pop();
      const above = stack.at(-1)?.all ?? none;
      const verbs = { prefix, own, above, all: own.map((set, i) => ofPrefix(set) | at(above, i)) };
      stack.push(verbs);
      return verbs;
    });
}

const at = (sets: readonly VerbSet[], i: number): VerbSet => sets[i] ?? 0;

/**
 * The same rights in the only form in which they are kept: in the order of their prefixes, and
 * without verbs that another right has as well.
 */
export const normalRights = (rights: readonly Right[]): Right[] =>
  verbsByPrefix([rights])
    .map(({ prefix, own, above, all }) => ({
      prefix,
      verbs: (ofPrefix(at(own, 0)) & ~at(above, 0)) | onKey(ofKey(at(own, 0)) & ~at(all, 0)),
    }))
    .filter(({ verbs }) => verbs !== 0);

/** The rights that both have. */
export function rightsOfBoth(one: readonly Right[], other: readonly Right[]): Right[] {
  const both = verbsByPrefix([one, other]).map(({ prefix, own, all }) => {
    const key = (ofKey(at(own, 0)) | at(all, 0)) & (ofKey(at(own, 1)) | at(all, 1));
    return { prefix, verbs: (at(all, 0) & at(all, 1)) | onKey(key) };
  });
  return normalRights(both);
}

/** The rights of one identity, to be asked about keys. */
export class RightsTable {
  /** The verbs by prefix, and the distinct lengths of prefixes, the shortest first. */
  readonly #verbsByPrefix = new Map<string, VerbSet>();
  readonly #lengths: readonly number[];
  /** The verbs that some prefix or key has. */
  readonly verbs: VerbSet;

  constructor(rights: readonly Right[]) {
    for (const { prefix, verbs } of rights)
      this.#verbsByPrefix.set(prefix, (this.#verbsByPrefix.get(prefix) ?? 0) | verbs);
    const lengths = new Set(rights.map(({ prefix }) => prefix.length));
    this.#lengths = [...lengths].sort((a, b) => a - b);
    this.verbs = rights.reduce((set, { verbs }) => set | ofPrefix(verbs) | ofKey(verbs), 0);
  }

  /** Whether a verb is allowed on a key, or on all keys that begin with this text. */
  allows(verb: Verb, start: string): boolean {
    const bit = bitOf(verb);
    for (const length of this.#lengths) {
      if (length > start.length) return false;
      // A verb that one key can have is never asked for on a prefix, other than the empty one.
      const wanted = length === start.length ? bit | onKey(bit) : bit;
      if (((this.#verbsByPrefix.get(start.slice(0, length)) ?? 0) & wanted) !== 0) return true;
    }
    return false;
  }
}
