/**
 * A replica: one node's copy of one partition, `{actor, clock, objects, log}`.
 *
 * `write` and `merge` read, decide and submit without giving up the thread, so writes to a partition need no lock.
 * Object, residue and log entries of a write go down in one batch. The clock is not written with them: it is the
 * checkpoint's clock and the dots of the log, and so can be neither ahead of the data nor behind it.
 */
import { MecError } from '../../base/errors.ts';
import { hashText32 } from '../../base/hash.ts';
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { Floor } from '../../core/causality/floor.ts';
import {
  type FilledObject,
  merge,
  sameVersions,
  type StoredObject,
  union,
  withoutVersions,
  write,
} from '../../core/causality/object.ts';
import type { Done } from '../commit-queue.ts';
import type { RowChange } from '../engine.ts';
import { KeyWatches } from './key-watches.ts';
import * as keyspace from '../keyspace.ts';
import { assertObjectSize } from './object-size.ts';
import { checkpointToRecord, type ReplicaState, type Wound } from '../records.ts';
import type { ReplicaMerge, ReplicaWrite, ReplicaWritten } from './replica-changes.ts';
import { LogCutter } from './log-cutter.ts';
import { ReplicaActor } from './replica-actor.ts';
import { ReplicaExpiry } from './replica-expiry.ts';
import { ReplicaLog } from './replica-log.ts';
import { ReplicaMarks } from './replica-marks.ts';
import { ReplicaMemory } from './replica-memory.ts';
import { ReplicaObjects } from './replica-objects.ts';
import { ReplicaRows } from './replica-rows.ts';
import { ReplicaView } from './replica-view.ts';
import { SetAside } from './set-aside.ts';
import type { StoreParts } from '../store-parts.ts';

/** Sets the digest of what is lost apart from that of the clock. */
const LOST_FACTOR = 0x9e3779b1;

/** One node's copy of one partition. */
export class Replica {
  /** Names this replica for ever: what is known of another says nothing of it. */
  readonly id: string;
  readonly partition: number;
  readonly log: ReplicaLog;
  readonly rows: ReplicaRows;
  readonly expiry: ReplicaExpiry;
  readonly watches = new KeyWatches();
  readonly marks: ReplicaMarks;
  readonly salvage: SetAside;
  readonly memory: ReplicaMemory;
  readonly #store: StoreParts;
  readonly #objects: ReplicaObjects;
  readonly #clock: CausalContext;
  readonly #durable: CausalContext;
  readonly #lost: CausalContext;
  readonly #durableLost: CausalContext;
  readonly #actor: ReplicaActor;
  readonly #cutter: LogCutter;
  #isComplete: boolean;
  #wound: Wound;
  /** Whether the replica was compared with the others since the store was opened. */
  #isConfirmed = false;
  #isRetired = false;
  #changes = 0;
  #clockHash: number | undefined;
  /** Whether the bases moved since the residues were last looked through. */
  #isSweepDue = true;

  constructor(partition: number, store: StoreParts, state: ReplicaState) {
    this.id = store.names.next();
    this.partition = partition;
    this.log = new ReplicaLog(partition, store.engine, {
      cut: state.cut,
      lengths: state.logEntries,
      maxEntries: store.maxLogEntries,
    });
    this.rows = new ReplicaRows(partition, store.engine);
    this.expiry = new ReplicaExpiry(partition, store, state.expiresMicros);
    this.#store = store;
    this.#clock = state.clock;
    this.#durable = state.clock.clone();
    this.#lost = state.lost;
    this.#durableLost = state.lost.clone();
    this.#actor = new ReplicaActor(partition, store);
    this.marks = new ReplicaMarks(partition, state.marks);
    this.salvage = new SetAside(partition, store.queue, state.aside);
    this.memory = new ReplicaMemory(store.clock, partition, state.memories);
    this.#wound = state.wound;
    const save = (changes: readonly RowChange[]): void => this.#submit(changes, undefined, () => {});
    const { log, rows, expiry, watches, marks, salvage, memory } = this;
    const parts = { partition, clock: state.clock, log, rows, expiry, watches, marks, salvage, memory, save };
    this.#objects = new ReplicaObjects(store, parts, state.residues);
    this.#cutter = new LogCutter({
      partition,
      log: this.log,
      warn: (event, fields) => store.log.warn(event, fields),
      save: (changes, done) => this.#submit([...changes, this.checkpoint()], undefined, done),
    });
    this.#isComplete = state.isComplete;
  }

  /** The name under which this replica writes; its clock has it from the first write on. */
  get actor(): string {
    return this.#actor.name;
  }

  /** Every dot that this replica has seen, durable or on its way to the disk; not to be changed. */
  get clock(): CausalContext {
    return this.#clock;
  }

  /** The dots that are durable here: what the replica says of itself to others; not to be changed. */
  get durableClock(): CausalContext {
    return this.#durable;
  }

  /** Shares this floor with all contexts on it, as far as the replica's own cover it. */
  shareFloor(floor: Floor): void {
    this.#clock.shareFloor(floor);
    this.#durable.shareFloor(floor);
    this.log.cut.shareFloor(floor);
  }

  /** Closed dots, durably: no disk held them when they were closed. Not to be changed. */
  get lost(): CausalContext {
    return this.#durableLost;
  }

  /** A hash of the durable clock and of what is lost. */
  get clockHash(): number {
    // Over the dots, not over floor and rest: equal replicas may stand on different floors.
    this.#clockHash ??= (this.#durable.digest + Math.imul(this.#durableLost.digest, LOST_FACTOR)) >>> 0;
    // Nobody must take one that cannot read all its keys for equal: its clock is no word to rely on.
    return this.isWhole ? this.#clockHash : hashText32(this.id, this.#clockHash);
  }

  /**
   * Whether the replica may hold everything that was ever acknowledged. One that does not counts for no
   * read: a new one until it has caught up, any one after a start until it was compared with the others.
   */
  get isComplete(): boolean {
    return this.#isComplete && this.#isConfirmed && this.salvage.dots.isEmpty;
  }

  /** Whether the replica was complete when its store was last open, and has not been compared since. */
  get isUnconfirmed(): boolean {
    return this.#isComplete && !this.#isConfirmed;
  }

  /** The others were asked, or cannot be: the replica counts again if it was complete. */
  confirm(): void {
    this.#isConfirmed = true;
  }

  /** Dots of versions that were salvaged from damage and are in no clock yet. */
  get aside(): CausalContext {
    return this.salvage.dots;
  }

  /** Whether it has seen nothing, and has nothing set aside. */
  get isBlank(): boolean {
    return this.#clock.isEmpty && this.aside.isEmpty;
  }

  /** Whether a damaged disk has lost rows of this replica, and it has not caught up since. */
  get isWounded(): boolean {
    return this.#wound !== 'none';
  }

  /** Whether every key that it has seen can be read. */
  get isWhole(): boolean {
    return this.marks.isEmpty;
  }

  /** Objects with a residue. */
  get residues(): number {
    return this.#objects.residues;
  }

  /** What this replica knows of a key. */
  read(key: string): FilledObject<Uint8Array> {
    return this.#objects.fill(key);
  }

  /** The same, for the answer to a reader; throws `damaged` if the replica may have known more. */
  readWhole(key: string): FilledObject<Uint8Array> {
    const object = this.read(key);
    if (this.isWounded || !this.aside.isEmpty || this.marks.has(key)) throw new MecError('damaged', { retryAfter: 1 });
    return object;
  }

  /** Others have told what they know of a marked key: it is as good as any now. */
  unmark(key: string, done: Done): void {
    const stored = this.#objects.load(key);
    const change = this.marks.remove(key);
    const object = { versions: stored.versions, context: stored.residue };
    this.#submit([change, ...this.#objects.changesOf(stored, { key, object, dots: [] })], undefined, done);
  }

  /** What is set aside of a key under these dots is not needed: their fate is known, or they were taken in. */
  dropAside(key: string, dots: readonly Dot[], done: Done): void {
    this.#submit([this.salvage.drop(key, dots)], undefined, done);
  }

  /** Coordinates a write. Throws, and changes nothing, where it cannot be taken. */
  write({ key, token, body, memory }: ReplicaWrite, done: Done): ReplicaWritten {
    this.#store.queue.assertRoom();
    const { actor, counter } = this.#actor.peek(this.#clock);
    if (token.max(actor) >= counter) {
      throw new MecError('bad-vclock', { parameter: 'X-Mec-Vclock', detail: 'The token names writes that never were' });
    }
    const stored = this.#objects.load(key);
    const before = this.#objects.fill(key, stored);
    this.#actor.guard(before.context, this.#clock);
    const dot = this.#actor.peek(this.#clock);
    const written = write(before, { token, dot, body, isBlind: this.marks.has(key) });
    if (body !== undefined) assertObjectSize(written.object.versions);
    this.#actor.take(this.#clock);
    this.#save(stored, { key, object: written.object, dots: [dot], memory: memory && { ...memory, ...dot } }, done);
    return { object: written.object, token: written.token, dot };
  }

  /** Takes in what another replica knows of a key. */
  merge({ key, object: received, dots, memory }: ReplicaMerge, done: Done): void {
    this.#store.queue.assertRoom();
    this.#actor.guard(received.context, this.#clock);
    // Closed beats held, or replicas would differ for ever.
    const object = withoutVersions(received, this.#lost);
    const stored = this.#objects.load(key);
    const before = this.#objects.fill(key, stored);
    const after = merge(before, object);
    // Nothing below may fail: a clock ahead of its data would spread deletions.
    const added = this.#clock.addAll(dots).concat(this.#clock.addAll(object.versions));
    const isKnown = added.length === 0 && sameVersions(before, after) && before.context.covers(object.context);
    if (isKnown) this.#store.queue.submit(memory === undefined ? [] : this.memory.learn(memory), done);
    else this.#save(stored, { key, object: after, dots: added, memory }, done);
  }

  /** Remembers what another replica does, from which this one is filled. */
  learn(memories: readonly RememberedWrite[]): void {
    const changes = memories.flatMap((memory) => this.memory.learn(memory));
    if (changes.length > 0) this.#submit(changes, undefined, () => {});
  }

  /**
   * Puts back versions that this replica has seen and lost; tells whether there were any. Only if
   * the replica that they come from has seen just the same of the key: see `scrub.ts`.
   */
  restore({ key, object }: Pick<ReplicaMerge, 'key' | 'object'>, done: Done): boolean {
    this.#store.queue.assertRoom();
    const stored = this.#objects.load(key);
    const { versions, context } = this.#objects.fill(key, stored);
    const isSame =
      this.isWhole && stored.residue.isEmpty && context.equals(this.#clock) && context.equals(object.context);
    const all = union(versions, object.versions);
    if (!isSame || all.length === versions.length) return false;
    this.#save(stored, { key, object: { versions: all, context }, dots: [] }, done);
    return true;
  }

  /**
   * Takes over the clock of a replica whose whole state was merged, in the turn in which no key was left
   * to merge. The log has no entries for what came this way, and says so.
   */
  adopt(clock: CausalContext, done: Done): void {
    const isForged = clock.max(this.actor) > this.#clock.base(this.actor);
    if (isForged) throw new MecError('internal', { detail: 'A peer claims writes that this replica never made' });
    this.#clock.join(clock);
    this.log.cut.join(clock);
    this.#isSweepDue = true;
    this.#submit([this.checkpoint()], clock, done);
  }

  /**
   * Takes dots of dead actors that no disk holds for seen, so that bases move on; a version under such a
   * dot goes, wherever it still is. `keys` are those whose object names one of the dots: each is written
   * again, unchanged, under a dot of this replica. Otherwise an effect that no log knows would never
   * reach the others.
   */
  close(dots: CausalContext, keys: Iterable<string>, done: Done): void {
    this.#store.queue.assertRoom();
    const before = [...keys].map((key) => {
      const stored = this.#objects.load(key);
      return { key, stored, object: this.#objects.fill(key, stored) };
    });
    this.#clock.join(dots);
    this.#lost.join(dots);
    this.#isSweepDue = true;
    const added = dots.clone();
    const changes: RowChange[] = [];
    for (const { key, stored, object } of before) {
      if (!dots.meets(stored.residue) && !stored.versions.some((dot) => dots.has(dot.actor, dot.counter))) continue;
      const { versions, context } = withoutVersions(object, this.#lost);
      const dot = this.#actor.take(this.#clock);
      const whole = context.clone().join(dots);
      whole.addRanges(dot.actor, [this.marks.has(key) ? dot.counter : 1, dot.counter]);
      added.add(dot.actor, dot.counter);
      changes.push(...this.#objects.changesOf(stored, { key, object: { versions, context: whole }, dots: [dot] }));
    }
    this.#submit([...changes, this.checkpoint()], added, (error) => {
      if (error === undefined) this.#durableLost.join(dots);
      this.#clockHash = undefined;
      done(error);
    });
  }

  /** It has caught up with enough others; or it is out of date, and must catch up like a new one. */
  markComplete(isComplete: boolean): void {
    this.#isConfirmed ||= isComplete;
    if (this.#isComplete === isComplete) return;
    this.#isComplete = isComplete;
    if (isComplete) this.#wound = 'none';
    this.#submit([this.checkpoint()], undefined, () => {});
  }

  /** How often anything was changed: two equal counts, and nothing was in between. */
  get changes(): number {
    return this.#changes;
  }

  /** The replica as it is on disk now; the view must be closed. */
  view(): Promise<ReplicaView> {
    return new Promise((resolve, reject) => {
      this.#store.queue.between((error) => {
        if (error !== undefined || this.#isRetired) return reject(error ?? new MecError('stopping'));
        const snapshot = this.#store.engine.snapshot();
        const cut = this.log.cut.clone();
        resolve(new ReplicaView(this.partition, snapshot, { clock: this.#durable.clone(), cut }));
      });
    });
  }

  /** Whether another has taken its place. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Resolves when all that was submitted before is durable. */
  whenDurable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#store.queue.submit([], (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Takes away the residue that the clock's bases have come to cover. */
  async sweepResidues(): Promise<void> {
    if (this.residues === 0 || !this.#isSweepDue) return;
    this.#isSweepDue = false;
    // The scan sees what is durable; a row on its way to the disk would be passed over for ever.
    await this.whenDurable();
    await this.rows.each('r', ([row]) => {
      const change = this.#objects.stripped(keyspace.keyOfRow(row));
      if (change !== undefined) this.#submit([change], undefined, () => {});
    });
  }

  /** Cuts the log entries that everybody who may ask for them has; resolves when that is durable. */
  cutLog(covered: Pick<CausalContext, 'base'>): Promise<void> {
    return this.#cutter.cutCovered(covered);
  }

  #save(before: StoredObject<Uint8Array>, change: ReplicaMerge, done: Done): void {
    if (change.dots.length > 0) this.#isSweepDue = true;
    this.#submit(this.#objects.changesOf(before, change), change.dots, done);
    this.#cutter.cutIfOverfull();
  }

  /** Another has taken its place: whoever still holds on to this one must not write into the rows of the other. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Submits rows; once they are durable, so are the dots that came with them. */
  #submit(changes: readonly RowChange[], dots: readonly Dot[] | CausalContext | undefined, done: Done): void {
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
  checkpoint(): RowChange {
    const key = keyspace.checkpointRow(this.partition);
    const fields = { isComplete: this.#isComplete, clock: this.#clock, wound: this.#wound };
    const state = { ...fields, cut: this.log.cut, lost: this.#lost };
    return { key, value: checkpointToRecord(state, key) };
  }
}
