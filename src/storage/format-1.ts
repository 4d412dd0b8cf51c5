/** Reads stores of format 1, which the first edition wrote. */
import { StartError } from '../base/errors.ts';
import { hashTagOf, partitionOf } from '../core/placement/partition.ts';
import type { MemberRecord } from '../core/placement/member-list.ts';
import type { Engine } from './engine.ts';
import * as keyspace from './keyspace.ts';
import { SCAN_PAGE_ROWS } from './limits.ts';

/**
 * Rejects with `StartError` if a key belongs to another partition now: format 1 had no hash tags.
 */
export async function refuseTaggedKeys(engine: Engine): Promise<void> {
  const range = keyspace.kindRange('o');
  for (let { from } = range; ;) {
    const rows = await engine.keys({ ...range, from, limit: SCAN_PAGE_ROWS });
    for (const row of rows) {
      const key = keyspace.keyOfRow(row);
      if (hashTagOf(key) === undefined || partitionOf(key) === keyspace.partitionOfRow(row))
        continue;
      throw new StartError(
        `The store has format 1 and the key ${JSON.stringify(key)}. ` +
          'Since format 2, {…} in a key decides its partition. ' +
          'Export the keys with the version that wrote them, and import them into a new store',
      );
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < SCAN_PAGE_ROWS) return;
    from = `${last}\0`;
  }
}

/**
 * Converts a member record of format 1, which counted the lives of a node instead of naming them.
 */
export function memberOf(kept: MemberRecord): MemberRecord {
  const { life, zone } = kept as {
    readonly life: unknown;
    readonly zone: string | null | undefined;
  };
  const generation = typeof life === 'number' ? life : kept.generation;
  return {
    ...kept,
    zone: zone ?? undefined,
    generation,
    life: typeof life === 'string' ? life : '',
  };
}
