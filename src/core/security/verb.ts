/**
 * The verbs, which an identity may be allowed. Each is a right on keys with a prefix; `admin`, and
 * `monitor` of a node as a whole, are rights on the empty prefix.
 */

/** All verbs. */
export const VERBS = ['read', 'write', 'delete', 'list', 'monitor', 'admin'] as const;

/** One of `VERBS`. */
export type Verb = (typeof VERBS)[number];

/**
 * A set of verbs: a bit for each, in the order of `VERBS`. In a right, the bits after those are
 * verbs on one key only (`onKey`).
 */
export type VerbSet = number;

/** The set of all verbs. */
export const ALL_VERBS: VerbSet = 2 ** VERBS.length - 1;

/** Of the verbs in a right, those on all keys with its prefix. */
export const ofPrefix = (set: VerbSet): VerbSet => set & ALL_VERBS;

/** Of the verbs in a right, those on the key that is its prefix. */
export const ofKey = (set: VerbSet): VerbSet => set >> VERBS.length;

/** The same verbs, on one key only. */
export const onKey = (set: VerbSet): VerbSet => set << VERBS.length;

/** The bit of each verb. */
const BITS: Readonly<Record<Verb, VerbSet>> = Object.fromEntries(
  VERBS.map((verb, i) => [verb, 1 << i]),
) as Record<Verb, VerbSet>;

/** The set with one verb. */
export const bitOf = (verb: Verb): VerbSet => BITS[verb];

/** The set of these verbs. */
export const verbSetOf = (verbs: readonly Verb[]): VerbSet =>
  verbs.reduce((set, verb) => set | BITS[verb], 0);

/** The verbs of a set, in the order of `VERBS`. */
export const verbsOf = (set: VerbSet): Verb[] => VERBS.filter((verb) => (set & BITS[verb]) !== 0);

/** The verbs that one key can have. The others are about all keys with a prefix. */
export const KEY_VERBS = verbSetOf(['read', 'write', 'delete', 'monitor']);

/** The set of all verbs that a right can have. */
export const RIGHT_VERBS: VerbSet = ALL_VERBS | onKey(KEY_VERBS);
