/**
 * A replica: one node's copy of one partition, `{actor, clock, objects, log}`.
 *
 * `write` and `merge` read, decide and submit without giving up the thread, so writes to a partition need no lock.
 * Object, residue and log entries of a write go down in one batch. The clock is not written with them: it is the
 * checkpoint's clock and the dots of the log, and so can be neither ahead of the data nor behind it.
 */
import type { Log, Random } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { MAX_LOG_ENTRIES, MAX_OBJECT_BYTES, MAX_SIBLINGS, SCAN_PAGE_ROWS } from '../base/limits.ts';
import { drawActor } from '../core/actor.ts';
import { CausalContext, type Dot } from '../core/causal-context.ts';
import {
  fill,
  type FilledObject,
  merge,
  sameVersions,
  type StoredObject,
  strip,
  write,
  type Written,
} from '../core/object.ts';
import type { CommitQueue, Done } from './commit-queue.ts';
import type { Change, Engine } from './engine.ts';
import * as keyspace from './keyspace.ts';
import {
  checkpointToRecord,
  contextToRecord,
  openRecord,
  type PackedVersion,
  recordToContext,
  recordToVersions,
  sealRecord,
  versionsToRecord,
} from './records.ts';

/** What the replicas of one store share. */
export interface Store {
  readonly engine: Engine;
  readonly queue: CommitQueue;
  readonly nodeName: string;
  readonly incarnation: string;
  readonly random: Random;
  readonly log: Log;
}

/** What a replica starts from; a new one starts from nothing. */
export interface ReplicaState {
  /** Undefined where the replica cannot prove that it continues: it draws a new one. */
  readonly actor: string | undefined;
  readonly clock: CausalContext;
  readonly cut: CausalContext;
  readonly logEntries: number;
  readonly residues: number;
}

/** A write as it is asked of a replica. */
export interface ReplicaWrite {
  readonly key: string;
  /** What the writer had seen. */
  readonly token: CausalContext;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
}

/** What a write did, before it is durable. */
export interface ReplicaWritten extends Written<Uint8Array> {
  readonly dot: Dot;
}

/** A merge as it is asked of a replica. */
export interface ReplicaMerge {
  readonly key: string;
  readonly object: FilledObject<Uint8Array>;
  /** Dots of this partition whose whole effect the object carries. */
  readonly dots: readonly Dot[];
}

/** One node's copy of one partition. */
export class Replica {
  readonly partition: number;
  readonly #store: Store;
  readonly #clock: CausalContext;
  readonly #cut: CausalContext;
  #actor: string;
  /** Whether the actor stands in the checkpoint on disk, or in a batch on its way there. */
  #isActorKept: boolean;
  #logEntries: number;
  #residues: number;
  #isTrimming = false;
  /** Whether the bases moved since the residues were last looked through. */
  #isSweepDue = true;

  constructor(partition: number, store: Store, state: ReplicaState) {
    this.partition = partition;
    this.#store = store;
    this.#clock = state.clock;
    this.#cut = state.cut;
    this.#actor = state.actor ?? drawActor(store.nodeName, store.random);
    this.#isActorKept = state.actor !== undefined;
    this.#logEntries = state.logEntries;
    this.#residues = state.residues;
  }

  /** The name under which this replica writes. */
  get actor(): string {
    return this.#actor;
  }

  /** Every dot that this replica has seen, durable or on its way to the disk; not to be changed. */
  get clock(): CausalContext {
    return this.#clock;
  }

  get logEntries(): number {
    return this.#logEntries;
  }

  /** Objects with a residual context. */
  get residues(): number {
    return this.#residues;
  }

  /** What this replica knows of a key. */
  read(key: string): FilledObject<Uint8Array> {
    return fill(this.#load(key), this.#clock);
  }

  /** Coordinates a write. Throws, and changes nothing, where it cannot be taken. */
  write({ key, token, body }: ReplicaWrite, done: Done): ReplicaWritten {
    this.#store.queue.assertRoom();
    const counter = this.#clock.base(this.#actor);
    if (token.max(this.#actor) > counter) {
      throw new MecError('bad-vclock', { parameter: 'X-Mec-Vclock', detail: 'The token names writes that never were' });
    }
    const dot: Dot = { actor: this.#actor, counter: counter + 1 };
    const stored = this.#load(key);
    const written = write(fill(stored, this.#clock), { token, dot, body });
    if (body !== undefined) assertSize(written.object.versions);
    this.#clock.add(dot.actor, dot.counter);
    this.#save(stored, { key, object: written.object, dots: [dot] }, done);
    return { ...written, dot };
  }

  /** Takes in what another replica knows of a key. */
  merge({ key, object, dots }: ReplicaMerge, done: Done): void {
    this.#store.queue.assertRoom();
    this.#guardActor(object.context);
    const stored = this.#load(key);
    const before = fill(stored, this.#clock);
    const after = merge(before, object);
    // Nothing below may fail: a clock ahead of its data would spread deletions.
    const added = [...dots, ...object.versions].filter((dot) => {
      if (this.#clock.has(dot.actor, dot.counter)) return false;
      this.#clock.add(dot.actor, dot.counter);
      return true;
    });
    const isKnown = added.length === 0 && sameVersions(before, after) && before.context.covers(object.context);
    if (isKnown) this.#store.queue.submit([], done);
    else this.#save(stored, { key, object: after, dots: added }, done);
  }

  /** The rows that make a clean stop continue: the actor, where it was never kept. */
  checkpoint(): Change {
    const { incarnation } = this.#store;
    const record = checkpointToRecord({ actor: this.#actor, incarnation, clock: this.#clock, cut: this.#cut });
    return { key: keyspace.checkpointRow(this.partition), value: record };
  }

  /** Takes away the residue that the clock's bases have come to cover. */
  async sweepResidues(): Promise<void> {
    if (this.#residues === 0 || !this.#isSweepDue) return;
    this.#isSweepDue = false;
    const range = keyspace.partitionRange('r', this.partition);
    for (let from = range.from; ;) {
      const rows = await this.#store.engine.scan({ ...range, from, limit: SCAN_PAGE_ROWS });
      for (const [row] of rows) this.#stripResidue(keyspace.keyOfRow(row));
      const last = rows[rows.length - 1];
      if (last === undefined || rows.length < SCAN_PAGE_ROWS) return;
      from = `${last[0]}\0`;
    }
  }

  #stripResidue(key: string): void {
    const row = keyspace.residueRow(this.partition, key);
    const record = this.#store.queue.get(row);
    if (record === undefined) return;
    const residual = recordToContext(record, row);
    const rest = residual.minus(this.#clock.bases());
    if (rest.equals(residual)) return;
    if (rest.isEmpty) this.#residues -= 1;
    this.#store.queue.submit([{ key: row, value: rest.isEmpty ? undefined : contextToRecord(rest) }], () => {});
  }

  #load(key: string): StoredObject<Uint8Array> {
    const { queue } = this.#store;
    const row = keyspace.objectRow(this.partition, key);
    const record = queue.get(row);
    const versions = record === undefined ? [] : recordToVersions(record, row);
    if (this.#residues === 0) return { versions, residual: new CausalContext() };
    const residueRow = keyspace.residueRow(this.partition, key);
    const residue = queue.get(residueRow);
    return { versions, residual: residue === undefined ? new CausalContext() : recordToContext(residue, residueRow) };
  }

  #save(before: StoredObject<Uint8Array>, { key, object, dots }: ReplicaMerge, done: Done): void {
    const { versions, residual } = strip(object, this.#clock);
    const row = keyspace.objectRow(this.partition, key);
    const changes: Change[] = [{ key: row, value: versions.length === 0 ? undefined : versionsToRecord(versions) }];
    if (!residual.isEmpty || !before.residual.isEmpty) {
      const record = residual.isEmpty ? undefined : contextToRecord(residual);
      changes.push({ key: keyspace.residueRow(this.partition, key), value: record });
      this.#residues += Number(!residual.isEmpty) - Number(!before.residual.isEmpty);
    }
    for (const dot of dots) changes.push({ key: keyspace.logRow(this.partition, dot), value: sealRecord(key) });
    this.#logEntries += dots.length;
    if (dots.length > 0) this.#isSweepDue = true;
    if (!this.#isActorKept) {
      this.#isActorKept = true;
      changes.push(this.checkpoint());
    }
    this.#store.queue.submit(changes, done);
    if (this.#logEntries > MAX_LOG_ENTRIES && !this.#isTrimming) void this.#trimLog();
  }

  /**
   * A peer knows of a write of this replica's actor that this replica never made: the mark of a clean stop has failed
   * to protect (or a client made the token up). The actor is given up before it gives one dot to two writes.
   */
  #guardActor(context: CausalContext): void {
    const claimed = context.max(this.#actor);
    if (claimed <= this.#clock.base(this.#actor)) return;
    const lost = this.#actor;
    this.#actor = drawActor(this.#store.nodeName, this.#store.random);
    this.#isActorKept = false;
    this.#store.log.error('actor given up: a peer knows more of its writes than this node does', {
      partition: this.partition,
      actor: lost,
      own: this.#clock.base(lost),
      claimed,
      successor: this.#actor,
    });
  }

  /** Cuts the older half of each actor's log entries; the checkpoint that goes with it keeps the clock whole. */
  async #trimLog(): Promise<void> {
    this.#isTrimming = true;
    try {
      const range = keyspace.partitionRange('l', this.partition);
      const rows = await this.#store.engine.scan({ ...range, limit: 2 * MAX_LOG_ENTRIES });
      const rowsByActor = new Map<string, string[]>();
      for (const [row] of rows) {
        const { actor } = keyspace.dotOfRow(row);
        const actorRows = rowsByActor.get(actor);
        if (actorRows === undefined) rowsByActor.set(actor, [row]);
        else actorRows.push(row);
      }
      const changes: Change[] = [];
      for (const actorRows of rowsByActor.values())
        this.#cutRows(actorRows.slice(0, Math.ceil(actorRows.length / 2)), changes);
      changes.push(this.checkpoint());
      this.#isActorKept = true;
      this.#store.queue.submit(changes, () => {});
    } catch (error) {
      this.#store.log.warn('log not trimmed', { partition: this.partition, reason: String(error) });
    } finally {
      this.#isTrimming = false;
    }
  }

  #cutRows(rows: readonly string[], changes: Change[]): void {
    const last = rows[rows.length - 1];
    if (last === undefined) return;
    const { actor, counter } = keyspace.dotOfRow(last);
    this.#cut.addRanges(actor, [1, counter]);
    for (const row of rows) changes.push({ key: row, value: undefined });
    this.#logEntries -= rows.length;
  }
}

function assertSize(versions: readonly PackedVersion[]): void {
  const bytes = versions.reduce((sum, { body }) => sum + body.length, 0);
  if (versions.length > MAX_SIBLINGS) throw new MecError('too-many-siblings', { limit: MAX_SIBLINGS });
  if (versions.length > 1 && bytes > MAX_OBJECT_BYTES) {
    throw new MecError('too-many-siblings', { detail: `The versions of this key exceed ${MAX_OBJECT_BYTES} bytes` });
  }
}

/** Reads the key of a log row. */
export function logKey(record: Uint8Array, row: string): string {
  return String(openRecord(record, row));
}
