/**
 * Wounds: a damaged disk has lost rows of a replica, and nobody knows which. Its clock would claim
 * them. So the replica begins anew with an empty clock, and the versions that can be read are set
 * aside (`set-aside.ts`). That is done before the store is opened to anyone. The checkpoint says
 * that a wound is open until all of it is done, so that it goes on after a crash.
 */
import { SALVAGE_BATCH_BYTES, SCAN_PAGE_ROWS } from './limits.ts';
import { union } from '../core/causality/object.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { loadCheckpoints } from './replica/checkpoints.ts';
import { isDamage } from './damage.ts';
import type { RowChange, Engine, Row, Salvage } from './engine.ts';
import * as keyspace from './keyspace.ts';
import {
  checkpointToRecord,
  emptyState,
  type PackedVersion,
  recordToVersions,
  type ReplicaState,
  type Wound,
} from './records.ts';
import { asideChange } from './replica/set-aside.ts';

/** What became of the rows of a wounded replica. */
export interface Dressed {
  /** Versions that were set aside. */
  readonly versions: number;
  /** Keys whose record could not be read. */
  readonly unreadable: readonly string[];
}

/** Says on disk that replicas are wounded; everything else can wait for a crash. */
async function openWounds(engine: Engine, partitions: Iterable<number>): Promise<void> {
  const changes = [...partitions].map((partition) => checkpoint(partition, 'open'));
  if (changes.length > 0) await engine.commit(changes, true);
}

function checkpoint(partition: number, wound: Wound): RowChange {
  const key = keyspace.checkpointRow(partition);
  return { key, value: checkpointToRecord({ ...emptyState(), wound }, key) };
}

/** Sets the versions of a wounded replica aside, and takes all else off the disk. */
async function dressWound(engine: Engine, partition: number): Promise<Dressed> {
  const unreadable: string[] = [];
  let versions = 0;
  for (const kind of ['o', 'l', 'e', 'i', 'r', 'u'] as const) {
    const range = keyspace.partitionRange(kind, partition);
    for (let { from } = range; ;) {
      const rows = fitting(await engine.scan({ ...range, from, limit: SCAN_PAGE_ROWS }));
      const last = rows[rows.length - 1];
      if (last === undefined) break;
      from = `${last[0]}\0`;
      const changes: RowChange[] = rows.map(([key]) => ({ key, value: undefined }));
      for (const [row, record] of kind === 'o' ? rows : []) {
        const key = keyspace.keyOfRow(row);
        const found = versionsOf(row, record);
        if (found === undefined) unreadable.push(key);
        else changes.push(withAside(engine, { partition, key }, found));
        versions += found?.length ?? 0;
      }
      await engine.commit(changes, false);
    }
  }
  await engine.commit([checkpoint(partition, 'dressed')], true);
  return { versions, unreadable };
}

/** As many rows as make a batch. */
function fitting(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  const end = rows.findIndex(([, record]) => (bytes += record.length) > SALVAGE_BATCH_BYTES);
  return end < 0 ? rows : rows.slice(0, Math.max(1, end));
}

function versionsOf(row: string, record: Uint8Array): PackedVersion[] | undefined {
  try {
    return recordToVersions(record, row);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

function withAside(
  engine: Engine,
  { partition, key }: { partition: number; key: string },
  versions: readonly PackedVersion[],
): RowChange {
  const row = keyspace.asideRow(partition, key);
  const record = engine.get(row);
  const before = record === undefined ? [] : (versionsOf(row, record) ?? []);
  return asideChange(partition, key, union(before, versions));
}

/**
 * Sets aside what was found in the damaged parts of a store. `has` tells what a replica has seen:
 * whatever became of that is known. Resolves with how many versions that were.
 */
async function keepStrays(
  engine: Engine,
  salvage: Salvage,
  has: (partition: number, version: PackedVersion) => boolean,
): Promise<number> {
  let kept = 0;
  for await (const [row, record] of salvage.strays()) {
    const isObject = row.startsWith('o') || row.startsWith('s');
    if (!isObject) continue;
    const partition = keyspace.partitionOfRow(row);
    const key = keyspace.keyOfRow(row);
    // A damaged name makes a record that does not verify; this one has been verified under it.
    const found = partition === partitionOf(key) ? versionsOf(row, record) : undefined;
    const unknown = found?.filter((version) => !has(partition, version)) ?? [];
    if (unknown.length === 0) continue;
    kept += unknown.length;
    await engine.commit([withAside(engine, { partition, key }, unknown)], false);
  }
  return kept;
}

/** A store that was read, after what was damaged in it has been dealt with. */
export interface MendedStore {
  readonly states: readonly ReplicaState[];
  /** Versions that were set aside just now. */
  readonly aside: number;
  /** Keys whose record could not be read just now. */
  readonly unreadable: readonly string[];
}

/**
 * Reads what is on disk of all replicas, and dresses the wounds of those that may have lost rows,
 * `known` ones included.
 */
export async function loadMended(engine: Engine, known: Iterable<number>): Promise<MendedStore> {
  const { salvage } = engine;
  const first = await loadCheckpoints(engine);
  const lost = (salvage?.lost ?? []).flatMap((range) => keyspace.partitionsBetween(range.first, range.last));
  const wounded = new Set([...known, ...first.wounded, ...lost]);
  if (wounded.size === 0 && salvage === undefined) return { states: first.states, aside: 0, unreadable: [] };
  await openWounds(engine, wounded);
  const unreadable: string[] = [];
  let aside = 0;
  for (const partition of wounded) {
    const dressed = await dressWound(engine, partition);
    aside += dressed.versions;
    unreadable.push(...dressed.unreadable);
  }
  if (salvage !== undefined) {
    const has = (partition: number, { actor, counter }: PackedVersion): boolean =>
      !wounded.has(partition) && first.states[partition]?.clock.has(actor, counter) === true;
    aside += await keepStrays(engine, salvage, has);
    // With it, what was written before is durable.
    await engine.commit([{ key: keyspace.metaRow('salvaged'), value: undefined }], true);
    await salvage.end();
  }
  return { states: (await loadCheckpoints(engine)).states, aside, unreadable };
}
