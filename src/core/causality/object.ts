/**
 * What is stored for one key, and the five operations on it. This file is the whole of the conflict handling
 * of MecDB; everything else moves its results about.
 *
 * An object is a set of versions (several = siblings), each under the dot of the write that made it, and a
 * context: which dots of this key are known about. A dot that is in the context but not among the versions has
 * been overwritten or deleted. So nothing needs a tombstone: absence, together with the context, is knowledge.
 *
 * On disk the context is not kept whole. All the keys of a replica share its clock, and what the *bases* of that
 * clock say need not be repeated per key; `strip` takes it off and `fill` puts it back. Only the bases: an extra
 * (a dot above a gap) says that the replica saw that one write, and its object was merged then; but what that
 * object had overwritten may hide in the gap. Stripping against extras, or filling with them, loses data.
 *
 * Sources: Gonçalves, Almeida, Baquero, Fonte, "Concise Server-Wide Causality Management for Eventually Consistent
 * Data Stores" (DAIS 2015); Preguiça et al., "Dotted Version Vectors" (2010).
 */
import { CausalContext, type Dot } from './causal-context.ts';

/** One value of a key, under the dot of the write that made it. The body means nothing to this file. */
export interface ObjectVersion<Body> extends Dot {
  readonly body: Body;
}

/** An object as replicas exchange it: its versions, and every dot that is known about. */
export interface FilledObject<Body> {
  readonly versions: readonly ObjectVersion<Body>[];
  readonly context: CausalContext;
}

/** An object as it lies on disk: its versions, and what is known beyond the bases of the replica's clock. */
export interface StoredObject<Body> {
  readonly versions: readonly ObjectVersion<Body>[];
  readonly residue: CausalContext;
}

/** A write, at the replica that coordinates it. */
export interface Write<Body> {
  /** What the writer had seen: its token, or an empty context. */
  readonly token: CausalContext;
  /** The dot of this write: own counter + 1. */
  readonly dot: Dot;
  /** The new value; undefined deletes. */
  readonly body: Body | undefined;
  /**
   * Whether the replica cannot read what it held of the key: then it claims nothing but this write
   * and what the writer had seen.
   */
  readonly isBlind?: boolean | undefined;
}

/** What a write leaves: the new object, and the token for the writer. */
export interface WrittenObject<Body> {
  readonly object: FilledObject<Body>;
  readonly token: CausalContext;
}

/** The stored object with all that the replica's clock knows. An absent key is `{∅, bases}`. */
export function fill<Body>(stored: StoredObject<Body>, clock: CausalContext): FilledObject<Body> {
  const context = clock.bases();
  if (!stored.residue.isEmpty) context.join(stored.residue);
  return { versions: stored.versions, context };
}

/** The object without what the clock's bases say. Without versions and residue there is nothing to store. */
export function strip<Body>(filled: FilledObject<Body>, clock: CausalContext): StoredObject<Body> {
  return { versions: filled.versions, residue: filled.context.minus(clock.bases()) };
}

/** The union of two replicas' knowledge of one key. Commutative, associative, idempotent. */
export function merge<Body>(a: FilledObject<Body>, b: FilledObject<Body>): FilledObject<Body> {
  const versions: ObjectVersion<Body>[] = [];
  for (const version of a.versions) {
    if (!b.context.has(version.actor, version.counter) || hasVersion(b, version)) versions.push(version);
  }
  for (const version of b.versions) {
    if (!a.context.has(version.actor, version.counter)) versions.push(version);
  }
  return { versions: versions.sort(compareDots), context: a.context.clone().join(b.context) };
}

/**
 * A write: what the writer had seen goes, the new version comes.
 *
 * The token for the writer must not claim a sibling that the writer has not seen, or its next write would erase it.
 * So where other versions remain, it is the writer's own token and the new dot, with a gap between if need be.
 */
export function write<Body>(
  before: FilledObject<Body>,
  { token, dot, body, isBlind }: Write<Body>,
): WrittenObject<Body> {
  const survivors = before.versions.filter((version) => !token.has(version.actor, version.counter));
  const { actor, counter } = dot;
  const versions = body === undefined ? survivors : [...survivors, { actor, counter, body }].sort(compareDots);
  const context = before.context.clone().join(token);
  context.addRanges(actor, [isBlind === true ? counter : 1, counter]);
  if (survivors.length === 0 && isBlind !== true) return { object: { versions, context }, token: context };
  const own = token.clone();
  own.add(actor, counter);
  return { object: { versions, context }, token: own };
}

/**
 * The token for a reader: all that is known, less the dead actors that are not needed to name a version returned.
 * Claiming less is always safe; it keeps tokens as small as the number of current actors.
 */
export function readToken<Body>(object: FilledObject<Body>, isDead: (actor: string) => boolean): CausalContext {
  const token = object.context.withoutFloor().filter((actor) => !isDead(actor));
  for (const version of object.versions) token.add(version.actor, version.counter);
  return token;
}

/** Whether two objects hold the same versions. */
export function sameVersions<Body>(a: FilledObject<Body>, b: FilledObject<Body>): boolean {
  return a.versions.length === b.versions.length && a.versions.every((version) => hasVersion(b, version));
}

/** The object without the versions under these dots. */
export function withoutVersions<Body>(object: FilledObject<Body>, dots: CausalContext): FilledObject<Body> {
  if (dots.isEmpty) return object;
  const versions = object.versions.filter(({ actor, counter }) => !dots.has(actor, counter));
  return versions.length === object.versions.length ? object : { ...object, versions };
}

/** All versions of either, whatever anybody knows: for the repair of damage, and nothing else. */
export function union<Body>(
  a: readonly ObjectVersion<Body>[],
  b: readonly ObjectVersion<Body>[],
): ObjectVersion<Body>[] {
  const isIn = (dot: Dot): boolean => a.some((other) => compareDots(other, dot) === 0);
  return [...a, ...b.filter((version) => !isIn(version))].sort(compareDots);
}

function hasVersion<Body>(object: FilledObject<Body>, dot: Dot): boolean {
  return object.versions.some((other) => other.counter === dot.counter && other.actor === dot.actor);
}

/** An order of dots that every replica agrees on; it means nothing else. */
export function compareDots(a: Dot, b: Dot): number {
  if (a.actor !== b.actor) return a.actor < b.actor ? -1 : 1;
  return a.counter - b.counter;
}
