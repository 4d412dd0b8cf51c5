/**
 * The values of rows. Byte 0 is the format of the record, bytes 1 to 4 are the xxHash32 of row and
 * value (big-endian). The value follows as msgpack. A record that does not match its checksum is an
 * error and never an absent row, because absence means deletion.
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

/** A version in a replica, with its content packed. */
export type PackedVersion = ObjectVersion<Uint8Array>;

/** The state of a replica that no other row has. */
export interface Checkpoint {
  /** Whether the replica may hold everything that was ever acknowledged. */
  readonly isComplete: boolean;
  readonly clock: CausalContext;
  /** Dots whose log entries have been cut. */
  readonly cut: CausalContext;
  /** Closed dots: no disk held them, and the clock counts them as seen. */
  readonly lost: CausalContext;
  readonly wound: Wound;
}

/**
 * The wound of a replica that has lost rows, which no record names: `open` until its versions are
 * set aside, then `dressed` until it has caught up.
 */
export type Wound = 'none' | 'open' | 'dressed';

const WOUNDS: readonly Wound[] = ['none', 'open', 'dressed'];

/** The state that a replica starts from. */
export interface ReplicaState extends Checkpoint {
  /** The number of log entries by actor. */
  readonly logEntries: Map<string, number>;
  readonly residues: number;
  /** No version expires before this time, µs since 1970. */
  readonly expiresMicros: number;
  /** The marked keys, and the dots that may be missing from each. */
  readonly marks: Map<string, CausalContext>;
  /** Dots of versions that are set aside. */
  readonly aside: CausalContext;
  /** The memories of writes with an Idempotency-Key. */
  readonly memories: RememberedWrite[];
}

/** Returns the state that a new replica starts from. */
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
 * Packs a value into a record. The checksum is also over the row, so a record under a wrong row
 * does not match.
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

/** Throws `damaged` if a record has another format, or does not match its checksum. */
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

/** Returns the value of a record. Throws `damaged` if the record does not match its checksum. */
export function openRecord(record: Uint8Array, row: string): unknown {
  verifyRecord(record, row);
  return unpack(record.subarray(HEADER_BYTES));
}

/**
 * Returns the value of a record of the store itself; undefined if it is damaged. Other nodes know
 * the members, and the header is written at every opening.
 */
export function openIntact(record: Uint8Array, row: string): unknown {
  try {
    return openRecord(record, row);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** Packs the versions of an object. */
export function versionsToRecord(versions: readonly PackedVersion[], row: string): Uint8Array {
  const fields: unknown[] = [];
  for (const { actor, counter, body } of versions) fields.push(actor, counter, body);
  return sealRecord(fields, row);
}

/** Returns the versions of a record. Their bodies are views on it. */
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

/** Packs a context. */
export function contextToRecord(context: CausalContext, row: string): Uint8Array {
  return sealRecord(context.pack(), row);
}

/** Returns the context of a record. */
export function recordToContext(record: Uint8Array, row: string): CausalContext {
  const context = CausalContext.unpack(openRecord(record, row));
  if (context === undefined) throw new DamagedRecord(row);
  return context;
}

/** Packs a checkpoint. */
export function checkpointToRecord(checkpoint: Checkpoint, row: string): Uint8Array {
  const { isComplete, clock, cut, lost, wound } = checkpoint;
  return sealRecord(
    [isComplete, clock.pack(), cut.pack(), lost.pack(), WOUNDS.indexOf(wound)],
    row,
  );
}

/** Returns the checkpoint of a record. */
export function recordToCheckpoint(record: Uint8Array, row: string): Checkpoint {
  const fields = openRecord(record, row) as unknown[];
  // In store format 1, an actor and its life came first, and closed dots were not recorded.
  const [isComplete, packedClock, packedCut, packedLost = [], wound = 0] =
    typeof fields[0] === 'string' ? fields.slice(2) : fields;
  const clock = CausalContext.unpack(packedClock);
  const cut = CausalContext.unpack(packedCut);
  const lost = CausalContext.unpack(packedLost);
  if (clock === undefined || cut === undefined || lost === undefined) throw new DamagedRecord(row);
  return {
    isComplete: isComplete === true,
    clock,
    cut,
    lost,
    wound: WOUNDS[wound as number] ?? 'none',
  };
}

/** Packs the memory of a write. */
export function memoryToRecord(
  { actor, counter, digest, madeMicros }: RememberedWrite,
  row: string,
): Uint8Array {
  return sealRecord([actor, counter, digest, madeMicros], row);
}

/** Returns the memory of a write. Throws `damaged` if the record does not match its checksum. */
export function recordToMemory(record: Uint8Array, row: string): RememberedWrite {
  const [actor, counter, digest, madeMicros] = openRecord(record, row) as [
    string,
    number,
    string,
    number,
  ];
  return { ...keyspace.subjectOfRow(row), actor, counter, digest, madeMicros };
}
