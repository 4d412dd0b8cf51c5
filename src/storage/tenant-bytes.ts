/**
 * The bytes of tenants in the replicas of one node: all versions of their keys, with siblings and
 * with expired versions that are not removed yet. Only tenants that have a quota are counted.
 *
 * A replica is scanned once for each of them, in the background. From then on its writes change the
 * count. A replica that begins again, such as after a restart, is counted again.
 */
import { startOfTenant, tenantOf } from '../core/security/tenant.ts';
import type { CommitQueue } from './commit-queue.ts';
import { isDamage } from './damage.ts';
import type { Engine, Snapshot } from './engine.ts';
import * as keyspace from './keyspace.ts';
import { COUNT_PAGE_BYTES, COUNT_RANGES, COUNT_SWEEP_BYTES, SCAN_PAGE_ROWS } from './limits.ts';
import { PageSize } from './page-size.ts';
import { type PackedVersion, recordToVersions } from './records.ts';

/** The rows of a replica whose tenants are counted. A replica that begins again has others. */
export interface CountedReplica {
  readonly partition: number;
}

/** An open store whose tenants are counted. */
export interface TenantStore {
  readonly engine: Engine;
  readonly queue: CommitQueue;
  readonly replicas: readonly { readonly rows: CountedReplica }[];
}

/** The bytes of one tenant in one replica. */
interface BytesOfReplica {
  /** The durable bytes when they were counted, less those that `added` has; undefined before. */
  counted: number | undefined;
  /** The bytes that have come since, less those that have gone. */
  added: number;
}

type BytesOfReplicas = WeakMap<CountedReplica, BytesOfReplica>;

const bytesOf = (versions: readonly PackedVersion[]): number =>
  versions.reduce((sum, { body }) => sum + body.length, 0);

/** A damaged record counts when it is mended. */
function bytesIn(record: Uint8Array | undefined, row: string): number {
  if (record === undefined) return 0;
  try {
    return bytesOf(recordToVersions(record, row));
  } catch (error) {
    if (isDamage(error)) return 0;
    throw error;
  }
}

function countOf(counts: BytesOfReplicas, replica: CountedReplica): BytesOfReplica {
  const known = counts.get(replica);
  if (known !== undefined) return known;
  const count = { counted: undefined, added: 0 };
  counts.set(replica, count);
  return count;
}

/** The rows of a tenant in a partition. The character after a slash is 0. */
function rangeOf(name: string, partition: number): { readonly from: string; readonly to: string } {
  const { from } = keyspace.partitionRange('o', partition);
  return { from: from + startOfTenant(name), to: `${from}${name}0` };
}

/** BytesOfReplicas the bytes of tenants. */
export class TenantBytes {
  readonly #tenants = new Map<string, BytesOfReplicas>();

  /** BytesOfReplicas these tenants from now on, and no others. */
  watch(names: ReadonlySet<string>): void {
    for (const name of this.#tenants.keys()) if (!names.has(name)) this.#tenants.delete(name);
    for (const name of names) if (!this.#tenants.has(name)) this.#tenants.set(name, new WeakMap());
  }

  /** Whether no tenant is counted. */
  get isIdle(): boolean {
    return this.#tenants.size === 0;
  }

  /** Notes that the versions of a key change. */
  noteChange(
    replica: CountedReplica,
    key: string,
    {
      before,
      after,
    }: { readonly before: readonly PackedVersion[]; readonly after: readonly PackedVersion[] },
  ): void {
    const counts = this.#tenants.get(tenantOf(key) ?? '');
    if (counts !== undefined) countOf(counts, replica).added += bytesOf(after) - bytesOf(before);
  }

  /** Forgets the count of a replica, because the versions of a key have become unknown. */
  forget(replica: CountedReplica, key: string): void {
    this.#tenants.get(tenantOf(key) ?? '')?.delete(replica);
  }

  /** The bytes of a tenant in these replicas; undefined until all of them are counted. */
  sum(name: string, replicas: readonly CountedReplica[]): number | undefined {
    const counts = this.#tenants.get(name);
    let sum = 0;
    for (const replica of replicas) {
      const { counted, added } = counts?.get(replica) ?? {};
      if (counted === undefined || added === undefined) return undefined;
      sum += counted + added;
    }
    return sum;
  }

  /** BytesOfReplicas replicas that were not counted yet, up to the bounds of one round. */
  async countMore({ engine, queue, replicas }: TenantStore): Promise<void> {
    if (this.isIdle) return;
    let [bytes, ranges] = [0, 0];
    for (const { rows: replica } of replicas) {
      if (bytes >= COUNT_SWEEP_BYTES || ranges >= COUNT_RANGES) return;
      const names = [...this.#tenants.keys()].filter((name) => !this.#isCounted(name, replica));
      if (names.length === 0) continue;
      bytes += await this.#count(replica, names, { engine, queue });
      ranges += names.length;
    }
  }

  #isCounted(name: string, replica: CountedReplica): boolean {
    return this.#tenants.get(name)?.get(replica)?.counted !== undefined;
  }

  /**
   * BytesOfReplicas the rows of a snapshot, and those in the commit queue at that moment, as
   * `ReplicaRows.count` does. Returns the bytes that were read.
   */
  async #count(
    replica: CountedReplica,
    names: readonly string[],
    { engine, queue }: Pick<TenantStore, 'engine' | 'queue'>,
  ): Promise<number> {
    const begin = (name: string): [name: string, count: BytesOfReplica, less: number] => {
      const count = countOf(this.#tenants.get(name) ?? new WeakMap(), replica);
      const come = queue
        .pendingRows(rangeOf(name, replica.partition))
        .reduce(
          (sum, [row, value]) => sum + bytesIn(value, row) - bytesIn(engine.get(row), row),
          0,
        );
      return [name, count, count.added - come];
    };
    const { view, begun } = await new Promise<{
      view: Snapshot;
      begun: ReturnType<typeof begin>[];
    }>((resolve, reject) => {
      queue.runBetweenBatches((error) => {
        if (error !== undefined) return reject(error);
        try {
          resolve({ begun: names.map(begin), view: engine.snapshot() });
        } catch (failure) {
          reject(failure);
        }
      });
    });
    let bytes = 0;
    try {
      for (const [name, count, less] of begun) {
        const found = await bytesInRange(view, rangeOf(name, replica.partition));
        count.counted = found - less;
        bytes += found;
      }
    } finally {
      await view.close();
    }
    return bytes;
  }
}

async function bytesInRange(
  view: Snapshot,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<number> {
  const size = new PageSize(SCAN_PAGE_ROWS, COUNT_PAGE_BYTES);
  let bytes = 0;
  for (let at = from; ;) {
    const limit = size.rows;
    const rows = await view.scan({ from: at, to, limit });
    for (const [row, record] of rows) bytes += bytesIn(record, row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return bytes;
    size.note(rows);
    at = `${last[0]}\0`;
  }
}
