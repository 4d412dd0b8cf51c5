/**
 * The state of one key, and the five operations on it. All conflict handling of MecDB is in this
 * file. Other files only move its results.
 *
 * An object is a set of versions and a context. Each version has the dot of the write that made it,
 * and several versions are siblings. The context is the set of known dots of this key. A dot in the
 * context without a version was overwritten or deleted. No tombstone is needed: the context shows
 * that an absent version is gone.
 *
 * The disk does not hold the whole context. All keys of a replica share its clock, so the dots in
 * the clock's *bases* need not be repeated for each key. `strip` removes them and `fill` adds them
 * again. This is not safe for extras. An extra, a dot above a gap, means that the replica has seen
 * that write and merged its object. The versions that the write replaced may be in the gap.
 * Stripping or filling with extras would lose data.
 *
 * Sources: Gonçalves, Almeida, Baquero, Fonte, "Concise Server-Wide Causality Management for
 * Eventually Consistent Data Stores" (DAIS 2015); Preguiça et al., "Dotted Version Vectors" (2010).
 */
import { CausalContext, type Dot } from './causal-context.ts';

/**
 * One value of a key, under the dot of the write that made it. This file never looks into the body.
 */
export interface ObjectVersion<Body> extends Dot {
  readonly body: Body;
}

/** An object as replicas exchange it: its versions, and every known dot. */
export interface FilledObject<Body> {
  readonly versions: readonly ObjectVersion<Body>[];
  readonly context: CausalContext;
}

/**
 * An object as the disk holds it: its versions, and the known dots beyond the bases of the clock.
 */
export interface StoredObject<Body> {
  readonly versions: readonly ObjectVersion<Body>[];
  readonly residue: CausalContext;
}

/** A write, at the replica that coordinates it. */
export interface Write<Body> {
  /** The context that the writer has seen: its token, or an empty context. */
  readonly token: CausalContext;
  /** The dot of this write: the replica's actor, and its next counter. */
  readonly dot: Dot;
  /** The new value; undefined for a delete. */
  readonly body: Body | undefined;
  /**
   * Whether the replica cannot read its record of the key. Then the object claims only this write
   * and the token.
   */
  readonly isBlind?: boolean | undefined;
}

/** The result of a write: the new object, and the token for the writer. */
export interface WrittenObject<Body> {
  readonly object: FilledObject<Body>;
  readonly token: CausalContext;
}

/** Adds the bases of the replica's clock to a stored object. An absent key is `{∅, bases}`. */
export function fill<Body>(stored: StoredObject<Body>, clock: CausalContext): FilledObject<Body> {
  const context = clock.bases();
  if (!stored.residue.isEmpty) context.join(stored.residue);
  return { versions: stored.versions, context };
}

/**
 * Removes the bases of the clock. If neither versions nor residue remain, nothing needs to be
 * stored.
 */
export function strip<Body>(filled: FilledObject<Body>, clock: CausalContext): StoredObject<Body> {
  return { versions: filled.versions, residue: filled.context.minus(clock.bases()) };
}

/**
 * The union of the knowledge of two replicas about one key. Commutative, associative, idempotent.
 */
export function merge<Body>(a: FilledObject<Body>, b: FilledObject<Body>): FilledObject<Body> {
  const versions: ObjectVersion<Body>[] = [];
  for (const version of a.versions) {
    if (!b.context.has(version.actor, version.counter) || hasVersion(b, version))
      versions.push(version);
  }
  for (const version of b.versions) {
    if (!a.context.has(version.actor, version.counter)) versions.push(version);
  }
  return { versions: versions.sort(compareDots), context: a.context.clone().join(b.context) };
}

/**
 * Applies a write: removes the versions that the token includes and adds the new one.
 *
 * The writer's new token must not include a sibling that the writer has not seen, or its next write
 * would erase that sibling. So if other versions remain, the token is the old token with the new
 * dot, even if a gap lies between.
 */
export function write<Body>(
  before: FilledObject<Body>,
  { token, dot, body, isBlind }: Write<Body>,
): WrittenObject<Body> {
  const survivors = before.versions.filter((version) => !token.has(version.actor, version.counter));
  const { actor, counter } = dot;
  const versions =
    body === undefined ? survivors : [...survivors, { actor, counter, body }].sort(compareDots);
  const context = before.context.clone().join(token);
  context.addRanges(actor, [isBlind === true ? counter : 1, counter]);
  if (survivors.length === 0 && isBlind !== true)
    return { object: { versions, context }, token: context };
  const own = token.clone();
  own.add(actor, counter);
  return { object: { versions, context }, token: own };
}

/**
 * The token for a reader: all known dots. If it would have more than `limit` actors, the dead ones
 * that name no returned version are omitted, since a token may always claim less.
 *
 * A token of few actors stays whole. A node may take a living actor for dead, because the actor's
 * node has just started again. The next write with a shorter token would then keep versions that
 * the reader had seen replaced.
 */
export function readToken<Body>(
  object: FilledObject<Body>,
  isDead: (actor: string) => boolean,
  limit: number,
): CausalContext {
  const known = object.context.withoutFloor();
  const token = known.size <= limit ? known : known.filter((actor) => !isDead(actor));
  for (const version of object.versions) token.add(version.actor, version.counter);
  return token;
}

/** Whether two objects have the same versions. */
export function sameVersions<Body>(a: FilledObject<Body>, b: FilledObject<Body>): boolean {
  return (
    a.versions.length === b.versions.length && a.versions.every((version) => hasVersion(b, version))
  );
}

/** The object without the versions under these dots. */
export function withoutVersions<Body>(
  object: FilledObject<Body>,
  dots: CausalContext,
): FilledObject<Body> {
  if (dots.isEmpty) return object;
  const versions = object.versions.filter(({ actor, counter }) => !dots.has(actor, counter));
  return versions.length === object.versions.length ? object : { ...object, versions };
}

/**
 * All versions of both, even those that the other side knows to be overwritten. Only for the repair
 * of damage.
 */
export function union<Body>(
  a: readonly ObjectVersion<Body>[],
  b: readonly ObjectVersion<Body>[],
): ObjectVersion<Body>[] {
  const isIn = (dot: Dot): boolean => a.some((other) => compareDots(other, dot) === 0);
  return [...a, ...b.filter((version) => !isIn(version))].sort(compareDots);
}

function hasVersion<Body>(object: FilledObject<Body>, dot: Dot): boolean {
  return object.versions.some(
    (other) => other.counter === dot.counter && other.actor === dot.actor,
  );
}

/** An order of dots that is the same on every replica. It has no other meaning. */
export function compareDots(a: Dot, b: Dot): number {
  if (a.actor !== b.actor) return a.actor < b.actor ? -1 : 1;
  return a.counter - b.counter;
}
