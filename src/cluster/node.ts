/**
 * A node: it takes a configuration, a world and a disk, and runs as a member of the cluster. Here
 * all parts meet. HTTP, embedding programs and the simulator know only this file of the cluster.
 */
import type { Address, Env, Timer } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { Recorder } from '../base/recorder.ts';
import { PARTITIONS } from '../core/limits.ts';
import {
  RESIDUE_SWEEP_MS,
  STOP_FLUSH_MS,
  STOP_GRACE_MS,
  SYNC_LIMITS,
  type SyncLimits,
} from './limits.ts';
import { drawShortName } from '../core/causality/actor.ts';
import type { MemberRecord, MemberState } from '../core/placement/member-list.ts';
import type { LedgerRecord } from '../core/security/ledger-record.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { Store, type StoreOptions } from '../storage/store.ts';
import { PROTOCOL, type ProtocolRange } from '../transport/protocol.ts';
import { RpcServer } from '../transport/rpc.ts';
import type { Config } from './config.ts';
import { assemble, type Assembly } from './assembly.ts';
import { locate, type KeyLocation } from './coordinator/explain.ts';
import { get, type GetResult } from './coordinator/get.ts';
import type { ListPage } from './coordinator/list.ts';
import { put, putHere } from './coordinator/put.ts';
import { dispatcher } from './dispatch.ts';
import { digestsOf, inspect, type Inspected } from './inspection.ts';
import { Sight } from './insight/sight.ts';
import { TopKeys } from './insight/top.ts';
import type { KeyStore, NodeGetOptions, NodeListOptions, WriteOptions } from './key-store.ts';
import type { PutResult } from './holders/write-request.ts';
import { readKeptCluster } from './membership/kept-cluster.ts';
import { type LiveConfig, reloadConfig, type ReloadedConfig } from './live-config.ts';
import type { KeyFiles } from './key-rotation.ts';
import type { NodeKeyring } from './node-keyring.ts';
import { Membership } from './membership/membership.ts';
import { startRefusal } from './membership/start-refusal.ts';
import type { Policy } from './policies.ts';
import { Tokens } from './tokens.ts';
import { peerStatuses, roundMs } from './peer-statuses.ts';
import { Security } from './security.ts';
import type { NodeStatus, SocketStatus, StoreStatus, SyncStatus } from './status.ts';

/** The parts of the world that a node needs. */
export interface NodeOptions extends Pick<StoreOptions, 'openEngine' | 'atRest'> {
  readonly config: Config;
  readonly env: Env;
  /** The versions of the protocol that the node speaks, if not those of this release. */
  readonly protocol?: ProtocolRange | undefined;
  /** Records that the ledger has from the beginning, such as the first administrator. */
  readonly firstRecords?: readonly LedgerRecord[] | undefined;
  /** Whether an operator has taken the security of this node off. */
  readonly isSecurityOff?: boolean | undefined;
  /** Bounds other than those of production, for a simulation. */
  readonly limits?: SyncLimits | undefined;
  /** Called when the node must stop: it has left, or (with an error) cannot be in the cluster. */
  readonly onEnd?: ((reason: Error | undefined) => void) | undefined;
  /** Called when the node begins a cluster with the nodes that it has found, or alone. */
  readonly onBegin?: (() => void) | undefined;
  /** The keys of nodes, as the network asks for them, and the own files; undefined without keys. */
  readonly nodeKeys?: { readonly keyring: NodeKeyring; readonly files: KeyFiles } | undefined;
}

/** A running node. */
export class MecNode implements KeyStore {
  readonly config: Config;
  readonly #parts: Assembly;
  readonly #membership: Membership;
  /** The answers of the node to operators about itself and the cluster. */
  readonly sight: Sight;
  /** The tokens of answers and requests. */
  readonly tokens: Tokens;
  /** The identities of clients; undefined if requests need no credentials. */
  readonly security: Security | undefined;
  readonly #servers: RpcServer[] = [];
  readonly #startedMs: number;
  #sweep: Timer | undefined;

  private constructor({ config, onEnd, onBegin, nodeKeys }: NodeOptions, parts: Assembly) {
    this.config = config;
    this.#parts = parts;
    this.#membership = new Membership({
      ...parts,
      writeTakers: () => parts.sync.writeTakers,
      onReachable: (peer) => parts.sync.onPeerBack(peer),
      onEnd: onEnd ?? (() => {}),
      onBegin: onBegin ?? (() => {}),
    });
    this.sight = new Sight({
      ...parts,
      waitsFor: () => this.#membership.progress().waitsFor,
      whyNotReady: () => this.whyNotReady(),
    });
    this.tokens = new Tokens(parts);
    const { ledgerExchange } = parts;
    this.security = ledgerExchange && new Security({ ...parts, ledgerExchange, nodeKeys });
    this.#startedMs = parts.env.clock.monotonicMs();
  }

  /**
   * Opens the store, binds both ports and starts to talk to the peers; rejects with `StartError`.
   */
  static async start(options: NodeOptions): Promise<MecNode> {
    const { env, openEngine, atRest, limits = SYNC_LIMITS, protocol = PROTOCOL } = options;
    const config: LiveConfig = { ...options.config };
    const life = drawShortName(env.random);
    const recorder = new Recorder();
    const top = new TopKeys(env.clock);
    const store = await Store.open({
      env,
      life,
      openEngine,
      atRest,
      nodeName: config.name,
      sync: config.storage.sync,
      maxLogEntries: limits.maxLogEntries,
      recorder,
      onVersions: (key, versions) => top.noteVersions(key, versions),
    });
    const kept = readKeptCluster(store, config, life);
    kept.ledger.merge(options.firstRecords ?? [], env.clock.wallMicros());
    const { mode } = config.security;
    const refusal = startRefusal(store, kept.members, { mode, isOff: options.isSecurityOff });
    if (refusal !== undefined) {
      await store.close();
      throw refusal;
    }
    const node = new MecNode(
      { ...options, config },
      assemble({ env, config, protocol, life, ...kept, store, limits, recorder, top }),
    );
    options.nodeKeys?.keyring.open(node.#parts);
    // It must not miss what the first messages change.
    node.#parts.sync.start();
    try {
      await node.#listen();
    } catch (error) {
      await node.stop();
      throw error;
    }
    node.#membership.start();
    // A node that begins a cluster alone can serve now.
    await store.whenIdle();
    node.security?.start();
    node.#parts.scrub.start();
    node.#sweepLater();
    return node;
  }

  /** Takes over those changes of the configuration that count at once. */
  reload(next: Config): ReloadedConfig {
    return reloadConfig(this.#parts.config, next);
  }

  async #listen(): Promise<void> {
    const { env, protocol, cluster, holders, writes, floors } = this.#parts;
    const { host, port } = this.config;
    const handler = dispatcher({
      ...this.#parts,
      membership: this.#membership,
      own: holders.own,
      sight: this.sight,
      putHere: (request) => putHere(writes, request),
    });
    const isOwnTag = (tag: number): boolean => cluster.hasTag(tag);
    const options = { handler, protocol, isOwnTag, findFloor: floors.find.bind(floors) };
    this.#servers.push(await RpcServer.bind(env, { host, port }, options));
    this.#servers.push(await RpcServer.bind(env, { host, port: port + 1 }, options));
  }

  #sweepLater(): void {
    const { env, store, expiry, quotas } = this.#parts;
    this.#sweep = env.clock.after(RESIDUE_SWEEP_MS, () => {
      Promise.all([store.sweep(), store.verify(), expiry.sweep(), quotas.round()])
        .catch((error: unknown) =>
          env.log.warn('background work on the store failed', { reason: String(error) }),
        )
        .finally(() => {
          if (this.#sweep !== undefined) this.#sweepLater();
        });
    });
  }

  /** Reads a key at R of its owners; rejects with a `MecError`. */
  async get(
    key: string,
    { r, pr, timeoutMs, seen, gone, caller }: NodeGetOptions = {},
  ): Promise<GetResult> {
    const { quorum } = this.config;
    const notReady = this.tokens.whyNotReady();
    if (notReady !== undefined) throw notReady;
    this.#parts.top.noteRead(key);
    const asked = { key, r: r ?? this.policyOf(key)?.r ?? quorum.r, pr, seen, gone, caller };
    const terms = { ...asked, timeoutMs: timeoutMs ?? quorum.timeoutMs };
    const result = await get(this.#parts.reads, terms);
    this.#parts.expiry.trim(key, result);
    return result;
  }

  /**
   * Writes packed content at W of the owners of the key, or deletes the key if there is no body.
   * Rejects with a `MecError`.
   */
  put(key: string, body: Uint8Array | undefined, options: WriteOptions = {}): Promise<PutResult> {
    const { quorum } = this.config;
    const notReady = this.tokens.whyNotReady();
    if (notReady !== undefined) return Promise.reject(notReady);
    this.#parts.top.noteWrite(key);
    const policy = this.policyOf(key);
    const { token, isUnsigned, condition, pr, pw, caller, replace } = options;
    const r = options.r ?? policy?.r ?? quorum.r;
    const w = options.w ?? policy?.w ?? quorum.w;
    const timeoutMs = options.timeoutMs ?? quorum.timeoutMs;
    const asked = { key, body, token, isUnsigned, condition, pr, pw, caller, replace };
    return put(this.#parts.writes, { ...asked, r, w, timeoutMs });
  }

  /**
   * Reads the next page of the keys that have a value, in order. Rejects if the page cannot be
   * complete.
   */
  list(options: NodeListOptions): Promise<ListPage> {
    const { prefix = '', after, limit, r, timeoutMs, caller, sizes } = options;
    const { quorum } = this.config;
    const quorums = { r: r ?? quorum.r, timeoutMs: timeoutMs ?? quorum.timeoutMs };
    return this.#parts.listings.list({ prefix, after, limit, sizes, ...quorums, caller });
  }

  /** The policy of a key. */
  policyOf(key: string): Policy | undefined {
    return this.#parts.policies.of(key);
  }

  /** The wall time for a key, in µs since 1970, by a majority of its owners' clocks. */
  nowMicros(key: string): number {
    const { members, time } = this.#parts;
    return time.nowMicros(members.owners(partitionOf(key)));
  }

  /**
   * The reason why this node should not get requests now: its disk has failed, it does not know the
   * owners, it is joining or leaving, or it has not caught up yet. Undefined if it should.
   */
  whyNotReady(): MecError | undefined {
    const { members, store, sync } = this.#parts;
    if (!store.isOpen) return new MecError('disk-failed', { retryAfter: 1 });
    const unknown = members.whyNotReady() ?? this.tokens.whyNotReady();
    if (unknown !== undefined) return unknown;
    const { state } = members.own;
    if (state !== 'up')
      return new MecError('not-ready', { detail: `The node is ${state}`, retryAfter: 1 });
    if (sync.incomplete === 0) return undefined;
    const detail = `${sync.incomplete} partitions have not caught up with the other nodes yet`;
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
   * The hashes of the clocks of all partitions that this node owns. They are equal on owners that
   * have seen the same dots.
   */
  digests(): ReadonlyMap<number, number> {
    return digestsOf(this.#parts);
  }

  /** The object of this node's replica for a key. It is for inspection, and may be outdated. */
  peek(key: string): GetResult['object'] {
    return this.#parts.store.of(partitionOf(key)).read(key);
  }

  /**
   * The clock of this node's replica of a partition, for inspection; undefined if the store does
   * not work.
   */
  inspect(partition: number): Inspected | undefined {
    return inspect(this.#parts, partition);
  }

  /** Asks all holders of a key, and its fallbacks, for their versions of it. */
  locate(key: string): Promise<KeyLocation> {
    return locate(this.#parts, key);
  }

  /** The number of owners of each key, by the members that this node knows. */
  get replicas(): number {
    return this.#parts.members.replicas;
  }

  /** The state of this node in the cluster. */
  get state(): MemberState {
    return this.#parts.members.own.state;
  }

  /** The records of all members that this node knows, with those that are gone. */
  get members(): readonly MemberRecord[] {
    return this.#parts.members.all();
  }

  /** The present status of the store. */
  get storeStatus(): StoreStatus {
    return this.#parts.store.status();
  }

  /** The present progress of sync. */
  get syncStatus(): SyncStatus {
    return this.#parts.sync.status();
  }

  /**
   * Begins to leave the cluster: the others take over the data, and then `onEnd` is called. Throws
   * if there are no others.
   */
  leave(): void {
    this.#membership.leave();
  }

  /** Declares that a member will never return. Throws `bad-parameter` if it is unknown or alive. */
  remove(name: string): void {
    this.#membership.remove(name);
  }

  /** Begins to merge the cluster with that of the node at an address. Rejects if it cannot. */
  merge(address: Address): Promise<void> {
    return this.#membership.merge(address);
  }

  /** The present status of the node. */
  status(): NodeStatus {
    const { env, cluster, members, sync, scrub } = this.#parts;
    const [membership, data] = this.#servers.map((server) => server.status()) as [
      SocketStatus,
      SocketStatus,
    ];
    const { state, zone, weight } = members.own;
    return {
      name: this.config.name,
      zone,
      weight,
      configured: members.ignoredFields,
      state,
      cluster: { id: cluster.text, name: this.config.cluster },
      isReady: this.whyNotReady() === undefined,
      security: this.config.security.mode,
      tokens: this.tokens.status(),
      uptimeMs: roundMs(env.clock.monotonicMs() - this.#startedMs),
      quorum: { ...this.config.quorum, replicas: members.replicas },
      partitions: { all: PARTITIONS, ...members.shareOf(members.self) },
      handoff: { ...this.#membership.progress(), ...sync.intake() },
      members: this.members.map((record) => ({ ...record, ...members.shareOf(record.name) })),
      peers: peerStatuses(this.#parts),
      store: this.storeStatus,
      sync: this.syncStatus,
      scrub: scrub.status(),
      incoming: { membership, data },
    };
  }

  /** Answers the writes that other nodes have forwarded, within the grace period. */
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

  /** Stops cleanly: acknowledged writes are on the disk, and running requests get their answers. */
  async stop(): Promise<void> {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    this.sight.stop();
    this.security?.stop();
    await this.#membership.stop();
    this.#parts.sync.stop();
    this.#parts.scrub.stop();
    await this.#finishWork();
    for (const server of this.#servers) await server.close();
    await this.#parts.peers.close();
    await this.#parts.store.close();
  }
}
