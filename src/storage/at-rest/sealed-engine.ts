/**
 * An engine whose disk has the values of keys in encrypted form only (AES-256-GCM). Names of rows,
 * clocks and sizes stay readable. Without it, a store has no cost of encryption.
 *
 * A sealed record: byte 0 is its format, bytes 1 and 2 the generation of the data key, 8 bytes a
 * salt, 12 bytes the nonce. Then come the encrypted record and the tag, 16 bytes. The name of the
 * row is authenticated as well: a record under another row does not match.
 *
 * A data key seals nothing itself. Each opening of the store draws a salt, from which the key that
 * seals is derived, and another one long before 2³² records. So nothing must be counted on the disk
 * to keep nonces apart.
 *
 * A record that does not match its tag is handed on as it is. It has the format of no readable
 * record (`records.ts`), so each reader finds damage, and never an absent row.
 */
import { utf8ToBytes } from '../../base/bytes.ts';
import { type CipherKey, drawBytes, SEAL_BYTES } from '../../base/cipher.ts';
import type { Random } from '../../base/env.ts';
import { EngineLayer } from '../engine-layer.ts';
import type { Engine, Row, RowChange, RowReader, Salvage, ScanRange, Snapshot } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { MAX_DERIVED_KEYS, MAX_SEALED_RECORDS } from '../limits.ts';
import type { DataKeys } from './data-keys.ts';

const SEALED_FORMAT = 2;
const SALT_AT = 3;
const SALT_BYTES = 8;
const HEAD_BYTES = SALT_AT + SALT_BYTES;

/** Whether a value of a row that is sealed is in sealed form. */
export const isSealed = (value: Uint8Array): boolean =>
  value.length >= HEAD_BYTES + SEAL_BYTES && value[0] === SEALED_FORMAT;

const generationOf = (value: Uint8Array): number =>
  ((value[1] as number) << 8) | (value[2] as number);

/** The key that seals at present. */
interface SealingSession {
  readonly generation: number;
  readonly salt: Uint8Array;
  readonly key: CipherKey;
  /** The records that it has sealed. */
  count: number;
}

/** The rows that are sealed, and the most records that one derived key seals. */
export interface SealerOptions {
  readonly hasContent?: (row: string) => boolean;
  readonly most?: number;
}

/** Seals and unseals the values of rows. */
export class Sealer {
  readonly keys: DataKeys;
  readonly #random: Random;
  readonly #hasContent: (row: string) => boolean;
  readonly #most: number;
  #session: SealingSession | undefined;
  /** The keys that were derived to read, by generation and salt. */
  readonly #derived = new Map<string, CipherKey>();

  constructor(
    keys: DataKeys,
    random: Random,
    { hasContent = keyspace.hasContent, most = MAX_SEALED_RECORDS }: SealerOptions = {},
  ) {
    this.keys = keys;
    this.#random = random;
    this.#hasContent = hasContent;
    this.#most = most;
  }

  /** Returns the value of a row as it must be on the disk. */
  seal(row: string, value: Uint8Array): Uint8Array {
    if (!this.#hasContent(row)) return value;
    const session = this.#present();
    session.count += 1;
    const options = { room: HEAD_BYTES, random: this.#random };
    const sealed = session.key.seal(value, utf8ToBytes(row), options);
    sealed[0] = SEALED_FORMAT;
    sealed[1] = session.generation >>> 8;
    sealed[2] = session.generation;
    sealed.set(session.salt, SALT_AT);
    return sealed;
  }

  /** Returns the value of a row from the disk; one that does not match its tag as it is. */
  unseal(row: string, value: Uint8Array): Uint8Array {
    if (!this.#hasContent(row) || !isSealed(value)) return value;
    const key = this.#keyOf(value);
    return key?.unseal(value.subarray(HEAD_BYTES), utf8ToBytes(row)) ?? value;
  }

  /** Whether the value of a row on the disk is plain, or sealed by a key before the newest. */
  isStale(row: string, value: Uint8Array): boolean {
    if (!this.#hasContent(row)) return false;
    return !isSealed(value) || generationOf(value) !== this.keys.newest;
  }

  /** Whether a value could not be unsealed. */
  isUnread(row: string, value: Uint8Array): boolean {
    return this.#hasContent(row) && isSealed(value);
  }

  #present(): SealingSession {
    const { newest } = this.keys;
    const now = this.#session;
    if (now !== undefined && now.generation === newest && now.count < this.#most) return now;
    const salt = drawBytes(this.#random, SALT_BYTES);
    const key = this.keys.find(newest)?.derive(salt) as CipherKey;
    this.#session = { generation: newest, salt, key, count: 0 };
    return this.#session;
  }

  #keyOf(value: Uint8Array): CipherKey | undefined {
    const id = Buffer.from(value.buffer, value.byteOffset + 1, HEAD_BYTES - 1).toString('latin1');
    const known = this.#derived.get(id);
    if (known !== undefined) return known;
    const salt = value.subarray(SALT_AT, HEAD_BYTES);
    const key = this.keys.find(generationOf(value))?.derive(salt);
    if (key === undefined) return undefined;
    if (this.#derived.size >= MAX_DERIVED_KEYS) this.#derived.clear();
    this.#derived.set(id, key);
    return key;
  }
}

class UnsealingReader implements RowReader {
  readonly #reader: RowReader;
  readonly sealer: Sealer;

  constructor(reader: RowReader, sealer: Sealer) {
    this.#reader = reader;
    this.sealer = sealer;
  }

  get(key: string): Uint8Array | undefined {
    const value = this.#reader.get(key);
    return value === undefined ? undefined : this.sealer.unseal(key, value);
  }

  async scan(range: ScanRange): Promise<Row[]> {
    const rows = await this.#reader.scan(range);
    return rows.map(([key, value]) => [key, this.sealer.unseal(key, value)]);
  }

  keys(range: ScanRange): Promise<string[]> {
    return this.#reader.keys(range);
  }
}

class UnsealingSnapshot extends UnsealingReader implements Snapshot {
  readonly #snapshot: Snapshot;
  readonly #onClose: (snapshot: Snapshot) => void;

  constructor(snapshot: Snapshot, sealer: Sealer, onClose: (snapshot: Snapshot) => void) {
    super(snapshot, sealer);
    this.#snapshot = snapshot;
    this.#onClose = onClose;
  }

  close(): Promise<void> {
    this.#onClose(this.#snapshot);
    return this.#snapshot.close();
  }
}

/** Seals what is committed to an engine, and unseals what is read from it. */
export class SealedEngine extends EngineLayer {
  readonly sealer: Sealer;
  readonly #snapshots = new Set<Snapshot>();

  constructor(engine: Engine, sealer: Sealer) {
    const { salvage } = engine;
    super(engine, new UnsealingReader(engine, sealer), salvage && unsealedSalvage(salvage, sealer));
    this.sealer = sealer;
  }

  override commit(changes: readonly RowChange[], sync: boolean): Promise<void> {
    const sealed = changes.map(({ key, value }) => ({
      key,
      value: value === undefined ? undefined : this.sealer.seal(key, value),
    }));
    return super.commit(sealed, sync);
  }

  /** Reads rows as they are on the disk. */
  rawScan(range: ScanRange): Promise<Row[]> {
    return this.below.scan(range);
  }

  snapshot(): Snapshot {
    const snapshot = this.below.snapshot();
    this.#snapshots.add(snapshot);
    return new UnsealingSnapshot(snapshot, this.sealer, (one) => this.#snapshots.delete(one));
  }

  /** The open snapshots, which may keep old values on the disk. */
  get snapshots(): ReadonlySet<Snapshot> {
    return this.#snapshots;
  }
}

function unsealedSalvage(salvage: Salvage, sealer: Sealer): Salvage {
  return {
    lost: salvage.lost,
    report: salvage.report,
    end: () => salvage.end(),
    async *recoveredRows() {
      for await (const [key, value] of salvage.recoveredRows())
        yield [key, sealer.unseal(key, value)];
    },
  };
}
