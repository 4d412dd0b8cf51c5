/** A store from one opening to the next: its engine, its commit queue and its replicas. */
import { assert } from '../base/assert.ts';
import type { Env } from '../base/env.ts';
import type { MecError } from '../base/errors.ts';
import type { Recorder } from '../base/recorder.ts';
import type { OwnActors } from '../core/causality/actor.ts';
import type { ReplicaNames } from '../core/causality/replica-name.ts';
import type { AtRest } from './at-rest/at-rest.ts';
import { Resealing } from './at-rest/resealing.ts';
import type { SealedEngine } from './at-rest/sealed-engine.ts';
import { CommitQueue } from './commit-queue.ts';
import type { Engine } from './engine.ts';
import { KeptLedger } from './kept-ledger.ts';
import { KeptMembers } from './kept-members.ts';
import { ObjectCache } from './object-cache.ts';
import { emptyState } from './records.ts';
import { Replica } from './replica/replica.ts';
import { StoreSize } from './store-size.ts';
import { headerChange, headerOfPart, keepHeader, type StoreHeader } from './store-header.ts';
import type { OnVersions, StoreParts } from './store-parts.ts';
import type { TenantBytes } from './tenant-bytes.ts';
import { loadRepaired } from './wounded-replicas.ts';

/** How to load a store from its engine. */
export interface LoadOptions {
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly nodeName: string;
  readonly life: string;
  /** Whether a commit must be on the platter before it counts. */
  readonly sync: boolean;
  readonly maxLogEntries: number;
  readonly recorder?: Recorder | undefined;
  readonly onVersions?: OnVersions | undefined;
  readonly tenants: TenantBytes;
  readonly actors: OwnActors;
  readonly names: ReplicaNames;
  /** Partitions whose replicas may have lost rows. They begin again, and leave the set. */
  readonly woundedPartitions: Set<number>;
  /** The header as it was found; undefined if there was none. */
  readonly header: StoreHeader | undefined;
  /** The engine below, and the keys, if the store is encrypted. */
  readonly sealed: SealedStore | undefined;
  /** Called when a commit has failed. */
  readonly onFailure: (error: MecError) => void;
}

/** An encrypted store. */
export interface SealedStore {
  readonly engine: SealedEngine;
  readonly atRest: AtRest;
}

/** The store while one engine is open. */
export class OpenStore {
  readonly engine: Engine;
  readonly queue: CommitQueue;
  readonly cache: ObjectCache;
  readonly members: KeptMembers;
  readonly ledger: KeptLedger;
  readonly size: StoreSize;
  /** Undefined if the store is not encrypted. */
  readonly resealing: Resealing | undefined;
  readonly #parts: StoreParts;
  readonly #replicas: Replica[];
  #isEnded = false;

  private constructor(
    parts: StoreParts,
    { replicas, resealing }: { replicas: Replica[]; resealing: Resealing | undefined },
  ) {
    const { engine, queue, cache, log } = parts;
    this.#parts = parts;
    this.#replicas = replicas;
    this.resealing = resealing;
    this.engine = engine;
    this.queue = queue;
    this.cache = cache;
    this.members = new KeptMembers(engine, queue, log);
    this.ledger = new KeptLedger(engine, queue);
    this.size = new StoreSize({ engine, queue, replicas });
  }

  /** Reads the replicas of a store, and mends those that have lost rows. */
  static async load(engine: Engine, options: LoadOptions): Promise<OpenStore> {
    const { env, nodeName, life, sync, woundedPartitions, onFailure, recorder } = options;
    const { clock, log } = env;
    const { states, aside, unreadable } = await loadRepaired(engine, woundedPartitions);
    woundedPartitions.clear();
    if (engine.salvage !== undefined || aside > 0 || unreadable.length > 0) {
      log.error('store mended: readable versions are set aside, and other members are asked', {
        report: engine.salvage?.report,
        aside,
        unreadable: unreadable.length,
        partitions: states.filter(({ wound }) => wound !== 'none').length,
      });
    }
    const { sealed } = options;
    await sealed?.atRest.keep();
    const keys = sealed?.atRest.keys;
    const header = await keepHeader(engine, options.header, { nodeName, keys, life, log });
    const queue = new CommitQueue(engine, { clock, sync, onFailure, recorder });
    const { actors, names, maxLogEntries, onVersions, tenants } = options;
    const shared = { clock, engine, queue, cache: new ObjectCache() };
    const parts: StoreParts = {
      ...shared,
      onVersions,
      tenants,
      nodeName,
      actors,
      names,
      log,
      recorder,
      maxLogEntries,
    };
    const replicas = states.map((state, partition) => new Replica(partition, parts, state));
    const resealing = sealed && resealingOf({ ...sealed, queue, header });
    return new OpenStore(parts, { replicas, resealing });
  }

  get replicas(): readonly Replica[] {
    return this.#replicas;
  }

  /**
   * Drops a replica that this node does not need any more, and its actor. Resolves with false, and
   * drops nothing, if the replica was changed in the meantime.
   */
  async drop(replica: Replica): Promise<boolean> {
    const { partition, commits } = replica;
    const { count } = commits;
    await commits.whenDurable();
    const rows = await replica.rows.all();
    if (this.#isEnded || this.#replicas[partition] !== replica || commits.count !== count)
      return false;
    // In one turn the replica leaves memory and its removal is submitted. A later write goes to the
    // successor, under another actor.
    commits.retire();
    this.cache.clear();
    this.#replicas[partition] = new Replica(partition, this.#parts, emptyState());
    await this.queue.commit(rows.map((key) => ({ key, value: undefined })));
    return true;
  }

  /** Closes the engine. */
  close(): Promise<void> {
    this.#isEnded = true;
    return this.engine.close();
  }

  /** Gives the engine up as a crash would. */
  abandon(): Promise<void> {
    this.#isEnded = true;
    return this.engine.abandon();
  }

  /** Gives the engine up. The next opening examines the whole store. */
  suspect(): Promise<void> {
    this.#isEnded = true;
    return this.engine.suspect();
  }
}

/** The rewriting of an encrypted store, from where its header says on. */
function resealingOf({
  engine,
  atRest,
  queue,
  header,
}: SealedStore & { readonly queue: CommitQueue; readonly header: StoreHeader }): Resealing {
  const { keys } = header;
  assert(keys !== undefined, 'the header of an encrypted store has its keys');
  return new Resealing({
    engine,
    queue,
    part: { generation: keys.generation, until: keys.until },
    keep: (part) => queue.commit([headerChange(headerOfPart(header, part))]),
    onComplete: (generation) => atRest.dropBefore(generation),
  });
}
