/** What replicas start from when a store is opened. */
import { StartError } from '../base/errors.ts';
import { PARTITIONS, SCAN_PAGE_ROWS } from '../base/limits.ts';
import type { Engine } from './engine.ts';
import * as keyspace from './keyspace.ts';
import { type Checkpoint, emptyState, recordToCheckpoint, type ReplicaState } from './records.ts';

type Loaded = { -readonly [Field in keyof ReplicaState]: ReplicaState[Field] };

/** What is on disk of all replicas: a clock is the checkpoint's clock and the dots of the log. */
export async function loadCheckpoints(engine: Engine): Promise<ReplicaState[]> {
  const checkpoints = new Map<number, Checkpoint>();
  const kind = keyspace.kindRange('c');
  for (const [row, record] of await engine.scan({ ...kind, limit: PARTITIONS }))
    checkpoints.set(keyspace.partitionOfRow(row), recordToCheckpoint(record, row));
  // Most stores have nothing that expires; in others each replica finds out by itself.
  const expiring = await engine.keys({ ...keyspace.kindRange('e'), limit: 1 });
  const expiresMicros = expiring.length === 0 ? Infinity : 0;
  const states = Array.from({ length: PARTITIONS }, (_, partition): Loaded => {
    return { ...emptyState(), expiresMicros, ...checkpoints.get(partition) };
  });
  const stateOf = (row: string): Loaded => {
    const state = states[keyspace.partitionOfRow(row)];
    if (state === undefined)
      throw new StartError(`The store has a row of an unknown partition: ${JSON.stringify(row)}`);
    return state;
  };
  await eachKey(engine, 'l', (row) => {
    const state = stateOf(row);
    const { actor, counter } = keyspace.dotOfRow(row);
    state.clock.add(actor, counter);
    state.logEntries.set(actor, (state.logEntries.get(actor) ?? 0) + 1);
  });
  await eachKey(engine, 'r', (row) => {
    stateOf(row).residues += 1;
  });
  return states;
}

async function eachKey(engine: Engine, kind: keyspace.RowKind, visit: (row: string) => void): Promise<void> {
  const { from, to } = keyspace.kindRange(kind);
  for (let next = from; ;) {
    const rows = await engine.keys({ from: next, to, limit: SCAN_PAGE_ROWS });
    rows.forEach(visit);
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < SCAN_PAGE_ROWS) return;
    next = `${last}\0`;
  }
}
