/**
 * A replica: one node's copy of one partition, `{actor, clock, objects, log}`.
 *
 * `write` and `merge` read, decide and submit without giving up the thread, so writes to a partition need no lock.
 * Object, residue and log entries of a write go down in one batch. The clock is not written with them: it is the
 * checkpoint's clock and the dots of the log, and so can be neither ahead of the data nor behind it.
 */
import { MecError } from '../base/errors.ts';
import { hashText32 } from '../base/hash.ts';
import { drawActor } from '../core/actor.ts';
import { CausalContext, type Dot } from '../core/causal-context.ts';
import {
  fill,
  type FilledObject,
  merge,
  sameVersions,
  type StoredObject,
  strip,
  union,
  write,
  type Written,
} from '../core/object.ts';
import type { Done } from './commit-queue.ts';
import type { Change } from './engine.ts';
import * as keyspace from './keyspace.ts';
import { assertObjectSize } from './object-size.ts';
import {
  checkpointToRecord,
  contextToRecord,
  recordToContext,
  type ReplicaState,
  versionsToRecord,
} from './records.ts';
import { ReplicaExpiry } from './replica-expiry.ts';
import { ReplicaLog } from './replica-log.ts';
import { ReplicaObjects } from './replica-objects.ts';
import { ReplicaRows } from './replica-rows.ts';
import type { Store } from './store.ts';

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
  /** Part of the snapshot that is being taken in, and not a change beside it. */
  readonly isSnapshot?: boolean | undefined;
}

/** One node's copy of one partition. */
export class Replica {
  readonly partition: number;
  readonly log: ReplicaLog;
  readonly rows: ReplicaRows;
  readonly expiry: ReplicaExpiry;
  readonly #store: Store;
  readonly #objects: ReplicaObjects;
  readonly #clock: CausalContext;
  readonly #durable: CausalContext;
  #actor: string;
  /** Whether the actor stands in the checkpoint on disk, or in a batch on its way there. */
  #isActorKept: boolean;
  #isComplete: boolean;
  #residues: number;
  #isCutting = false;
  #isRetired = false;
  #changes = 0;
  #clockHash: number | undefined;
  /** Whether the bases moved since the residues were last looked through. */
  #isSweepDue = true;
  #isLost: (actor: string) => boolean = () => false;
  /** While a snapshot is taken in: the keys that were changed meanwhile. */
  #touched: Set<string> | undefined;

  constructor(partition: number, store: Store, state: ReplicaState) {
    this.partition = partition;
    this.log = new ReplicaLog(partition, store.engine, {
      cut: state.cut,
      lengths: state.logEntries,
      maxEntries: store.maxLogEntries,
    });
    this.rows = new ReplicaRows(partition, store.engine);
    this.expiry = new ReplicaExpiry(partition, store, state.expiresMicros);
    this.#store = store;
    this.#objects = new ReplicaObjects(partition, store);
    this.#clock = state.clock;
    this.#durable = state.clock.clone();
    this.#actor = state.actor ?? drawActor(store.nodeName, store.random);
    this.#isActorKept = state.actor !== undefined;
    this.#isComplete = state.isComplete;
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

  /** The dots that are durable here: what the replica says of itself to others; not to be changed. */
  get durableClock(): CausalContext {
    return this.#durable;
  }

  /** A hash of the durable clock. */
  get clockHash(): number {
    this.#clockHash ??= hashText32(this.#durable.toString());
    return this.#clockHash;
  }

  /** Whether it may hold everything that was ever acknowledged: a new one has to catch up first, and until then does not count for reads. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Objects with a residual context. */
  get residues(): number {
    return this.#residues;
  }

  /** What this replica knows of a key. */
  read(key: string): FilledObject<Uint8Array> {
    return fill(this.#objects.load(key, this.#residues > 0), this.#clock);
  }

  /** Coordinates a write. Throws, and changes nothing, where it cannot be taken. */
  write({ key, token, body }: ReplicaWrite, done: Done): ReplicaWritten {
    this.#store.queue.assertRoom();
    const counter = this.#clock.base(this.#actor);
    if (token.max(this.#actor) > counter) {
      throw new MecError('bad-vclock', { parameter: 'X-Mec-Vclock', detail: 'The token names writes that never were' });
    }
    const stored = this.#objects.load(key, this.#residues > 0);
    const before = fill(stored, this.#clock);
    this.#guardActor(before.context);
    const dot: Dot = { actor: this.#actor, counter: this.#clock.base(this.#actor) + 1 };
    const written = write(before, { token, dot, body });
    if (body !== undefined) assertObjectSize(written.object.versions);
    this.#clock.add(dot.actor, dot.counter);
    this.#save(stored, { key, object: written.object, dots: [dot] }, done);
    return { object: written.object, token: written.token, dot };
  }

  /** Takes in what another replica knows of a key. */
  merge({ key, object, dots, isSnapshot }: ReplicaMerge, done: Done): void {
    this.#store.queue.assertRoom();
    this.#guardActor(object.context);
    const stored = this.#objects.load(key, this.#residues > 0);
    const before = fill(stored, this.#clock);
    const after = merge(before, object);
    // Nothing below may fail: a clock ahead of its data would spread deletions.
    const added = this.#clock.addAll(dots).concat(this.#clock.addAll(object.versions));
    const isKnown = added.length === 0 && sameVersions(before, after) && before.context.covers(object.context);
    if (isKnown) this.#store.queue.submit([], done);
    else this.#save(stored, { key, object: after, dots: added, isSnapshot }, done);
  }

  /**
   * Puts back versions that this replica has seen and lost, from one that has seen just the same and holds them; tells whether there were
   * any. Only where neither knows more or less of the key than this whole clock: see `scrub.ts`.
   */
  restore({ key, object }: Pick<ReplicaMerge, 'key' | 'object'>, done: Done): boolean {
    this.#store.queue.assertRoom();
    const stored = this.#objects.load(key, this.#residues > 0);
    const { versions, context } = fill(stored, this.#clock);
    const isSame = stored.residual.isEmpty && context.equals(this.#clock) && context.equals(object.context);
    const all = union(versions, object.versions);
    if (!isSame || all.length === versions.length) return false;
    this.#save(stored, { key, object: { versions: all, context }, dots: [] }, done);
    return true;
  }

  /** From now on remembers which keys are changed; resolves when all changes before are durable, and so seen by scans. */
  expectSnapshot(): Promise<void> {
    this.#touched = new Set();
    return this.settled();
  }

  /** No snapshot is being taken in any more. */
  dismissSnapshot(): void {
    this.#touched = undefined;
  }

  /** The keys changed since the snapshot began, or since this was last asked. */
  takeTouched(): string[] {
    const keys = [...(this.#touched ?? [])];
    this.#touched = new Set();
    return keys;
  }

  /**
   * Takes over the clock of a replica whose whole state was merged: to be called without a pause after `takeTouched` has said that
   * nothing was changed meanwhile. The log has no entries for what came this way, and says so.
   */
  adopt(clock: CausalContext, done: Done): void {
    this.#guardActor(clock);
    this.#touched = undefined;
    this.#clock.join(clock);
    this.log.cut.join(clock);
    this.#isSweepDue = true;
    this.#submit([this.checkpoint()], clock, done);
  }

  /**
   * Takes the dots of dead actors that nobody has (they were lost with their actor, and never acknowledged) for seen, so that the bases
   * can move on. Whether nobody has them is the caller's to know.
   */
  closeGaps(gaps: CausalContext): void {
    this.#clock.join(gaps);
    this.log.cut.join(gaps);
    this.#isSweepDue = true;
    this.#submit([this.checkpoint()], gaps, () => {});
  }

  /** The next sweep also takes away what residues say of these actors: it is of dots that nobody has. */
  stripLost(isLost: (actor: string) => boolean): void {
    this.#isLost = isLost;
    this.#isSweepDue = true;
  }

  /** The replica has caught up with enough others; or it is not kept up to date any more, and has to catch up like a new one. */
  markComplete(isComplete: boolean): void {
    if (this.#isComplete === isComplete) return;
    this.#isComplete = isComplete;
    this.#submit([this.checkpoint()], undefined, () => {});
  }

  /** How often anything was changed: two equal counts, and nothing was in between. */
  get changes(): number {
    return this.#changes;
  }

  /** Resolves when all that was submitted before is durable. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#store.queue.submit([], (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Takes away the residue that the clock's bases have come to cover, and all that it says of lost actors. */
  async sweepResidues(): Promise<void> {
    if (this.#residues === 0 || !this.#isSweepDue) return;
    this.#isSweepDue = false;
    const isLost = this.#isLost;
    this.#isLost = () => false;
    await this.rows.each('r', ([row]) => this.#stripResidue(row, isLost));
  }

  #stripResidue(row: string, isLost: (actor: string) => boolean): void {
    const record = this.#store.queue.get(row);
    if (record === undefined) return;
    const residual = recordToContext(record, row);
    const rest = residual.minus(this.#clock.bases()).filter((actor) => !isLost(actor));
    if (rest.equals(residual)) return;
    if (rest.isEmpty) this.#residues -= 1;
    this.#submit([{ key: row, value: rest.isEmpty ? undefined : contextToRecord(rest, row) }], undefined, () => {});
  }

  /** Cuts the log entries that everybody who may ask for them has; resolves when that is durable. */
  cutLog(covered: CausalContext): Promise<void> {
    return this.#cut(() => this.log.cutCovered(covered));
  }

  /** One cut at a time, and durable before the next looks at the rows again. */
  async #cut(choose: () => Promise<Change[]>): Promise<void> {
    if (this.#isCutting) return;
    this.#isCutting = true;
    try {
      const changes = await choose();
      if (changes.length === 0) return;
      changes.push(this.checkpoint());
      await new Promise<void>((resolve, reject) => {
        this.#submit(changes, undefined, (error) => (error === undefined ? resolve() : reject(error)));
      });
    } catch (error) {
      this.#store.log.warn('log not cut', { partition: this.partition, reason: String(error) });
    } finally {
      this.#isCutting = false;
    }
  }

  #save(before: StoredObject<Uint8Array>, { key, object, dots, isSnapshot }: ReplicaMerge, done: Done): void {
    const { versions, residual } = strip(object, this.#clock);
    const row = keyspace.objectRow(this.partition, key);
    this.#objects.changes(row);
    const changes: Change[] = [
      { key: row, value: versions.length === 0 ? undefined : versionsToRecord(versions, row) },
    ];
    if (!residual.isEmpty || !before.residual.isEmpty) {
      const residueRow = keyspace.residueRow(this.partition, key);
      changes.push({ key: residueRow, value: residual.isEmpty ? undefined : contextToRecord(residual, residueRow) });
      this.#residues += Number(!residual.isEmpty) - Number(!before.residual.isEmpty);
    }
    this.rows.changed(before.versions.length, versions.length);
    this.log.append(key, dots, changes);
    this.expiry.append(key, { before: before.versions, after: versions }, changes);
    if (isSnapshot !== true) this.#touched?.add(key);
    if (dots.length > 0) this.#isSweepDue = true;
    if (!this.#isActorKept) changes.push(this.checkpoint());
    this.#submit(changes, dots, done);
    if (this.log.isOverfull) void this.#cut(() => this.log.cutHalf());
  }

  /** Another has taken its place: whoever still holds on to this one must not write into the rows of the other. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Submits rows; once they are durable, so are the dots that came with them. */
  #submit(changes: readonly Change[], dots: readonly Dot[] | CausalContext | undefined, done: Done): void {
    this.#changes += 1;
    if (this.#isRetired) return done(new MecError('stopping'));
    this.#store.queue.submit(changes, (error) => {
      if (error === undefined && dots !== undefined) {
        this.#clockHash = undefined;
        if (dots instanceof CausalContext) this.#durable.join(dots);
        else for (const { actor, counter } of dots) this.#durable.add(actor, counter);
      }
      done(error);
    });
  }

  /** The row of the replica's own state. */
  checkpoint(): Change {
    this.#isActorKept = true;
    const key = keyspace.checkpointRow(this.partition);
    const { incarnation } = this.#store;
    const state = {
      actor: this.#actor,
      incarnation,
      isComplete: this.#isComplete,
      clock: this.#clock,
      cut: this.log.cut,
    };
    return { key, value: checkpointToRecord(state, key) };
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
}
