/**
 * The fields of messages: how each is packed, and how it is read back from a stranger. A reader throws `WireError` where a field is not
 * what it should be.
 */
import { MAX_CONTEXT_RANGES, MAX_MEMBERS, MAX_MESSAGE_DOTS, MAX_MESSAGE_VERSIONS, PARTITIONS } from '../base/limits.ts';
import { NODE_NAME_PATTERN } from '../core/actor.ts';
import { CausalContext, type Dot } from '../core/causal-context.ts';
import type { Condition, Tags } from '../core/condition.ts';
import type { Made } from '../core/decision.ts';
import { MEMBER_STATES, type MemberRecord } from '../core/member-list.ts';
import type { FilledObject, Version } from '../core/object.ts';
import type { Digest, Gossip, Identity, Mended, SparseVersion, SyncItem } from './message.ts';

/** A frame or item is not of the protocol. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

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
export function packItem({ key, object, dots: written }: SyncItem): unknown[] {
  return [key, object.context.pack(), packVersions(object.versions), packDots(written)];
}

/** What `packItem` packed. */
export function unpackItem(packed: unknown): SyncItem {
  const [key, packedContext, packedVersions, packedDots] = list(packed);
  const { context: known, versions } = unpackObject(packedContext, packedVersions);
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
): { context: CausalContext; versions: SparseVersion[] } {
  const known = context(packedContext);
  const versions = sparseVersions(packedVersions);
  for (const { actor, counter } of versions) {
    if (!known.has(actor, counter)) throw new WireError('a version outside its context');
  }
  return { context: known, versions };
}

/** Versions with their bodies. */
function versionsOf(packed: unknown): Version<Uint8Array>[] {
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

/** A causal context. */
export function context(packed: unknown): CausalContext {
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

/** Who speaks. */
export function packIdentity({ name, process, host, port, partitions, n }: Identity): unknown[] {
  return [name, process, host, port, partitions, n];
}

/** The reverse of `packIdentity`. */
export function identity(field: unknown): Identity {
  const f = list(field);
  return {
    name: nodeName(f[0]),
    process: text(f[1]),
    host: text(f[2]),
    port: integer(f[3]),
    partitions: integer(f[4]),
    n: positive(f[5]),
  };
}

/** What is told of the members. */
export function packGossip({ hash, records, suspects }: Gossip): unknown[] {
  return [hash, records.map(packRecord), suspects.flatMap(({ name, version }) => [name, version])];
}

/** The reverse of `packGossip`. */
export function gossipOf(field: unknown): Gossip {
  const [hash, records, suspects] = list(field);
  const flat = list(suspects);
  if (list(records).length > MAX_MEMBERS || flat.length > 2 * MAX_MEMBERS) throw new WireError('too many members');
  return {
    hash: integer(hash),
    records: list(records).map(memberRecord),
    suspects: Array.from({ length: flat.length >> 1 }, (_, i) => ({
      name: nodeName(flat[2 * i]),
      version: positive(flat[2 * i + 1]),
    })),
  };
}

/** One row of the member list. */
export function packRecord(record: MemberRecord): unknown[] {
  const { name, host, port, httpport, zone, weight, state, generation, life, version, settled } = record;
  const place = [name, host, port, zone ?? null, weight];
  return [...place, MEMBER_STATES.indexOf(state), version, settled, httpport, generation, life];
}

/** The reverse of `packRecord`. */
export function memberRecord(field: unknown): MemberRecord {
  const f = list(field);
  const state = MEMBER_STATES[integer(f[5])];
  const weight = number(f[4]);
  if (state === undefined || weight <= 0) throw new WireError('not a member');
  return {
    name: nodeName(f[0]),
    host: text(f[1]),
    port: integer(f[2]),
    zone: optional(f[3], text),
    weight,
    state,
    version: positive(f[6]),
    settled: integer(f[7]),
    httpport: integer(f[8]),
    generation: positive(f[9]),
    life: text(f[10]),
  };
}

/** The name of a node. */
export function nodeName(field: unknown): string {
  const name = text(field);
  if (!NODE_NAME_PATTERN.test(name)) throw new WireError('not the name of a node');
  return name;
}

/** A field that may be left out. */
export function optional<Field>(field: unknown, read: (field: unknown) => Field): Field | undefined {
  return field === null || field === undefined ? undefined : read(field);
}

/** A text or a whole number. */
export function textOrInteger(field: unknown): string | number {
  return typeof field === 'number' ? integer(field) : text(field);
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
export function unpackRemembered(packed: unknown): Made {
  const [actor, counter, digest] = list(packed);
  return { actor: text(actor), counter: positive(counter), digest: text(digest) };
}

/** What is known of a key that the asker has lost. */
export function packMended({ life, members, replica, clock, lost, need, item, aside }: Mended): unknown[] {
  const said = [life, members, replica, clock.pack(), lost.pack(), need?.pack() ?? null];
  return [...said, packItem(item), packVersions(aside)];
}

/** What `packMended` packed, behind the kind. */
export function unpackMended(f: Fields): Mended {
  const aside = versionsOf(f[8]);
  return {
    kind: 'mended',
    life: text(f[1]),
    members: integer(f[2]),
    replica: text(f[3]),
    clock: context(f[4]),
    lost: context(f[5]),
    need: optional(f[6], context),
    item: unpackItem(f[7]),
    aside,
  };
}
