/**
 * A replica: one node's copy of one partition, with its actor, clock, objects and log.
 *
 * `write` and `merge` read, decide and submit in one turn, so writes to a partition need no lock.
 * Object, residue and log entry of a write are in one batch. The clock is not written with them: it
 * is the checkpoint's clock and the dots of the log. So it can be neither ahead of the data nor
 * behind it.
 */
import { MecError } from '../../base/errors.ts';
import { hashText32 } from '../../base/hash.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import { replicaNumber } from '../../core/causality/replica-name.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { Floor } from '../../core/causality/floor.ts';
import {
  type FilledObject,
  merge,
  sameVersions,
  type StoredObject,
  withoutVersions,
  write,
} from '../../core/causality/object.ts';
import type { Done } from '../commit-queue.ts';
import type { RowChange } from '../engine.ts';
import { ClosedDots } from './closed-dots.ts';
import { KeyWatches } from './key-watches.ts';
import { assertContextSize, assertObjectSize } from './object-size.ts';
import type { ReplicaState } from '../records.ts';
import type { ReplicaMerge, ReplicaWrite, ReplicaWritten } from './replica-changes.ts';
import { LogCutter } from './log-cutter.ts';
import { ReplicaActor } from './replica-actor.ts';
import { ReplicaClock } from './replica-clock.ts';
import { ReplicaCommits } from './replica-commits.ts';
import { ReplicaExpiry } from './replica-expiry.ts';
import { ReplicaLog } from './replica-log.ts';
import { ReplicaMarks } from './replica-marks.ts';
import { ReplicaMemory } from './replica-memory.ts';
import { ReplicaObjects } from './replica-objects.ts';
import { ReplicaRepair } from './replica-repair.ts';
import { ReplicaRows } from './replica-rows.ts';
import { ReplicaStatus } from './replica-status.ts';
import { ReplicaView } from './replica-view.ts';
import { ResidueSweep } from './residue-sweep.ts';
import { Residues } from './residues.ts';
import { SetAside } from './set-aside.ts';
import { SnapshotIntake } from './snapshot-intake.ts';
import type { StoreParts } from '../store-parts.ts';

/** One node's copy of one partition. */
export class Replica {
  /** The name of this replica. Its successor has another one, so old statements do not count. */
  readonly id: string;
  /** The number of the replica in the life of its node, which its name has too. */
  readonly number: number;
  readonly partition: number;
  readonly log: ReplicaLog;
  readonly rows: ReplicaRows;
  readonly expiry: ReplicaExpiry;
  readonly watches = new KeyWatches();
  readonly marks: ReplicaMarks;
  readonly setAside: SetAside;
  readonly memory: ReplicaMemory;
  readonly residues: Residues;
  readonly status: ReplicaStatus;
  readonly commits: ReplicaCommits;
  readonly cutter: LogCutter;
  readonly sweep: ResidueSweep;
  readonly closedDots: ClosedDots;
  readonly intake: SnapshotIntake;
  readonly repair: ReplicaRepair;
  readonly #store: StoreParts;

  readonly #objects: ReplicaObjects;
  readonly #clock: ReplicaClock;
  readonly #actor: ReplicaActor;

  constructor(partition: number, store: StoreParts, state: ReplicaState) {
    this.id = store.names.next();
    this.number = replicaNumber(this.id);
    this.partition = partition;
    this.log = new ReplicaLog(partition, store.engine, {
      cut: state.cut,
      lengths: state.logEntries,
      maxEntries: store.maxLogEntries,
    });
    this.rows = new ReplicaRows(partition, store.engine);
    this.expiry = new ReplicaExpiry(partition, store, state.expiresMicros);
    this.marks = new ReplicaMarks(partition, state.marks);
    this.setAside = new SetAside(partition, store.queue, state.aside);
    this.memory = new ReplicaMemory(store.clock, partition, state.memories);
    this.status = new ReplicaStatus(state, this.setAside);
    this.#store = store;
    this.#clock = new ReplicaClock(state);
    this.#actor = new ReplicaActor(partition, store, state.clock);
    this.residues = new Residues(partition, store.queue, state.residues);
    const { log, rows, expiry, watches, marks, setAside, memory, status, residues } = this;
    const [clock, actor] = [this.#clock, this.#actor];
    const { queue } = store;
    const commits = new ReplicaCommits({ partition, queue, clock, status, cut: log.cut });
    const save = (changes: readonly RowChange[]): void => commits.submit(changes);
    const parts = { residues, log, rows, expiry, watches, marks, setAside, memory, save };
    const objects = new ReplicaObjects(store, { partition, clock: clock.seen, ...parts });
    const sweep = new ResidueSweep({ clock: clock.seen, objects, residues, marks, rows, commits });
    this.commits = commits;
    this.#objects = objects;
    this.sweep = sweep;
    this.closedDots = new ClosedDots({
      clock,
      actor,
      objects,
      rows,
      marks,
      watches,
      sweep,
      commits,
    });
    this.intake = new SnapshotIntake({ actor, clock, log, sweep, commits });
    this.repair = new ReplicaRepair({ clock, objects, marks, setAside, commits });
    this.cutter = new LogCutter({
      partition,
      log,
      warn: (event, fields) => store.log.warn(event, fields),
      save: (changes, done) => commits.submitState(changes, { done }),
    });
  }

  /** The name under which this replica writes. The clock has it from the first write on. */
  get actor(): string {
    return this.#actor.name;
  }

  /** Every dot that this replica has seen, durable or not. The caller must not change it. */
  get clock(): CausalContext {
    return this.#clock.seen;
  }

  /** The durable dots, which the replica tells to others. The caller must not change them. */
  get durableClock(): CausalContext {
    return this.#clock.durable;
  }

  /** Makes the clocks and the cut of the log share this floor, if they cover it. */
  shareFloor(floor: Floor): void {
    this.#clock.shareFloor(floor);
    this.log.cut.shareFloor(floor);
  }

  /** The dots that are closed, durably. The caller must not change them. */
  get lost(): CausalContext {
    return this.#clock.durableLost;
  }

  /** Whether one of these dots is closed, durably or not. Its version does not count here. */
  hasClosed(dots: readonly Dot[]): boolean {
    const { lost } = this.#clock;
    return !lost.isEmpty && dots.some(({ actor, counter }) => lost.has(actor, counter));
  }

  /** A hash of the durable clock and the closed dots. */
  get clockHash(): number {
    // While a key cannot be read, the hash must equal no other: the clock claims what is missing.
    return this.isWhole ? this.#clock.hash : hashText32(this.id, this.#clock.hash);
  }

  /** Whether the replica may hold everything that was ever acknowledged, and counts for reads. */
  get isComplete(): boolean {
    return this.status.isComplete;
  }

  /** The dots of versions that are set aside. */
  get asideDots(): CausalContext {
    return this.setAside.dots;
  }

  /** Whether the replica has seen no dot, and has nothing set aside. */
  get isBlank(): boolean {
    return this.#clock.seen.isEmpty && this.asideDots.isEmpty;
  }

  /** Whether the record of every key can be read, as far as the replica knows. */
  get isWhole(): boolean {
    return this.marks.isEmpty;
  }

  /** Returns the object of a key. */
  read(key: string): FilledObject<Uint8Array> {
    return this.#objects.fill(key);
  }

  /**
   * Returns the object of a key for a reader. Throws `damaged` if the replica may have lost a part.
   */
  readWhole(key: string): FilledObject<Uint8Array> {
    const object = this.read(key);
    if (this.status.isWounded || !this.asideDots.isEmpty || this.marks.has(key))
      throw new MecError('damaged', { retryAfter: 1 });
    return object;
  }

  /** Coordinates a write. Throws, and changes nothing, if the replica cannot take it. */
  write({ key, token, body, memory }: ReplicaWrite, done: Done): ReplicaWritten {
    this.commits.assertRoom();
    const { actor, counter } = this.#actor.peek();
    if (token.max(actor) >= counter) {
      throw new MecError('bad-vclock', {
        parameter: 'X-Mec-Vclock',
        detail: 'The token names writes that this node never made; read the key again',
      });
    }
    const stored = this.#objects.load(key);
    const before = this.#objects.fill(key, stored);
    this.#actor.guard(before.context);
    const dot = this.#actor.peek();
    const written = write(before, { token, dot, body, isBlind: this.marks.has(key) });
    if (body !== undefined) assertObjectSize(written.object.versions);
    assertContextSize(before.context, written.object.context);
    this.#actor.take();
    this.#save(
      stored,
      { key, object: written.object, dots: [dot], memory: memory && { ...memory, ...dot } },
      done,
    );
    return { object: written.object, token: written.token, dot };
  }

  /** Merges the object of another replica. */
  merge({ key, object: received, dots, memory }: ReplicaMerge, done: Done): void {
    this.commits.assertRoom();
    this.#actor.guard(received.context);
    // A version under a closed dot goes, even if another replica holds it: replicas would differ
    // for ever.
    const object = withoutVersions(received, this.#clock.lost);
    const stored = this.#objects.load(key);
    const before = this.#objects.fill(key, stored);
    const after = merge(before, object);
    // The clock changes here, so nothing below may fail: a clock ahead of its data spreads
    // deletions.
    const added = this.#clock.seen.addAll(dots).concat(this.#clock.seen.addAll(object.versions));
    const isKnown =
      added.length === 0 && sameVersions(before, after) && before.context.covers(object.context);
    if (isKnown)
      this.commits.submit(memory === undefined ? [] : this.memory.learn(memory), { done });
    else this.#save(stored, { key, object: after, dots: added, memory }, done);
  }

  /** Remembers the writes that another replica remembers, from which this one is filled. */
  learn(memories: readonly RememberedWrite[]): void {
    const changes = memories.flatMap((memory) => this.memory.learn(memory));
    if (changes.length > 0) this.commits.submit(changes);
  }

  /** Marks the replica as complete or as out of date (`ReplicaStatus.setComplete`), durably. */
  markComplete(isComplete: boolean): void {
    if (this.status.setComplete(isComplete)) this.commits.submitState([]);
  }

  /** Opens a view of the replica as the disk has it now. The caller must close it. */
  view(): Promise<ReplicaView> {
    return new Promise((resolve, reject) => {
      this.#store.queue.runBetweenBatches((error) => {
        if (error !== undefined || this.commits.isRetired)
          return reject(error ?? new MecError('stopping'));
        const snapshot = this.#store.engine.snapshot();
        const cut = this.log.cut.clone();
        resolve(
          new ReplicaView(this.partition, snapshot, { clock: this.#clock.durable.clone(), cut }),
        );
      });
    });
  }

  #save(before: StoredObject<Uint8Array>, change: ReplicaMerge, done: Done): void {
    if (change.dots.length > 0) this.sweep.markDue();
    this.commits.submit(this.#objects.changesOf(before, change), { dots: change.dots, done });
    this.#store.onVersions?.(change.key, change.object.versions);
    this.cutter.cutIfOverfull();
  }
}
