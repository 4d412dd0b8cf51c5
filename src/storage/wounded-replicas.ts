/**
 * Wounds: a damaged disk has lost rows of a replica, and no record tells which. The clock would
 * claim these rows. So the replica begins again with an empty clock, and the versions that can be
 * read are set aside (`set-aside.ts`). This happens before the store is open. The checkpoint has
 * the wound open until all of it is done, so that a start after a crash goes on.
 */
import { SALVAGE_BATCH_BYTES, SCAN_PAGE_ROWS } from './limits.ts';
import { union } from '../core/causality/object.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { loadCheckpoints } from './replica/checkpoints.ts';
import { isDamage } from './damage.ts';
import type { Engine, Row, RowChange, Salvage } from './engine.ts';
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

/** The readable and the unreadable rows of a wounded replica. */
export interface RebuiltReplica {
  /** The number of versions that were set aside. */
  readonly versions: number;
  /** Keys with a damaged record. */
  readonly unreadable: readonly string[];
}

/** Records on disk that replicas are wounded. A crash after that does no harm. */
async function markWounded(engine: Engine, partitions: Iterable<number>): Promise<void> {
  const changes = [...partitions].map((partition) => checkpoint(partition, 'open'));
  if (changes.length > 0) await engine.commit(changes, true);
}

function checkpoint(partition: number, wound: Wound): RowChange {
  const key = keyspace.checkpointRow(partition);
  return { key, value: checkpointToRecord({ ...emptyState(), wound }, key) };
}

/** Sets the versions of a wounded replica aside, and removes its other rows. */
async function rebuildReplica(engine: Engine, partition: number): Promise<RebuiltReplica> {
  const unreadable: string[] = [];
  let versions = 0;
  for (const kind of ['o', 'l', 'e', 'i', 'r', 'u'] as const) {
    const range = keyspace.partitionRange(kind, partition);
    for (let { from } = range; ;) {
      const rows = firstBatch(await engine.scan({ ...range, from, limit: SCAN_PAGE_ROWS }));
      const last = rows[rows.length - 1];
      if (last === undefined) break;
      from = `${last[0]}\0`;
      const changes: RowChange[] = rows.map(([key]) => ({ key, value: undefined }));
      for (const [row, record] of kind === 'o' ? rows : []) {
        const key = keyspace.keyOfRow(row);
        const found = versionsOf(row, record);
        if (found === undefined) unreadable.push(key);
        else changes.push(addAside(engine, { partition, key }, found));
        versions += found?.length ?? 0;
      }
      await engine.commit(changes, false);
    }
  }
  await engine.commit([checkpoint(partition, 'dressed')], true);
  return { versions, unreadable };
}

/** Returns the first rows, as many as fit into a batch. */
function firstBatch(rows: readonly Row[]): readonly Row[] {
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

function addAside(
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
 * Sets aside versions from the damaged parts of a store, unless the replica has seen their dots:
 * then their fate is known. Resolves with the number of these versions.
 */
async function keepRecoveredRows(
  engine: Engine,
  salvage: Salvage,
  has: (partition: number, version: PackedVersion) => boolean,
): Promise<number> {
  let kept = 0;
  for await (const [row, record] of salvage.recoveredRows()) {
    const isObject = row.startsWith('o') || row.startsWith('s');
    if (!isObject) continue;
    const partition = keyspace.partitionOfRow(row);
    const key = keyspace.keyOfRow(row);
    // The checksum of a record is also over its row, so a record under a damaged name does not
    // match.
    const found = partition === partitionOf(key) ? versionsOf(row, record) : undefined;
    const unknown = found?.filter((version) => !has(partition, version)) ?? [];
    if (unknown.length === 0) continue;
    kept += unknown.length;
    await engine.commit([addAside(engine, { partition, key }, unknown)], false);
  }
  return kept;
}

/** The states of all replicas, after damage was dealt with. */
export interface RepairedStore {
  readonly states: readonly ReplicaState[];
  /** The number of versions that were set aside now. */
  readonly aside: number;
  /** Keys with a damaged record that was found now. */
  readonly unreadable: readonly string[];
}

/**
 * Reads the states of all replicas, and rebuilds those that may have lost rows, with
 * those of the partitions in `known`.
 */
export async function loadRepaired(
  engine: Engine,
  known: Iterable<number>,
): Promise<RepairedStore> {
  const { salvage } = engine;
  const first = await loadCheckpoints(engine);
  const lost = (salvage?.lost ?? []).flatMap((range) =>
    keyspace.partitionsBetween(range.first, range.last),
  );
  const wounded = new Set([...known, ...first.wounded, ...lost]);
  if (wounded.size === 0 && salvage === undefined)
    return { states: first.states, aside: 0, unreadable: [] };
  await markWounded(engine, wounded);
  const unreadable: string[] = [];
  let aside = 0;
  for (const partition of wounded) {
    const rebuilt = await rebuildReplica(engine, partition);
    aside += rebuilt.versions;
    unreadable.push(...rebuilt.unreadable);
  }
  if (salvage !== undefined) {
    const has = (partition: number, { actor, counter }: PackedVersion): boolean =>
      !wounded.has(partition) && first.states[partition]?.clock.has(actor, counter) === true;
    aside += await keepRecoveredRows(engine, salvage, has);
    // This commit syncs, so the earlier ones are durable, too.
    await engine.commit([{ key: keyspace.metaRow('salvaged'), value: undefined }], true);
    await salvage.end();
  }
  return { states: (await loadCheckpoints(engine)).states, aside, unreadable };
}
