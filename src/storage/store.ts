/**
 * The store of a node: its engine, and the replicas on it.
 *
 * If a commit fails, memory may be ahead of the disk. The node then forgets its memory as in a
 * crash, and tries to open the store again until that succeeds. The replicas start again from the
 * disk, under other actors of the same life.
 */
import { assert } from '../base/assert.ts';
import type { Env, Timer } from '../base/env.ts';
import { MecError, messageOf, StartError } from '../base/errors.ts';
import type { Recorder } from '../base/recorder.ts';
import { MAX_MARKS, STORE_REOPEN_MS, VERIFY_PAGE_BYTES } from './limits.ts';
import { OwnActors } from '../core/causality/actor.ts';
import type { NamedKey, TokenKey } from '../core/causality/token-keys.ts';
import type { LedgerRecord } from '../core/security/ledger-record.ts';
import { ReplicaNames } from '../core/causality/replica-name.ts';
import type { MemberRecord } from '../core/placement/member-list.ts';
import { partitionOf } from '../core/placement/partition.ts';
import type { AtRest } from './at-rest/at-rest.ts';
import { SealedEngine, Sealer } from './at-rest/sealed-engine.ts';
import { DamagedRecord, isDamage } from './damage.ts';
import type { Engine, OpenEngine } from './engine.ts';
import * as keyspace from './keyspace.ts';
import type { ListToKeep } from './kept-members.ts';
import { OpenStore, type SealedStore } from './open-store.ts';
import type { Replica } from './replica/replica.ts';
import type { OnVersions } from './store-parts.ts';
import { readHeader } from './store-header.ts';
import { statusOfReplicas, type StoreStatus } from './store-status.ts';
import { TenantBytes } from './tenant-bytes.ts';
import { UnreadableKeys } from './unreadable-keys.ts';
import { Verification } from './verification.ts';
import { WatchedEngine } from './watched-engine.ts';

/** How to open the store of a node. */
export interface StoreOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'log'>;
  readonly nodeName: string;
  /** The life of this process: no other start of the node has it. */
  readonly life: string;
  readonly openEngine: OpenEngine;
  /** The data keys; undefined if the store is not encrypted. */
  readonly atRest?: AtRest | undefined;
  /**
   * Whether an acknowledged write must be on the platter (default). If not, it may wait in the
   * operating system.
   */
  readonly sync: boolean;
  /** Log entries kept per replica. */
  readonly maxLogEntries: number;
  /** Is told the versions of keys that change or are verified; undefined if none looks. */
  readonly onVersions?: OnVersions | undefined;
  /** Measures commits; undefined if they are not measured. */
  readonly recorder?: Recorder | undefined;
}

/** The replicas of one node, on a disk that may fail. */
export class Store {
  /** Keys that no member could read. */
  readonly unreadable = new UnreadableKeys();
  /** The bytes of tenants that have a quota. */
  readonly tenants = new TenantBytes();
  readonly #options: StoreOptions;
  readonly #actors: OwnActors;
  readonly #names: ReplicaNames;
  #opened: OpenStore | undefined;
  #failure: MecError | undefined;
  #reopening: Timer | undefined;
  /** The end of a failed opening, or the next opening, while it is under way. */
  #transition: Promise<void> | undefined;
  #isClosed = false;
  readonly #verification = new Verification();
  /** Partitions whose replicas may have lost rows: the next opening lets them begin again. */
  readonly #woundedPartitions = new Set<number>();
  /** Partitions whose replicas do not count until they are filled. No disk has that mark yet. */
  readonly #outdatedPartitions = new Set<number>();
  #hasExamined = false;
  #damageFound = 0;

  private constructor(options: StoreOptions) {
    this.#options = options;
    this.#actors = new OwnActors(options.nodeName, options.life);
    this.#names = new ReplicaNames(options.env.random);
  }

  /** Opens the store. Rejects with `StartError` if it cannot be used. */
  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(options);
    await store.#open();
    return store;
  }

  /** Returns the replica of a partition. Throws while the disk has failed. */
  of(partition: number): Replica {
    const replica = this.#openedStore().replicas[partition];
    assert(replica !== undefined, 'every partition has a replica');
    return replica;
  }

  /** Whether the store is open: the disk has not failed. */
  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** The damaged records, blocks and files that were found since the start. */
  get damageFound(): number {
    return this.#damageFound;
  }

  /** The number of replicas that are not blank; undefined while the disk has failed. */
  get heldReplicas(): number | undefined {
    return this.#opened?.replicas.filter(
      ({ clock, asideDots }) => !clock.isEmpty || !asideDots.isEmpty,
    ).length;
  }

  /** Returns the replica of a partition; undefined while the disk has failed. */
  find(partition: number): Replica | undefined {
    return this.#opened?.replicas[partition];
  }

  /**
   * Marks the replica of a partition as out of date: it counts again when it has been filled. The
   * mark outlives a failure of the disk.
   */
  markOutdated(partition: number): void {
    this.#outdatedPartitions.add(partition);
    const replica = this.find(partition);
    if (replica === undefined) return;
    replica.markComplete(false);
    const isDurable = (): void => void this.#outdatedPartitions.delete(partition);
    // If the commit fails, the next opening marks the replica again.
    replica.commits.whenDurable().then(isDurable, () => {});
  }

  /** Drops the replica of a partition. Resolves with false if it was changed in the meantime. */
  async drop(partition: number): Promise<boolean> {
    return this.#openedStore().drop(this.of(partition));
  }

  /**
   * Deals with damage. If the row is that of a key, only this key is unknown: the replica marks it,
   * and other members are asked for it. Otherwise the store is opened again and mended, and the
   * replicas that may have lost rows begin again.
   */
  handleDamage(error: MecError): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#damageFound += 1;
    const row = error instanceof DamagedRecord ? error.row : undefined;
    const replica = row === undefined ? undefined : opened.replicas[keyspace.partitionOfRow(row)];
    if (row === undefined || replica === undefined) return this.#reopen(error, opened.suspect());
    const isKeyKnown =
      keyspace.isKeyRow(row) && partitionOf(keyspace.keyOfRow(row)) === replica.partition;
    if (isKeyKnown && replica.marks.size < MAX_MARKS) {
      // The cache may have an intact copy, which would hide the damage. The read marks the key.
      opened.cache.drop(row);
      return void replica.read(keyspace.keyOfRow(row));
    }
    this.#woundedPartitions.add(replica.partition);
    this.#reopen(error, opened.abandon());
  }

  /** Returns the member list that was kept last; an empty one if there is none. */
  keptMembers(): MemberRecord[] {
    return this.#openedStore().members.all();
  }

  /** The n of the cluster, as it was kept last; undefined if it was not. */
  get keptN(): number | undefined {
    return this.#openedStore().members.n;
  }

  /** The names of owners that the node may have missed, as they were kept last. */
  get keptMissedNames(): readonly string[] {
    return this.#openedStore().members.missedNames;
  }

  /** The marks of the cluster, as they were kept last; undefined if they were not. */
  get keptMarks(): readonly string[] | undefined {
    return this.#openedStore().members.marks;
  }

  /** The keys for tokens, as they were kept last. */
  get keptTokenKeys(): readonly TokenKey[] {
    return this.#openedStore().members.tokenKeys;
  }

  /** Keeps the keys for tokens, if this disk does not have them already. */
  keepTokenKeys(keys: readonly NamedKey[], onKept: () => void): void {
    this.#openedStore().members.keepTokenKeys(keys, onKept);
  }

  /** The records of the ledger, as they were kept last. */
  get keptLedger(): readonly LedgerRecord[] {
    return this.#openedStore().ledger.all;
  }

  /** Keeps the ledger. Resolves when it is durable. Rejects with a `MecError`. */
  async keepLedger(records: readonly LedgerRecord[]): Promise<void> {
    return this.#openedStore().ledger.keep(records);
  }

  /** Keeps the member list, and the rest, if this disk does not have them already. */
  keepMembers(kept: ListToKeep, onKept: () => void): void {
    this.#openedStore().members.keep(kept, onKept);
  }

  /** Resolves when all submitted rows are durable or have failed. */
  async whenIdle(): Promise<void> {
    await this.#opened?.queue.whenIdle();
  }

  /** Rows and bytes that wait for the disk; undefined while the disk has failed. */
  get pending(): { readonly rows: number; readonly bytes: number } | undefined {
    return this.#opened?.queue.pending;
  }

  /** Returns the status of the store, for `/status`. */
  status(): StoreStatus {
    const opened = this.#opened;
    const { sync, life } = this.#options;
    const state = this.#failure === undefined ? 'ok' : this.#failure.code;
    if (opened === undefined) return { state, sync };
    const { queue, size, replicas, resealing } = opened;
    const { keys, diskBytes } = size;
    const sums = statusOfReplicas(replicas, this.unreadable.list);
    const { pending } = queue;
    const isEncrypted = resealing && (resealing.isComplete ? 'all' : 'partly');
    return { state, sync, life, pending, keys, diskBytes, encrypted: isEncrypted ?? 'no', ...sums };
  }

  /** Runs one round of background work over all replicas. */
  async sweep(): Promise<void> {
    for (const replica of this.#opened?.replicas ?? []) {
      if (this.#opened !== undefined) await replica.sweep.run();
    }
    await this.#opened?.size.countMore();
    if (this.#opened !== undefined) await this.tenants.countMore(this.#opened);
    await this.#opened?.resealing?.run();
  }

  /** Verifies the next page of records, and some of the files below them. */
  async verify(): Promise<void> {
    const { engine } = this.#openedStore();
    await this.#verification.page(engine, {
      onDamage: (error) => this.handleDamage(error),
      onVersions: this.#options.onVersions,
    });
    if (this.#opened?.engine === engine) await engine.verify(VERIFY_PAGE_BYTES);
  }

  /** Closes the store when all submitted rows are durable. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reopening?.cancel();
    // An opening that is under way would leave its engine open, and the directory locked.
    if (this.#transition !== undefined) await this.#transition.catch(() => {});
    const opened = this.#opened;
    if (opened === undefined) return;
    await opened.queue.whenIdle();
    this.#opened = undefined;
    await opened.close();
  }

  #openedStore(): OpenStore {
    if (this.#opened === undefined) throw this.#failure ?? new MecError('stopping');
    return this.#opened;
  }

  async #open(): Promise<void> {
    const { openEngine, nodeName, atRest, env } = this.#options;
    const disk = await openEngine();
    const sealed: SealedStore | undefined = atRest && {
      engine: new SealedEngine(disk, new Sealer(atRest.keys, env.random)),
      atRest,
    };
    const engine = new WatchedEngine(sealed?.engine ?? disk, (error) => {
      if (this.#opened?.engine === engine) this.handleDamage(error);
    });
    try {
      this.#opened = await OpenStore.load(engine, {
        ...this.#options,
        header: readHeader(disk, { nodeName, keys: atRest?.keys }),
        sealed,
        actors: this.#actors,
        names: this.#names,
        tenants: this.tenants,
        woundedPartitions: this.#woundedPartitions,
        onFailure: (why) => this.#failed(engine, why),
      });
      this.#failure = undefined;
      if (engine.salvage !== undefined) this.#damageFound += 1;
      for (const partition of this.#outdatedPartitions) this.markOutdated(partition);
    } catch (error) {
      const isDamaged = isDamage(error);
      await (isDamaged ? engine.suspect() : engine.abandon());
      if (error instanceof StartError) throw error;
      const why = new StartError(`The store cannot be read: ${messageOf(error)}`, { cause: error });
      if (!isDamaged || this.#hasExamined) throw why;
      // One more try: the next opening examines the whole store.
      this.#hasExamined = true;
      await this.#open();
      this.#hasExamined = false;
    }
  }

  #failed(engine: Engine, error: MecError): void {
    // Commits that wait for a store that was given up fail, too. That tells nothing new.
    if (this.#opened?.engine !== engine) return;
    this.#reopen(error, this.#opened.abandon());
  }

  #reopen(error: MecError, abandoned: Promise<void>): void {
    this.#failure = error;
    this.#opened = undefined;
    this.#options.env.log.error('store failed: its memory is forgotten, and it is opened again', {
      reason: messageOf(error),
    });
    this.#reopenAfter(abandoned);
  }

  #reopenAfter(abandoned: Promise<void>): void {
    const retry = (): void => {
      if (this.#isClosed) return;
      this.#reopening = this.#options.env.clock.after(STORE_REOPEN_MS, () => {
        this.#transition = this.#open();
        this.#transition.then(() => this.#options.env.log.info('store works again'), retry);
      });
    };
    this.#transition = abandoned;
    abandoned.then(retry, retry);
  }
}
