/**
 * The values of rows: byte 0 the record format, bytes 1–4 the xxHash32 of row and rest (big-endian), then msgpack.
 * A record that does not verify is an error, never an absence: absence means deletion.
 */
import { hash32, hashText32 } from '../base/hash.ts';
import { packAfter, unpack } from '../base/msgpack.ts';
import { CausalContext } from '../core/causality/causal-context.ts';
import type { RememberedWrite } from '../core/quorum/decision.ts';
import type { ObjectVersion } from '../core/causality/object.ts';
import { DamagedRecord, isDamage } from './damage.ts';
import * as keyspace from './keyspace.ts';

const RECORD_FORMAT = 1;
const HEADER_BYTES = 5;

/** A version as replicas hold it: its content stays packed. */
export type PackedVersion = ObjectVersion<Uint8Array>;

/** A replica's own state, beside its rows. */
export interface Checkpoint {
  /** Whether the replica may hold everything that was ever acknowledged. */
  readonly isComplete: boolean;
  readonly clock: CausalContext;
  /** Log entries of these dots have been cut. */
  readonly cut: CausalContext;
  /** Dots of dead actors that no disk holds: the clock has them, and no answer claims to hold them. */
  readonly lost: CausalContext;
  readonly wound: Wound;
}

/**
 * Of a replica of which it is not known what a damaged disk has lost: `open` until its versions are
 * set aside, `dressed` until it has caught up.
 */
export type Wound = 'none' | 'open' | 'dressed';

const WOUNDS: readonly Wound[] = ['none', 'open', 'dressed'];

/** What a replica starts from; a new one starts from nothing. */
export interface ReplicaState extends Checkpoint {
  /** How many log entries there are, by actor. */
  readonly logEntries: Map<string, number>;
  readonly residues: number;
  /** No version expires before, µs since 1970. */
  readonly expiresMicros: number;
  /** Keys whose record could not be read, and what the clock had then. */
  readonly marks: Map<string, CausalContext>;
  /** Dots of versions that are set aside. */
  readonly aside: CausalContext;
  /** What is remembered of writes with an Idempotency-Key. */
  readonly memories: RememberedWrite[];
}

/** What a new replica starts from. */
export function emptyState(): ReplicaState {
  return {
    clock: new CausalContext(),
    cut: new CausalContext(),
    lost: new CausalContext(),
    isComplete: false,
    wound: 'none',
    marks: new Map(),
    aside: new CausalContext(),
    memories: [],
    logEntries: new Map(),
    residues: 0,
    expiresMicros: Infinity,
  };
}

/**
 * Seals a value with format and checksum; the checksum is also over the row, so that a record under
 * a wrong one shows.
 */
export function sealRecord(value: unknown, row: string): Uint8Array {
  const record = packAfter(HEADER_BYTES, value);
  const sum = hash32(record.subarray(HEADER_BYTES), hashText32(row));
  record[0] = RECORD_FORMAT;
  record[1] = sum >>> 24;
  record[2] = sum >>> 16;
  record[3] = sum >>> 8;
  record[4] = sum;
  return record;
}

/** Throws `damaged` where a record's format or checksum are not as they were written. */
export function verifyRecord(record: Uint8Array, row: string): void {
  if (record.length <= HEADER_BYTES || record[0] !== RECORD_FORMAT) throw new DamagedRecord(row);
  const sum = hash32(record.subarray(HEADER_BYTES), hashText32(row));
  const isIntact =
    record[1] === sum >>> 24 &&
    record[2] === ((sum >>> 16) & 0xff) &&
    record[3] === ((sum >>> 8) & 0xff) &&
    record[4] === (sum & 0xff);
  if (!isIntact) throw new DamagedRecord(row);
}

/** The value of a sealed record; throws `damaged` where it does not verify. */
export function openRecord(record: Uint8Array, row: string): unknown {
  verifyRecord(record, row);
  return unpack(record.subarray(HEADER_BYTES));
}

/**
 * The value of a record of the store itself; undefined if it is damaged: the others know the
 * members, and the header is written again.
 */
export function openIntact(record: Uint8Array, row: string): unknown {
  try {
    return openRecord(record, row);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** The record of an object's versions. */
export function versionsToRecord(versions: readonly PackedVersion[], row: string): Uint8Array {
  const fields: unknown[] = [];
  for (const { actor, counter, body } of versions) fields.push(actor, counter, body);
  return sealRecord(fields, row);
}

/** The versions of a record; their bodies are views on it. */
export function recordToVersions(record: Uint8Array, row: string): PackedVersion[] {
  const fields = openRecord(record, row) as (string | number | Uint8Array)[];
  const versions: PackedVersion[] = [];
  for (let i = 0; i < fields.length; i += 3) {
    versions.push({
      actor: fields[i] as string,
      counter: fields[i + 1] as number,
      body: fields[i + 2] as Uint8Array,
    });
  }
  return versions;
}

/** The record of a context. */
export function contextToRecord(context: CausalContext, row: string): Uint8Array {
  return sealRecord(context.pack(), row);
}

/** The context of a record. */
export function recordToContext(record: Uint8Array, row: string): CausalContext {
  const context = CausalContext.unpack(openRecord(record, row));
  if (context === undefined) throw new DamagedRecord(row);
  return context;
}

/** The record of a checkpoint. */
export function checkpointToRecord(checkpoint: Checkpoint, row: string): Uint8Array {
  const { isComplete, clock, cut, lost, wound } = checkpoint;
  return sealRecord([isComplete, clock.pack(), cut.pack(), lost.pack(), WOUNDS.indexOf(wound)], row);
}

/** The checkpoint of a record. */
export function recordToCheckpoint(record: Uint8Array, row: string): Checkpoint {
  const fields = openRecord(record, row) as unknown[];
  // Store format 1 put an actor and its life first, and closed gaps without a memory of them.
  const [isComplete, packedClock, packedCut, packedLost = [], wound = 0] =
    typeof fields[0] === 'string' ? fields.slice(2) : fields;
  const clock = CausalContext.unpack(packedClock);
  const cut = CausalContext.unpack(packedCut);
  const lost = CausalContext.unpack(packedLost);
  if (clock === undefined || cut === undefined || lost === undefined) throw new DamagedRecord(row);
  return { isComplete: isComplete === true, clock, cut, lost, wound: WOUNDS[wound as number] ?? 'none' };
}

/** The record of what is remembered of a write. */
export function memoryToRecord({ actor, counter, digest, madeMicros }: RememberedWrite, row: string): Uint8Array {
  return sealRecord([actor, counter, digest, madeMicros], row);
}

/** What is remembered of a write; throws `damaged` if that cannot be read. */
export function recordToMemory(record: Uint8Array, row: string): RememberedWrite {
  const [actor, counter, digest, madeMicros] = openRecord(record, row) as [string, number, string, number];
  return { ...keyspace.subjectOfRow(row), actor, counter, digest, madeMicros };
}
