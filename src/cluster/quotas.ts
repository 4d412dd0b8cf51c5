/**
 * The quotas of tenants: the bytes that each may store in the whole cluster.
 *
 * Each node counts the bytes in the replicas of which it is an owner, and asks the others for their
 * counts every few seconds. All replicas together have each byte once for every owner of a key. So
 * the bytes of a tenant are the sum, divided by the number of replicas that were counted, times the
 * number of partitions. A node that was never heard is taken to be as full as the others; one that
 * is silent has what it told last.
 *
 * The node that a client has asked judges the write. Deletes, repairs and hand-offs are never
 * refused.
 */
import type { Clock } from '../base/env.ts';
import { MecError, nothingWritten } from '../base/errors.ts';
import { MAX_MERGED_LEDGER_RECORDS, PARTITIONS } from '../core/limits.ts';
import type { Ledger } from '../core/security/ledger.ts';
import { tenantOf } from '../core/security/tenant.ts';
import type { Store } from '../storage/store.ts';
import { askAll } from './insight/ask-all.ts';
import { isTable } from './insight/json.ts';
import { QUOTA_ROUND_MS } from './limits.ts';
import type { Members } from './membership/members.ts';
import type { Peers } from './membership/peers.ts';

/** The parts of a node that quotas need. */
export interface QuotaParts {
  readonly env: { readonly clock: Pick<Clock, 'monotonicMs'> };
  readonly ledger: Pick<Ledger, 'quotas' | 'onChange'>;
  readonly members: Pick<Members, 'in' | 'owners' | 'self'>;
  readonly peers: Pick<Peers, 'byId' | 'reach'>;
  readonly store: Pick<Store, 'find' | 'tenants'>;
}

/** The count of one node. */
interface TenantReport {
  /** The partitions of which it is an owner. */
  readonly partitions: number;
  /** The bytes of tenants in them, without tenants that it is still counting. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** Reads the count of a peer, which may send anything; undefined if it is malformed. */
function readReport(value: unknown): TenantReport | undefined {
  if (!isTable(value)) return undefined;
  const { partitions, bytes } = value;
  if (!isCount(partitions) || partitions > PARTITIONS || !isTable(bytes)) return undefined;
  const rows = Object.entries(bytes).slice(0, MAX_MERGED_LEDGER_RECORDS);
  return {
    partitions,
    bytes: new Map(rows.filter((row): row is [string, number] => isCount(row[1]))),
  };
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

/** Judges writes by the quotas of their tenants. */
export class Quotas {
  readonly #parts: QuotaParts;
  /** The last count of each other member. */
  readonly #reports = new Map<string, TenantReport>();
  /** The bytes of tenants in the cluster, by the last round. */
  #stored: ReadonlyMap<string, number> = new Map();
  #roundMs = -Infinity;

  constructor(parts: QuotaParts) {
    this.#parts = parts;
    const { ledger, store } = parts;
    const watch = (): void => store.tenants.watch(new Set(ledger.quotas.keys()));
    watch();
    ledger.onChange(watch);
  }

  /** Throws `quota-exceeded` if the tenant of a key has no room for these bytes. */
  assertRoom(key: string, bytes: number): void {
    const { quotas } = this.#parts.ledger;
    if (quotas.size === 0) return;
    const tenant = tenantOf(key) ?? '';
    const limit = quotas.get(tenant);
    if (limit === undefined || (this.#stored.get(tenant) ?? 0) + bytes <= limit) return;
    throw new MecError('quota-exceeded', {
      limit,
      ...nothingWritten(`All keys ${tenant}/… together may have ${limit} bytes.`),
    });
  }

  /** The bytes that a tenant stores in the cluster; undefined if no node has counted them. */
  storedBytes(tenant: string): number | undefined {
    return this.#stored.get(tenant);
  }

  /** The count of this node, as JSON. */
  report(): string {
    const { partitions, bytes } = this.#own();
    return JSON.stringify({ partitions, bytes: Object.fromEntries(bytes) });
  }

  #own(): TenantReport {
    const { ledger, members, store } = this.#parts;
    const owned = Array.from({ length: PARTITIONS }, (_, partition) => partition).filter(
      (partition) => members.owners(partition).includes(members.self),
    );
    const rows = owned.flatMap((partition) => store.find(partition)?.rows ?? []);
    const isOpen = rows.length === owned.length;
    const bytes = new Map<string, number>();
    for (const name of isOpen ? ledger.quotas.keys() : []) {
      const sum = store.tenants.sum(name, rows);
      if (sum !== undefined) bytes.set(name, sum);
    }
    return { partitions: owned.length, bytes };
  }

  /** Asks all members, if it is time and if there are quotas. Never rejects. */
  async round(): Promise<void> {
    const { env, ledger, members, peers } = this.#parts;
    const nowMs = env.clock.monotonicMs();
    if (ledger.quotas.size === 0 || nowMs - this.#roundMs < QUOTA_ROUND_MS) return;
    this.#roundMs = nowMs;
    const present = members.in('joining', 'up', 'leaving').map(({ name }) => name);
    for (const name of this.#reports.keys())
      if (!present.includes(name)) this.#reports.delete(name);
    const asked = present
      .filter((name) => name !== members.self && peers.reach(name) !== 'unreachable')
      .map((name) => [name, peers.byId.get(name)] as const);
    const { answers } = await askAll(new Map(asked), { topic: 'tenants', read: readReport });
    for (const [name, report] of answers) this.#take(name, report);
    this.#take(members.self, this.#own());
    this.#stored = this.#sums();
  }

  /** Keeps a count. A tenant that the node is still counting has the bytes that it had before. */
  #take(name: string, { partitions, bytes }: TenantReport): void {
    const { quotas } = this.#parts.ledger;
    const before = this.#reports.get(name)?.bytes ?? [];
    const known = [...before, ...bytes].filter(([tenant]) => quotas.has(tenant));
    this.#reports.set(name, { partitions, bytes: new Map(known) });
  }

  #sums(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const tenant of this.#parts.ledger.quotas.keys()) {
      let [bytes, counted] = [0, 0];
      for (const report of this.#reports.values()) {
        const here = report.bytes.get(tenant);
        if (here === undefined) continue;
        bytes += here;
        counted += report.partitions;
      }
      if (counted > 0) sums.set(tenant, Math.round((bytes / counted) * PARTITIONS));
    }
    return sums;
  }
}
