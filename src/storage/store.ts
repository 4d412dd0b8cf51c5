/**
 * The store of a node: its engine, and the replicas on it.
 *
 * Opening checks format and name, and rebuilds every clock. If the disk fails under a write, memory may be
 * ahead of the disk. The node then forgets its memory as in a crash, and opens the store again until that
 * succeeds; its replicas begin again, under other actors of the same life.
 */
import { assert } from '../base/assert.ts';
import type { Env, Timer } from '../base/env.ts';
import { MecError, messageOf, StartError } from '../base/errors.ts';
import { PARTITIONS } from '../core/limits.ts';
import {
  COUNT_REPLICAS,
  DISK_BYTES_SWEEPS,
  MAX_MARKS,
  MAX_NAMED_KEYS,
  STORE_REOPEN_MS,
  VERIFY_PAGE_BYTES,
  VERIFY_PAGE_ROWS,
} from './limits.ts';
import { OwnActors } from '../core/causality/actor.ts';
import { ReplicaNames } from '../core/causality/replica-name.ts';
import type { MemberList, MemberRecord } from '../core/placement/member-list.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { CommitQueue } from './commit-queue.ts';
import { DamagedRecord, isDamage } from './damage.ts';
import type { Engine, OpenEngine } from './engine.ts';
import { ObjectCache } from './object-cache.ts';
import * as keyspace from './keyspace.ts';
import { emptyState, openRecord, sealRecord, verifyRecord } from './records.ts';
import { memberOf, refuseTaggedKeys } from './format-1.ts';
import { Replica } from './replica/replica.ts';
import type { StoreParts } from './store-parts.ts';
import { UnreadableKeys } from './unreadable-keys.ts';
import { WatchedEngine } from './watched-engine.ts';
import { loadMended } from './wounds.ts';

/** Format 1 bound actors to a proof of a clean stop; its checkpoints are still read. */
const OLDEST_FORMAT = 1;
const STORE_FORMAT = 2;
const MEMBERS_ROW = keyspace.metaRow('members');
const FIRST_ROW = keyspace.kindRange('c').from;
const LAST_ROW = keyspace.kindRange('u').to;

/** How to open the store of a node. */
export interface StoreOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'log'>;
  readonly nodeName: string;
  /** Of this process: no other start of the node has it. */
  readonly life: string;
  readonly openEngine: OpenEngine;
  /** Whether acknowledged writes must be on the platter (default), or may wait in the operating system. */
  readonly sync: boolean;
  /** Log entries kept per replica. */
  readonly maxLogEntries: number;
}

interface StoreHeader {
  readonly format: number;
  readonly partitions: number;
  readonly name: string;
}

interface Opened extends StoreParts {
  readonly replicas: Replica[];
  /** The hash of the member list that was put on this disk. */
  membersHash: number | undefined;
  diskBytes: number | undefined;
  sweeps: number;
}

/** The store of one node: all its replicas. */
export class Store {
  /** Keys that could be read nowhere. */
  readonly unreadable = new UnreadableKeys();
  readonly #options: StoreOptions;
  readonly #actors: OwnActors;
  readonly #names: ReplicaNames;
  #opened: Opened | undefined;
  #failure: MecError | undefined;
  #reopening: Timer | undefined;
  #isClosed = false;
  /** Where verification goes on, and with how many rows. */
  #verification = { from: FIRST_ROW, limit: 64 };
  /** Partitions whose replicas may have lost rows: they begin again when the store is opened again. */
  readonly #wounds = new Set<number>();
  #hasLooked = false;

  private constructor(options: StoreOptions) {
    this.#options = options;
    this.#actors = new OwnActors(options.nodeName, options.life);
    this.#names = new ReplicaNames(options.env.random);
  }

  /** Opens the store; rejects with `StartError` where it cannot be used. */
  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(options);
    await store.#open();
    return store;
  }

  /** The replica of a partition; throws while the disk has failed. */
  of(partition: number): Replica {
    const replica = this.#openedStore().replicas[partition];
    assert(replica !== undefined, 'every partition has a replica');
    return replica;
  }

  /** Whether the store works. */
  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** Replicas that hold or know of anything; undefined while the disk has failed. */
  get held(): number | undefined {
    return this.#opened?.replicas.filter(({ clock, aside }) => !clock.isEmpty || !aside.isEmpty).length;
  }

  /** The replica of a partition, or undefined while the disk has failed. */
  find(partition: number): Replica | undefined {
    return this.#opened?.replicas[partition];
  }

  /**
   * Forgets a replica that is not needed here any more, actor and all. Resolves with false, and
   * forgets nothing, where it was changed in the meantime.
   */
  async drop(partition: number): Promise<boolean> {
    const opened = this.#openedStore();
    const replica = this.of(partition);
    const { count } = replica.commits;
    await replica.commits.whenDurable();
    const rows = await replica.rows.all();
    if (this.#opened !== opened || opened.replicas[partition] !== replica || replica.commits.count !== count)
      return false;
    // Gone in memory and on its way off the disk in one breath; whatever comes next begins anew, under a new actor.
    replica.commits.retire();
    opened.cache.clear();
    opened.replicas[partition] = new Replica(partition, opened, emptyState());
    await opened.queue.commit(rows.map((key) => ({ key, value: undefined })));
    return true;
  }

  /**
   * What was read is not as it was written. If the row of the record is that of a key, only that
   * key is unknown: its replica marks it, and the others are asked. Otherwise the store is opened
   * again, mended, and the replicas that may have lost rows begin again.
   */
  damaged(error: MecError): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    const row = error instanceof DamagedRecord ? error.row : undefined;
    const replica = row === undefined ? undefined : opened.replicas[keyspace.partitionOfRow(row)];
    if (row === undefined || replica === undefined) return this.#reopen(error, opened.engine.suspect());
    const isKeyKnown = keyspace.isKeyRow(row) && partitionOf(keyspace.keyOfRow(row)) === replica.partition;
    if (isKeyKnown && replica.marks.size < MAX_MARKS) {
      // What was read before it was damaged must not hide it.
      opened.cache.drop(row);
      return void replica.read(keyspace.keyOfRow(row));
    }
    this.#wounds.add(replica.partition);
    this.#reopen(error, opened.engine.abandon());
  }

  /** The member list as it was kept last; nothing where there is none. */
  keptMembers(): MemberRecord[] {
    const record = this.#openedStore().engine.get(MEMBERS_ROW);
    const list = record === undefined ? undefined : openIntact(record, MEMBERS_ROW);
    return ((list ?? []) as MemberRecord[]).map(memberOf);
  }

  /** Keeps the member list, where this store does not hold it already. */
  keepMembers(list: Pick<MemberList, 'all' | 'hash'>, onKept: () => void): void {
    const opened = this.#openedStore();
    if (opened.membersHash === list.hash) return;
    opened.membersHash = list.hash;
    opened.queue.submit([{ key: MEMBERS_ROW, value: sealRecord(list.all(), MEMBERS_ROW) }], (error) => {
      if (error === undefined) onKept();
    });
  }

  /** Resolves when all that was submitted so far is durable, or has failed. */
  async idle(): Promise<void> {
    await this.#opened?.queue.idle();
  }

  /** What the store looks like now, for `/status`. */
  status(): Record<string, unknown> {
    const opened = this.#opened;
    const state = this.#failure === undefined ? 'ok' : this.#failure.code;
    if (opened === undefined) return { state, sync: this.#options.sync };
    let logEntries = 0;
    let residues = 0;
    let aside = 0;
    const marked: string[] = [];
    let wounded = 0;
    let keys: number | undefined = 0;
    for (const replica of opened.replicas) {
      logEntries += replica.log.length;
      residues += replica.residues;
      aside += Number(!replica.aside.isEmpty);
      marked.push(...replica.marks.keys());
      wounded += Number(replica.standing.isWounded);
      keys = keys === undefined || replica.rows.objects === undefined ? undefined : keys + replica.rows.objects;
    }
    return {
      state,
      sync: this.#options.sync,
      life: this.#options.life,
      pending: opened.queue.pending,
      keys,
      diskBytes: opened.diskBytes,
      logEntries,
      residues,
      damage: {
        marks: marked.length,
        marked: marked.slice(0, MAX_NAMED_KEYS),
        wounded,
        aside,
        unreadable: this.unreadable.named,
      },
    };
  }

  /** One round of background work over all replicas. */
  async sweep(): Promise<void> {
    for (const replica of this.#opened?.replicas ?? []) {
      if (this.#opened !== undefined) await replica.sweep.run();
    }
    await this.#takeStock();
  }

  /** Counts the objects of replicas that were not counted yet; after that, at times, their size. */
  async #takeStock(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    const uncounted = opened.replicas.filter(({ rows }) => rows.objects === undefined).slice(0, COUNT_REPLICAS);
    for (const { rows } of uncounted) await rows.count(opened);
    opened.sweeps += 1;
    if (opened.sweeps % DISK_BYTES_SWEEPS === 1) opened.diskBytes = await opened.engine.diskBytes();
  }

  /** Verifies the next page of records, round and round: damage is to be found before it is needed. */
  async verify(): Promise<void> {
    const { engine } = this.#openedStore();
    const { from, limit } = this.#verification;
    const rows = await engine.scan({ from, to: LAST_ROW, limit });
    const next = rows.length < limit ? FIRST_ROW : `${rows[rows.length - 1]?.[0] ?? ''}\0`;
    const bytes = rows.reduce((sum, [, record]) => sum + record.length, 0);
    // Large records make small pages: whoever is served meanwhile must not feel it.
    const fitting = bytes > VERIFY_PAGE_BYTES ? limit >> 1 : 2 * limit;
    this.#verification = { from: next, limit: Math.min(VERIFY_PAGE_ROWS, Math.max(1, fitting)) };
    for (const [row, record] of rows) this.#verifyRow(row, record);
    if (this.#opened?.engine === engine) await engine.verify(VERIFY_PAGE_BYTES);
  }

  #verifyRow(row: string, record: Uint8Array): void {
    try {
      verifyRecord(record, row);
    } catch (error) {
      // The rows of the store itself are written again and again; what one of them says is no loss.
      if (isDamage(error) && !row.startsWith('m')) this.damaged(error);
    }
  }

  /** Closes the store when all that was submitted is durable. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reopening?.cancel();
    const opened = this.#opened;
    if (opened === undefined) return;
    await opened.queue.idle();
    this.#opened = undefined;
    await opened.engine.close();
  }

  #openedStore(): Opened {
    if (this.#opened === undefined) throw this.#failure ?? new MecError('stopping');
    return this.#opened;
  }

  async #open(): Promise<void> {
    const engine = new WatchedEngine(await this.#options.openEngine(), (error) => {
      if (this.#opened?.engine === engine) this.damaged(error);
    });
    try {
      this.#opened = await this.#load(engine);
      this.#failure = undefined;
    } catch (error) {
      const isDamaged = isDamage(error);
      await (isDamaged ? engine.suspect() : engine.abandon());
      if (error instanceof StartError) throw error;
      const why = new StartError(`The store cannot be read: ${messageOf(error)}`, { cause: error });
      if (!isDamaged || this.#hasLooked) throw why;
      // Once: the next open looks through all of it.
      this.#hasLooked = true;
      await this.#open();
      this.#hasLooked = false;
    }
  }

  async #load(engine: Engine): Promise<Opened> {
    const { env, nodeName, sync, maxLogEntries } = this.#options;
    const { clock, log } = env;
    const { states, aside, unreadable } = await loadMended(engine, this.#wounds);
    this.#wounds.clear();
    if (engine.salvage !== undefined || aside > 0 || unreadable.length > 0) {
      log.error('store mended: what could be read is set aside, and the others are asked', {
        report: engine.salvage?.report,
        aside,
        unreadable: unreadable.length,
        partitions: states.filter(({ wound }) => wound !== 'none').length,
      });
    }
    await this.#keepHeader(engine);
    const onFailure = (error: MecError): void => this.#failed(engine, error);
    const queue = new CommitQueue(engine, { clock, sync, onFailure });
    const parts: StoreParts = {
      clock,
      engine,
      queue,
      cache: new ObjectCache(),
      nodeName,
      actors: this.#actors,
      names: this.#names,
      log,
      maxLogEntries,
    };
    const replicas = states.map((state, partition) => new Replica(partition, parts, state));
    return { ...parts, replicas, membersHash: undefined, diskBytes: undefined, sweeps: 0 };
  }

  /** Checks the header, and writes the present one. */
  async #keepHeader(engine: Engine): Promise<void> {
    const { env, nodeName, life } = this.#options;
    const row = keyspace.metaRow('header');
    const record = engine.get(row);
    const kept = record === undefined ? undefined : openIntact(record, row);
    const header = kept === undefined ? undefined : checkHeader(kept as StoreHeader);
    if (header !== undefined && header.name !== nodeName) {
      env.log.warn('the store belonged to a node of another name', { was: header.name, is: nodeName });
    }
    if (header?.format === OLDEST_FORMAT) await refuseTaggedKeys(engine);
    const present = { format: STORE_FORMAT, partitions: PARTITIONS, name: nodeName };
    await engine.commit([{ key: row, value: sealRecord(present, row) }], true);
    env.log.info('store opened', { format: header?.format, life });
  }

  #failed(engine: Engine, error: MecError): void {
    // What is still waiting for a store that was given up already fails too; that is no news.
    if (this.#opened?.engine !== engine) return;
    this.#reopen(error, engine.abandon());
  }

  #reopen(error: MecError, abandoned: Promise<void>): void {
    this.#failure = error;
    this.#opened = undefined;
    this.#options.env.log.error('store failed; its memory is forgotten and it is opened again', {
      reason: messageOf(error),
    });
    this.#reopenAfter(abandoned);
  }

  #reopenAfter(abandoned: Promise<void>): void {
    const retry = (): void => {
      if (this.#isClosed) return;
      this.#reopening = this.#options.env.clock.after(STORE_REOPEN_MS, () => {
        this.#open().then(() => this.#options.env.log.info('store works again'), retry);
      });
    };
    abandoned.then(retry, retry);
  }
}

function checkHeader(header: StoreHeader): StoreHeader {
  if (header.format < OLDEST_FORMAT || header.format > STORE_FORMAT) {
    const known = `formats ${OLDEST_FORMAT} to ${STORE_FORMAT}`;
    throw new StartError(`The store has format ${header.format}; this version reads ${known}`);
  }
  if (header.partitions !== PARTITIONS) {
    throw new StartError(`The store has ${header.partitions} partitions; this cluster has ${PARTITIONS}`);
  }
  return header;
}

/**
 * The value of a record of the store itself; undefined if it is damaged: the others know the
 * members, and the header is written again.
 */
function openIntact(record: Uint8Array, row: string): unknown {
  try {
    return openRecord(record, row);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
