/**
 * The fields of messages: how each is packed, and how it is read back from a stranger. A reader
 * throws `WireError` where a field is not what it should be.
 */
import { PARTITIONS } from '../core/limits.ts';
import { MAX_CONTEXT_RANGES, MAX_MESSAGE_DOTS, MAX_MESSAGE_VERSIONS } from './limits.ts';
import { CausalContext, type Dot, type PackedContext } from '../core/causality/causal-context.ts';
import type { Condition, Tags } from '../core/quorum/condition.ts';
import type { MadeWrite } from '../core/quorum/decision.ts';
import type { FilledObject, ObjectVersion } from '../core/causality/object.ts';
import type { Floor } from '../core/causality/floor.ts';
import type { Fence } from '../core/quorum/write-quorum.ts';
import type { Digest, MendReply, PartitionFloor, SparseVersion, SyncItem } from './message.ts';

/** A frame or item is not of the protocol. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** A context lies on a floor that this node does not know: nothing can be said of it. */
export class UnknownFloorError extends Error {
  override readonly name = 'UnknownFloorError';
}

/** Finds a floor by its hash; undefined if it is not known here. */
export type FindFloor = (hash: string) => Floor | undefined;

/** Knows no floor. */
export const noFloor: FindFloor = () => undefined;

/** The fields of a message, not looked at yet. */
export type Fields = readonly unknown[];

/** A list of dots. */
export function packDots(list: readonly Dot[]): unknown[] {
  const packed: unknown[] = [];
  for (const { actor, counter } of list) packed.push(actor, counter);
  return packed;
}

/** Versions, with or without bodies. */
export function packVersions(versions: readonly SparseVersion[]): unknown[] {
  const packed: unknown[] = [];
  for (const { actor, counter, body } of versions) packed.push(actor, counter, body ?? null);
  return packed;
}

/** A key with its object and dots. */
export function packItem({ key, object, dots: written }: SyncItem, known: readonly Floor[]): unknown[] {
  return [key, packContext(object.context, known), packVersions(object.versions), packDots(written)];
}

/** What `packItem` packed. */
export function unpackItem(packed: unknown, find: FindFloor): SyncItem {
  const [key, packedContext, packedVersions, packedDots] = list(packed);
  const { context: known, versions } = unpackObject(packedContext, packedVersions, find);
  const written = dots(packedDots);
  for (const { body } of versions) if (body === undefined) throw new WireError('a stored version without a body');
  // An object that does not know its own dots would be merged wrongly, and would slip past the guard of actors.
  for (const dot of written) if (!known.has(dot.actor, dot.counter)) throw new WireError('a dot outside the context');
  return { key: text(key), object: { context: known, versions } as FilledObject<Uint8Array>, dots: written };
}

/** A context and the versions that it covers. */
export function unpackObject(
  packedContext: unknown,
  packedVersions: unknown,
  find: FindFloor,
): { context: CausalContext; versions: SparseVersion[] } {
  const known = context(packedContext, find);
  const versions = sparseVersions(packedVersions);
  for (const { actor, counter } of versions) {
    if (!known.has(actor, counter)) throw new WireError('a version outside its context');
  }
  return { context: known, versions };
}

/** Versions with their bodies. */
function versionsOf(packed: unknown): ObjectVersion<Uint8Array>[] {
  return sparseVersions(packed).map(({ actor, counter, body }) => {
    if (body === undefined) throw new WireError('a stored version without a body');
    return { actor, counter, body };
  });
}

function sparseVersions(packedVersions: unknown): SparseVersion[] {
  if (!Array.isArray(packedVersions) || packedVersions.length % 3 !== 0) throw new WireError('not versions');
  if (packedVersions.length > 3 * MAX_MESSAGE_VERSIONS) throw new WireError('too many versions');
  const versions: SparseVersion[] = [];
  for (let i = 0; i < packedVersions.length; i += 3) {
    const body: unknown = packedVersions[i + 2];
    const version = {
      actor: text(packedVersions[i]),
      counter: positive(packedVersions[i + 1]),
      body: body === null ? undefined : bytes(body),
    };
    versions.push(version);
  }
  return versions;
}

/** What `packDots` packed. */
export function dots(packed: unknown): Dot[] {
  if (!Array.isArray(packed) || packed.length % 2 !== 0) throw new WireError('not dots');
  if (packed.length > 2 * MAX_MESSAGE_DOTS) throw new WireError('too many dots');
  const list: Dot[] = [];
  for (let i = 0; i < packed.length; i += 2) list.push({ actor: text(packed[i]), counter: positive(packed[i + 1]) });
  return list;
}

/** Packs a context on one of these floors if it covers it, else whole. */
export function packContext(packed: CausalContext, known: readonly Floor[]): PackedContext {
  if (known.length === 0) return packed.pack();
  if (known.includes(packed.floor)) return packed.packOn(packed.floor);
  return packed.packOn(known.length === 1 ? known[0] : undefined);
}

/** A causal context; throws `UnknownFloorError` if it is on a floor that is not known. */
export function context(packed: unknown, find: FindFloor): CausalContext {
  const name = CausalContext.floorOf(packed);
  if (name === undefined) return wholeContext(packed);
  const floor = find(text(name));
  if (floor === undefined) throw new UnknownFloorError();
  const unpacked = CausalContext.unpackOn(floor, list(packed), MAX_CONTEXT_RANGES);
  if (unpacked === undefined) throw new WireError('not a context');
  return unpacked;
}

/** A causal context on no floor. */
export function wholeContext(packed: unknown): CausalContext {
  const unpacked = CausalContext.unpack(packed, MAX_CONTEXT_RANGES);
  if (unpacked === undefined) throw new WireError('not a context');
  return unpacked;
}

/** A list of anything. */
export function list(field: unknown): Fields {
  if (!Array.isArray(field)) throw new WireError('not a list');
  return field;
}

/** A list of whole numbers. */
export function integers(field: unknown): number[] {
  return list(field).map(integer);
}

/** A partition. */
export function partitionIn(field: unknown): number {
  const partition = integer(field);
  if (partition >= PARTITIONS) throw new WireError('not a partition');
  return partition;
}

/** The hashes of floors, of one partition each at most. */
export function floorNames(field: unknown): string[] {
  const fields = list(field);
  if (fields.length > PARTITIONS) throw new WireError('more floors than partitions');
  return fields.map(text);
}

/** Partitions with the hashes of their floors. */
export function partitionFloors(field: unknown): PartitionFloor[] {
  const fields = list(field);
  if (fields.length % 2 !== 0 || fields.length > 2 * PARTITIONS) throw new WireError('not floors');
  return Array.from({ length: fields.length / 2 }, (_, i) => ({
    partition: partitionIn(fields[2 * i]),
    name: text(fields[2 * i + 1]),
  }));
}

/** Some of all partitions. */
export function partitionsOf(field: unknown): number[] {
  const fields = list(field);
  if (fields.length > PARTITIONS) throw new WireError('more partitions than there are');
  return fields.map(partitionIn);
}

/** Keys, and as many tags. */
export function unpackKeys(packedKeys: unknown, packedTags: unknown): { keys: string[]; tags: number[] } {
  const keys = list(packedKeys).map(text);
  const tags = integers(packedTags);
  if (keys.length !== tags.length) throw new WireError('not as many tags as keys');
  return { keys, tags };
}

/** Partitions with the hashes of their clocks. */
export function digestsOf(field: unknown): Digest[] {
  const fields = list(field);
  if (fields.length % 2 !== 0) throw new WireError('not digests');
  return Array.from({ length: fields.length / 2 }, (_, i) => ({
    partition: partitionIn(fields[2 * i]),
    hash: integer(fields[2 * i + 1]),
  }));
}

/** A text. */
export function text(field: unknown): string {
  if (typeof field !== 'string') throw new WireError('not a text');
  return field;
}

/** A whole number from 0. */
export function integer(field: unknown): number {
  if (typeof field !== 'number' || !Number.isSafeInteger(field) || field < 0) throw new WireError('not a whole number');
  return field;
}

/** A finite number. */
export function number(field: unknown): number {
  if (typeof field !== 'number' || !Number.isFinite(field)) throw new WireError('not a number');
  return field;
}

/** A whole number from 1. */
export function positive(field: unknown): number {
  const n = integer(field);
  if (n < 1) throw new WireError('not a positive number');
  return n;
}

/** Bytes; a view on the frame. */
export function bytes(field: unknown): Uint8Array {
  if (!(field instanceof Uint8Array)) throw new WireError('not bytes');
  return field;
}

/** A field that may be left out. */
export function optional<Field>(field: unknown, read: (field: unknown) => Field): Field | undefined {
  return field === null || field === undefined ? undefined : read(field);
}

/** A text or a whole number. */
export function textOrInteger(field: unknown): string | number {
  return typeof field === 'number' ? integer(field) : text(field);
}

/** Fences as a flat list: of each its member, replica, life, and later life. */
export const packFences = (fences: readonly Fence[]): unknown[] =>
  fences.flatMap(({ member, replica, life, later }) => [member, replica, life, later ?? null]);

/** The fences of such a list. */
export function unpackFences(field: unknown): Fence[] {
  const fields = list(field);
  if (fields.length % 4 !== 0) throw new WireError('part of a fence');
  return Array.from({ length: fields.length / 4 }, (_, i) => {
    const [member, replica, life, later] = fields.slice(4 * i);
    return { member: text(member), replica: integer(replica), life: text(life), later: optional(later, text) };
  });
}

/** The condition of a write. */
export function packCondition({ ifMatch, ifNoneMatch, idempotencyKey }: Condition): unknown[] {
  return [ifMatch ?? null, ifNoneMatch ?? null, idempotencyKey ?? null];
}

/** What `packCondition` packed. */
export function unpackCondition(packed: unknown): Condition {
  const [ifMatch, ifNoneMatch, idempotencyKey] = list(packed);
  return {
    ifMatch: optional(ifMatch, tags),
    ifNoneMatch: optional(ifNoneMatch, tags),
    idempotencyKey: optional(idempotencyKey, text),
  };
}

function tags(field: unknown): Tags {
  return field === '*' ? '*' : list(field).map(text);
}

/** A write that was made: its dot, and the digest of what it wrote. */
export function packRemembered(made: (Dot & { digest: string }) | undefined): unknown {
  return made === undefined ? null : [made.actor, made.counter, made.digest];
}

/** What `packRemembered` packed. */
export function unpackRemembered(packed: unknown): MadeWrite {
  const [actor, counter, digest] = list(packed);
  return { actor: text(actor), counter: positive(counter), digest: text(digest) };
}

/** What is known of a key that the asker has lost. */
export function packMended(message: MendReply, known: readonly Floor[]): unknown[] {
  const { life, members, replica, clock, lost, need, item, aside } = message;
  const packedNeed = need === undefined ? null : packContext(need, known);
  const said = [life, members, replica, packContext(clock, known), lost.pack(), packedNeed];
  return [...said, packItem(item, known), packVersions(aside)];
}

/** What `packMended` packed, behind the kind. */
export function unpackMended(f: Fields, find: FindFloor): MendReply {
  const aside = versionsOf(f[8]);
  return {
    kind: 'mended',
    life: text(f[1]),
    members: integer(f[2]),
    replica: text(f[3]),
    clock: context(f[4], find),
    lost: wholeContext(f[5]),
    need: optional(f[6], (need) => context(need, find)),
    item: unpackItem(f[7], find),
    aside,
  };
}
