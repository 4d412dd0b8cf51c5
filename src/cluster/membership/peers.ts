/**
 * The other nodes, as this one talks to them: two connections each, whether they answer, and how
 * fast.
 */
import type { Address, Env } from '../../base/env.ts';
import { MAX_HEDGE_MS, MIN_HEDGE_MS, SUSPECT_AFTER_MS, UNREACHABLE_AFTER_MS } from '../limits.ts';
import { Detector, type Reach } from '../../core/placement/detector.ts';
import { Latency } from '../../core/quorum/latency.ts';
import type { MemberRecord } from '../../core/placement/member-list.ts';
import type { PingReply } from '../../transport/message.ts';
import type { FindFloor } from '../../transport/field.ts';
import { dataVersion, probeVersion, type ProtocolRange } from '../../transport/protocol.ts';
import { RpcClient } from '../../transport/rpc.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Members } from './members.ts';

/** One other node. */
export interface Peer extends Address {
  /** Its name. */
  readonly id: string;
  /** The membership port: probes never queue behind bulk data. */
  readonly probes: RpcClient;
  /** The data port. */
  readonly data: RpcClient;
  readonly latency: Latency;
  /** The peer's process, and its clock when it last answered, with ours at that time. */
  remote: { readonly process: string; readonly nowMs: number; readonly heardMs: number } | undefined;
  /** The life in which the peer last answered a probe or a store. */
  life: string | undefined;
  /**
   * What the peer's wall clock showed when this node's monotonic clock showed `atMs`, and whether
   * they differed.
   */
  wall: { readonly micros: number; readonly atMs: number; readonly isOff: boolean } | undefined;
  /** Why this peer is not one of us, where that is so. */
  refusal: string | undefined;
}

/** The parts of a node that its connections need. */
export interface PeersOptions {
  readonly floors: Floors;
  /** The versions of the protocol that this node speaks. */
  readonly protocol: ProtocolRange;
}

/** All other nodes, by name: the members, and those that are gone as long as they answer. */
export class Peers {
  readonly byId = new Map<string, Peer>();
  readonly #env: Env;
  readonly #clock: Env['clock'];
  readonly #members: Members;
  readonly #floors: Floors;
  readonly #protocol: ProtocolRange;
  readonly #detector = new Detector({ suspectAfterMs: SUSPECT_AFTER_MS, unreachableAfterMs: UNREACHABLE_AFTER_MS });
  readonly #reads = new Latency();
  #isClosed = false;

  constructor(env: Env, members: Members, { floors, protocol }: PeersOptions) {
    this.#floors = floors;
    this.#protocol = protocol;
    this.#env = env;
    this.#clock = env.clock;
    this.#members = members;
    for (const record of members.all()) this.#follow(record);
    members.onChange((record) => this.#follow(record));
  }

  /** A member has come, or has changed its address. */
  #follow(record: MemberRecord): void {
    if (this.byId.has(record.name) || record.state !== 'gone') this.#meet(record);
  }

  /** A member says which versions of the protocol it speaks. */
  speak(name: string, range: ProtocolRange): void {
    const peer = this.byId.get(name);
    peer?.data.speak(dataVersion(this.#protocol, range));
    peer?.probes.speak(probeVersion(this.#protocol, range));
  }

  /**
   * A member speaks: also one that is gone is listened to, as long as it has something that the
   * others lack.
   */
  speaks(name: string): void {
    const record = this.#members.get(name);
    if (record !== undefined && !this.byId.has(name)) this.#meet(record);
  }

  #meet({ name, host, port }: MemberRecord): void {
    const known = this.byId.get(name);
    if (this.#isClosed || name === this.#members.self) return;
    if (known?.host === host && known.port === port) return;
    if (known !== undefined) this.#part(known);
    const protocol = this.#protocol;
    const findFloor: FindFloor = (floor) => this.#floors.find(floor);
    const data = new RpcClient(this.#env, { host, port: port + 1 }, { findFloor, protocol });
    const probes = new RpcClient(this.#env, { host, port }, { protocol });
    const peer: Peer = {
      id: name,
      host,
      port,
      probes,
      data,
      latency: new Latency(),
      remote: undefined,
      life: undefined,
      wall: undefined,
      refusal: undefined,
    };
    this.byId.set(name, peer);
  }

  #part({ id, probes, data }: Peer): void {
    this.byId.delete(id);
    this.#detector.forget(id);
    void probes.close();
    void data.close();
  }

  /** Lets go of members that are gone, once they do not answer any more. */
  prune(): void {
    for (const peer of this.byId.values()) {
      if (this.#members.get(peer.id)?.state === 'gone' && this.reach(peer.id) === 'unreachable') this.#part(peer);
    }
  }

  /** Whether a peer answers; one that does not belong here counts as unreachable. */
  reach(id: string): Reach {
    if (this.byId.get(id)?.refusal !== undefined) return 'unreachable';
    return this.#detector.reach(id, this.#clock.monotonicMs());
  }

  /** The peer is being probed. */
  asked(peer: Peer): void {
    this.#detector.asked(peer.id, this.#clock.monotonicMs());
  }

  /** The peer has answered a probe. */
  heard(peer: Peer, { process, nowMs }: Pick<PingReply, 'process' | 'nowMs'>): void {
    if (this.byId.get(peer.id) !== peer) return;
    const heardMs = this.#clock.monotonicMs();
    this.#detector.heard(peer.id, heardMs);
    const isAnother = peer.remote !== undefined && peer.remote.process !== process;
    peer.remote = { process, nowMs, heardMs };
    // A process is a life.
    peer.life = process;
    if (isAnother) peer.data.resend();
  }

  /** For how long the peer has owed an answer to a probe, in ms; 0 where it owes none. */
  owesMs(id: string): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - (this.#detector.owesSinceMs(id) ?? nowMs);
  }

  /** This node itself did not run for so long. */
  forgive(pauseMs: number): void {
    this.#detector.forgive(pauseMs);
  }

  /** How long the peer has been silent, in ms. */
  silenceMs(id: string): number | undefined {
    return this.#detector.silenceMs(id, this.#clock.monotonicMs());
  }

  /** A peer has answered a read. */
  answered(peer: Peer, latencyMs: number): void {
    peer.latency.add(latencyMs);
    this.#reads.add(latencyMs);
  }

  /** How long to wait for an answer before another replica is asked as well, in ms. */
  get hedgeMs(): number {
    return Math.min(MAX_HEDGE_MS, Math.max(MIN_HEDGE_MS, 2 * this.#reads.p95Ms));
  }

  /** All that can be reached, whoever they are. */
  allReachable(): Peer[] {
    return this.reachable([...this.byId.keys()], 0);
  }

  /**
   * Those of the members that can be reached, in their order, but those that have become slow last.
   * Where they are fewer than `wanted`, the suspects come after them: better to try than to refuse.
   */
  reachable(ids: readonly string[], wanted: number): Peer[] {
    const peers: Peer[] = [];
    const suspects: Peer[] = [];
    const nowMs = this.#clock.monotonicMs();
    for (const id of ids) {
      const peer = this.byId.get(id);
      if (peer === undefined || peer.refusal !== undefined) continue;
      const reach = this.#detector.reach(id, nowMs);
      if (reach === 'reachable') peers.push(peer);
      else if (reach === 'suspect') suspects.push(peer);
    }
    const slowMs = this.hedgeMs;
    if (peers.some(({ latency }) => latency.meanMs > slowMs)) {
      peers.sort((a, b) => Number(a.latency.meanMs > slowMs) - Number(b.latency.meanMs > slowMs));
    }
    return peers.length < wanted ? [...peers, ...suspects] : peers;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { probes, data } of this.byId.values()) {
      await probes.close();
      await data.close();
    }
  }
}
