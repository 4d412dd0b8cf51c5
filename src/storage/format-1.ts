/** What differs in stores of format 1, which the first edition wrote. */
import { StartError } from '../base/errors.ts';
import { hashTagOf, partitionOf } from '../core/placement/partition.ts';
import type { MemberRecord } from '../core/placement/member-list.ts';
import type { Engine } from './engine.ts';
import * as keyspace from './keyspace.ts';
import { SCAN_PAGE_ROWS } from './limits.ts';

/** Throws `StartError` if a key lies in another partition now: format 1 knew no hash tags. */
export async function refuseTaggedKeys(engine: Engine): Promise<void> {
  const range = keyspace.kindRange('o');
  for (let { from } = range; ;) {
    const rows = await engine.keys({ ...range, from, limit: SCAN_PAGE_ROWS });
    for (const row of rows) {
      const key = keyspace.keyOfRow(row);
      if (hashTagOf(key) === undefined || partitionOf(key) === keyspace.partitionOfRow(row)) continue;
      throw new StartError(
        `The store has format 1 and the key ${JSON.stringify(key)}. ` +
          'Since format 2, {…} in a key decides where it lies. ' +
          'Export the keys with the version that wrote them, and import them into a new store',
      );
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < SCAN_PAGE_ROWS) return;
    from = `${last}\0`;
  }
}

/** A member record as it is now: in format 1 it counted its lives, and drew none. */
export function memberOf(kept: MemberRecord): MemberRecord {
  const { life, zone } = kept as { readonly life: unknown; readonly zone: string | null | undefined };
  const generation = typeof life === 'number' ? life : kept.generation;
  return { ...kept, zone: zone ?? undefined, generation, life: typeof life === 'string' ? life : '' };
}
