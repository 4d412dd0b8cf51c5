/** Reads the states that the replicas start from when a store is opened. */
import { StartError } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { SCAN_PAGE_ROWS } from '../limits.ts';
import { isDamage } from '../damage.ts';
import type { Engine, Row } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import {
  emptyState,
  recordToCheckpoint,
  recordToContext,
  recordToMemory,
  recordToVersions,
  type ReplicaState,
  verifyRecord,
} from '../records.ts';

type Loaded = { -readonly [Field in keyof ReplicaState]: ReplicaState[Field] };

/** The states of all replicas, as the disk has them. */
export interface LoadedStore {
  readonly states: readonly ReplicaState[];
  /** Partitions with a damaged checkpoint or log entry: no record tells which rows they lost. */
  readonly wounded: ReadonlySet<number>;
}

/** Reads the states of all replicas. A clock is the checkpoint's clock and the dots of the log. */
export async function loadCheckpoints(engine: Engine): Promise<LoadedStore> {
  const wounded = new Set<number>();
  // Most stores have no version that expires. In the others each replica looks for the first one.
  const expiring = await engine.keys({ ...keyspace.kindRange('e'), limit: 1 });
  const expiresMicros = expiring.length === 0 ? Infinity : 0;
  const states = Array.from({ length: PARTITIONS }, (): Loaded => ({
    ...emptyState(),
    expiresMicros,
  }));
  const visit = async (
    kind: keyspace.RowKind,
    take: (row: Row, state: Loaded) => void,
  ): Promise<void> => {
    await eachRow(engine, kind, (row) => {
      const partition = keyspace.partitionOfRow(row[0]);
      const state = states[partition];
      try {
        verifyRecord(row[1], row[0]);
        if (state === undefined)
          throw new StartError(`The store has a row of an unknown partition: ${row[0]}`);
        take(row, state);
      } catch (error) {
        if (!isDamage(error)) throw error;
        if (state !== undefined) wounded.add(partition);
      }
    });
  };
  await visit('c', ([row, record], state) => Object.assign(state, recordToCheckpoint(record, row)));
  await visit('l', ([row], { clock, logEntries }) => {
    const { actor, counter } = keyspace.dotOfRow(row);
    clock.add(actor, counter);
    logEntries.set(actor, (logEntries.get(actor) ?? 0) + 1);
  });
  await visit('i', ([row, record], { memories }) => memories.push(recordToMemory(record, row)));
  await visit('s', ([row, record], { aside }) => {
    for (const { actor, counter } of recordToVersions(record, row)) aside.add(actor, counter);
  });
  await visit('u', ([row, record], { marks }) =>
    marks.set(keyspace.keyOfRow(row), recordToContext(record, row)),
  );
  await eachKey(engine, 'r', (row) => {
    const state = states[keyspace.partitionOfRow(row)];
    if (state !== undefined) state.residues += 1;
  });
  for (const [partition, { wound }] of states.entries())
    if (wound === 'open') wounded.add(partition);
  return { states, wounded };
}

async function eachRow(
  engine: Engine,
  kind: keyspace.RowKind,
  visit: (row: Row) => void,
): Promise<void> {
  const { from, to } = keyspace.kindRange(kind);
  for (let next = from; ;) {
    const rows = await engine.scan({ from: next, to, limit: SCAN_PAGE_ROWS });
    rows.forEach(visit);
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < SCAN_PAGE_ROWS) return;
    next = `${last[0]}\0`;
  }
}

async function eachKey(
  engine: Engine,
  kind: keyspace.RowKind,
  visit: (row: string) => void,
): Promise<void> {
  const { from, to } = keyspace.kindRange(kind);
  for (let next = from; ;) {
    const rows = await engine.keys({ from: next, to, limit: SCAN_PAGE_ROWS });
    rows.forEach(visit);
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < SCAN_PAGE_ROWS) return;
    next = `${last}\0`;
  }
}
