/** Closing dots in a replica: finding the keys whose objects name them. */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import * as keyspace from '../keyspace.ts';
import { recordToContext, recordToVersions } from '../records.ts';
import type { Replica } from './replica.ts';

/**
 * Takes dots that no disk holds for seen (`Replica.close`); resolves when that is durable. Whether no disk
 * holds them is for the caller to know.
 */
export async function closeDots(replica: Replica, dots: CausalContext): Promise<void> {
  const fresh = dots.minus(replica.lost);
  if (fresh.isEmpty) return;
  const watch = replica.watches.begin();
  try {
    await replica.whenDurable();
    const keys = new Set<string>();
    await replica.rows.each('r', ([row, record]) => {
      if (fresh.meets(recordToContext(record, row))) keys.add(keyspace.keyOfRow(row));
    });
    // A version under such a dot is rare: a replica had it that did not answer for it.
    if (fresh.meets(replica.clock)) {
      await replica.rows.each('o', ([row, record]) => {
        const isNamed = recordToVersions(record, row).some(({ actor, counter }) => fresh.has(actor, counter));
        if (isNamed) keys.add(keyspace.keyOfRow(row));
      });
    }
    await new Promise<void>((resolve, reject) => {
      for (const key of watch.take()) keys.add(key);
      replica.close(fresh, keys, (error) => (error === undefined ? resolve() : reject(error)));
    });
  } finally {
    watch.end();
  }
}
