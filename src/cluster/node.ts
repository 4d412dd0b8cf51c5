/**
 * A node: configuration, world and disk in; a running member of the cluster out. This is where the
 * parts meet, and the only thing that doors and simulator know of the cluster.
 */
import type { Env, Timer } from '../base/env.ts';
import { HasLeftError, MecError } from '../base/errors.ts';
import { PARTITIONS } from '../core/limits.ts';
import { RESIDUE_SWEEP_MS, STOP_FLUSH_MS, STOP_GRACE_MS, SYNC_LIMITS, type SyncLimits } from './limits.ts';
import { drawShortName } from '../core/causality/actor.ts';
import type { MemberState } from '../core/placement/member-list.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import { partitionOf } from '../core/placement/partition.ts';
import type { OpenEngine } from '../storage/engine.ts';
import { Store } from '../storage/store.ts';
import { PROTOCOL, type ProtocolRange } from '../transport/protocol.ts';
import { RpcServer } from '../transport/rpc.ts';
import type { Config } from './config.ts';
import { assemble, type Assembly } from './assembly.ts';
import { locate, type KeyLocation } from './coordinator/explain.ts';
import { get, type GetResult } from './coordinator/get.ts';
import type { ListPage } from './coordinator/list.ts';
import { put, putHere } from './coordinator/put.ts';
import { dispatcher } from './dispatch.ts';
import type { KeyStore, NodeGetOptions, NodeListOptions, WriteOptions } from './key-store.ts';
import type { PutResult } from './holders/write-request.ts';
import { Membership } from './membership/membership.ts';
import { Members } from './membership/members.ts';
import type { Policy } from './policies.ts';
import type { LinkStatus, NodeStatus, SocketStatus } from './status.ts';

/** What a node is made of. */
export interface NodeOptions {
  readonly config: Config;
  readonly env: Env;
  readonly openEngine: OpenEngine;
  /** The versions of the protocol that the node speaks, if not those of this release. */
  readonly protocol?: ProtocolRange | undefined;
  /** Other bounds than those of production, for a simulation. */
  readonly limits?: SyncLimits | undefined;
  /**
   * The node has nothing left to do here and is to be stopped: it has left the cluster, or (with an
   * error) cannot be part of it.
   */
  readonly onEnd?: ((reason: Error | undefined) => void) | undefined;
  /**
   * The node belongs to no cluster yet and begins one, with the nodes that it has found or without
   * any.
   */
  readonly onBegin?: (() => void) | undefined;
}

/** What a replica says of itself. */
export interface Inspected {
  /** The dots that it has seen, durably; not to be changed. */
  readonly clock: CausalContext;
  /** Those of them that no replica has any more; not to be changed. */
  readonly lost: CausalContext;
  /** A hash of both. */
  readonly hash: number;
}

/** A running node. */
export class MecNode implements KeyStore {
  readonly config: Config;
  readonly #parts: Assembly;
  readonly #membership: Membership;
  readonly #servers: RpcServer[] = [];
  readonly #startedMs: number;
  #sweep: Timer | undefined;

  private constructor({ config, onEnd, onBegin }: NodeOptions, parts: Assembly) {
    const { env, protocol, life, members, peers, store, time, sync } = parts;
    this.config = config;
    this.#parts = parts;
    this.#membership = new Membership({
      env,
      config,
      protocol,
      life,
      members,
      peers,
      store,
      time,
      onReachable: (peer) => sync.peerIsBack(peer),
      onEnd: onEnd ?? (() => {}),
      onBegin: onBegin ?? (() => {}),
    });
    this.#startedMs = env.clock.monotonicMs();
  }

  /**
   * Opens the store, binds both ports and starts to talk to the peers; rejects with `StartError`.
   */
  static async start(options: NodeOptions): Promise<MecNode> {
    const { config, env, openEngine, limits = SYNC_LIMITS, protocol = PROTOCOL } = options;
    const life = drawShortName(env.random);
    const store = await Store.open({
      env,
      life,
      openEngine,
      nodeName: config.name,
      sync: config.storage.sync,
      maxLogEntries: limits.maxLogEntries,
    });
    const members = new Members(config, store.keptMembers(), life);
    // One that was ended before the others had all that it held goes on until they have.
    if (members.own.state === 'gone' && store.held === 0) {
      await store.close();
      throw new HasLeftError(config.name);
    }
    const node = new MecNode(options, assemble({ env, config, protocol, life, members, store, limits }));
    try {
      await node.#listen();
    } catch (error) {
      await node.stop();
      throw error;
    }
    const { sync, scrub } = node.#parts;
    node.#membership.start();
    sync.start();
    scrub.start();
    node.#sweepLater();
    return node;
  }

  async #listen(): Promise<void> {
    const { env, protocol, sync, scrub, holders, forwardedWrites, writes, floors } = this.#parts;
    const { host, port } = this.config;
    const handler = dispatcher({
      env,
      membership: this.#membership,
      sync,
      scrub,
      own: holders.own,
      forwardedWrites,
      putHere: (request) => putHere(writes, request),
    });
    const options = { handler, protocol, findFloor: floors.find.bind(floors) };
    this.#servers.push(await RpcServer.bind(env, { host, port }, options));
    this.#servers.push(await RpcServer.bind(env, { host, port: port + 1 }, options));
  }

  #sweepLater(): void {
    const { env, store, expiry } = this.#parts;
    this.#sweep = env.clock.after(RESIDUE_SWEEP_MS, () => {
      Promise.all([store.sweep(), store.verify(), expiry.sweep()])
        .catch((error: unknown) => env.log.warn('store not looked through', { reason: String(error) }))
        .finally(() => {
          if (this.#sweep !== undefined) this.#sweepLater();
        });
    });
  }

  /** Reads a key at R of its owners; rejects with a `MecError`. */
  async get(key: string, { r, pr, timeoutMs, seen, gone, caller }: NodeGetOptions = {}): Promise<GetResult> {
    const { quorum } = this.config;
    const request = {
      key,
      r: r ?? this.policyOf(key)?.r ?? quorum.r,
      pr,
      timeoutMs: timeoutMs ?? quorum.timeoutMs,
      seen,
      gone,
      caller,
    };
    const result = await get(this.#parts.reads, request);
    this.#parts.expiry.trim(key, result);
    return result;
  }

  /**
   * Writes packed content, or without a body deletes, at W of the key's owners; rejects with a
   * `MecError`.
   */
  put(key: string, body: Uint8Array | undefined, options: WriteOptions = {}): Promise<PutResult> {
    const { quorum } = this.config;
    const policy = this.policyOf(key);
    const { token, condition, pr, pw, caller } = options;
    const r = options.r ?? policy?.r ?? quorum.r;
    const w = options.w ?? policy?.w ?? quorum.w;
    const timeoutMs = options.timeoutMs ?? quorum.timeoutMs;
    return put(this.#parts.writes, { key, token, body, r, w, pr, pw, timeoutMs, condition, caller });
  }

  /**
   * The next page of the keys that have a value, in order; rejects where it could not be complete.
   */
  list({ prefix = '', after, limit, r, timeoutMs, caller }: NodeListOptions): Promise<ListPage> {
    const { quorum } = this.config;
    const quorums = { r: r ?? quorum.r, timeoutMs: timeoutMs ?? quorum.timeoutMs };
    return this.#parts.listings.list({ prefix, after, limit, ...quorums, caller });
  }

  /** What the configuration says of the keys like this one. */
  policyOf(key: string): Policy | undefined {
    return this.#parts.policies.of(key);
  }

  /**
   * What time it is for the readers and writers of a key, µs since 1970: by a majority of its
   * owners' clocks.
   */
  nowMicros(key: string): number {
    const { members, time } = this.#parts;
    return time.nowMicros(members.owners(partitionOf(key)));
  }

  /**
   * Why the node is not to be sent requests now: its disk has failed, it is joining or leaving, or
   * it has not caught up yet; undefined where it is.
   */
  whyNotReady(): MecError | undefined {
    const { members, store, sync } = this.#parts;
    if (!store.isOpen) return new MecError('disk-failed', { retryAfter: 1 });
    const { state } = members.own;
    if (state !== 'up') return new MecError('not-ready', { detail: `The node is ${state}`, retryAfter: 1 });
    const { incomplete } = sync;
    if (incomplete === 0) return undefined;
    const detail = `${incomplete} partitions have not caught up with the other nodes yet`;
    return new MecError('not-ready', { detail, retryAfter: 1 });
  }

  /** Whether this node is an owner of a key. */
  owns(key: string): boolean {
    return this.#parts.holders.placeOf(key).isOwner;
  }

  /** The preference list of a key: all members by id, its owners first, then its fallbacks. */
  preference(key: string): readonly string[] {
    const { partition, owners } = this.#parts.holders.placeOf(key);
    return [...owners, ...this.#parts.members.fallbacks(partition)];
  }

  /**
   * The hash of the clock of every partition that this node owns: equal among owners that have seen
   * the same.
   */
  digests(): ReadonlyMap<number, number> {
    const { members, store } = this.#parts;
    const digests = new Map<number, number>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const hash = store.find(partition)?.clockHash;
      if (hash !== undefined && members.owns(partition)) digests.set(partition, hash);
    }
    return digests;
  }

  /** What this node's own replica knows of a key; for inspection, not for answers. */
  peek(key: string): GetResult['object'] {
    return this.#parts.store.of(partitionOf(key)).read(key);
  }

  /**
   * What this node's own replica of a partition says of itself, for inspection; undefined while the
   * store does not work.
   */
  inspect(partition: number): Inspected | undefined {
    const replica = this.#parts.store.find(partition);
    return replica && { clock: replica.durableClock, lost: replica.lost, hash: replica.clockHash };
  }

  /** Asks all who hold a key, or would in another's place, what they have of it. */
  locate(key: string): Promise<KeyLocation> {
    return locate(this.#parts, key);
  }

  /** How many owners each key has, as this node knows the members. */
  get replicas(): number {
    return this.#parts.members.replicas;
  }

  /** Where this node stands in the cluster. */
  get state(): MemberState {
    return this.#parts.members.own.state;
  }

  /**
   * Begins to leave the cluster: the others take over, then `onEnd` is called. Throws where there
   * are no others.
   */
  leave(): void {
    this.#membership.leave();
  }

  /**
   * Declares a member dead that will never return; throws `bad-parameter` where it is unknown or
   * alive.
   */
  remove(name: string): void {
    this.#membership.remove(name);
  }

  /** What the node looks like now. */
  status(): NodeStatus {
    const { env, members, peers, store, time, sync, scrub } = this.#parts;
    const others = [...peers.byId.values()].map((peer) => ({
      node: peer.id,
      reach: peers.reach(peer.id),
      refusal: peer.refusal,
      silentMs: roundMs(peers.silenceMs(peer.id)),
      clockSkewMs: roundMs(time.skewMs(peer)),
      latencyMs: Math.round(peer.latency.meanMs * 1000) / 1000,
      data: peer.data.status() as LinkStatus,
      probes: peer.probes.status() as LinkStatus,
    }));
    const [membership, data] = this.#servers.map((server) => server.status()) as [SocketStatus, SocketStatus];
    const { state, zone } = members.own;
    return {
      name: this.config.name,
      zone,
      state,
      isReady: this.whyNotReady() === undefined,
      uptimeMs: roundMs(env.clock.monotonicMs() - this.#startedMs),
      quorum: { ...this.config.quorum, replicas: members.replicas },
      partitions: { all: PARTITIONS, ...members.shareOf(members.self) },
      handoff: { ...this.#membership.progress(), ...sync.intake() },
      members: members.all().map((record) => ({ ...record, ...members.shareOf(record.name) })),
      peers: others,
      store: store.status(),
      sync: sync.status(),
      scrub: scrub.status(),
      incoming: { membership, data },
    };
  }

  /** Writes that other nodes have forwarded get their answers, within the time of grace. */
  #finishWork(): Promise<void> {
    return new Promise((resolve) => {
      const grace = this.#parts.env.clock.after(STOP_GRACE_MS, resolve);
      void this.#parts.forwardedWrites.end().then(() => {
        grace.cancel();
        // The last answers leave at the end of this turn.
        this.#parts.env.clock.after(STOP_FLUSH_MS, resolve);
      });
    });
  }

  /** Stops cleanly: what was acknowledged is on disk, and answers that are under way are given. */
  async stop(): Promise<void> {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    await this.#membership.stop();
    this.#parts.sync.stop();
    this.#parts.scrub.stop();
    await this.#finishWork();
    for (const server of this.#servers) await server.close();
    await this.#parts.peers.close();
    await this.#parts.store.close();
  }
}

function roundMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms);
}
