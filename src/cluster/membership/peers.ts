/** Peers: the other nodes, with two connections to each, whether they answer, and how fast. */
import type { Address, Env } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import {
  MAX_HEDGE_MS,
  MIN_HEDGE_MS,
  STRANGER_PROBE_MS,
  SUSPECT_AFTER_MS,
  UNREACHABLE_AFTER_MS,
} from '../limits.ts';
import { Detector, type Reach } from '../../core/placement/detector.ts';
import { LateLatency, MeanLatency } from '../../core/quorum/latency.ts';
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
  /** The connection to the membership port, so that a probe never waits behind data. */
  readonly probes: RpcClient;
  /** The connection to the data port. */
  readonly data: RpcClient;
  readonly latency: MeanLatency;
  /** The peer's process and its clock in its last answer, with the clock here at that time. */
  remote:
    { readonly process: string; readonly nowMs: number; readonly heardMs: number } | undefined;
  /** The life in which the peer last answered a probe or a store. */
  life: string | undefined;
  /**
   * The wall clock of the peer at `atMs` of the monotonic clock here, and whether it differed from
   * the wall clock here by too much.
   */
  wall: { readonly micros: number; readonly atMs: number; readonly isOff: boolean } | undefined;
  /** The reason why this peer does not belong to the cluster; undefined if it does. */
  refusal: string | undefined;
  /** Whether another node than this member answers at its address. It is probed rarely. */
  isStranger: boolean;
  /** The time of the last probe, on the monotonic clock. */
  probedMs: number;
}

/** The parts of a node that its connections need. */
export interface PeersOptions {
  readonly floors: Floors;
  /** The versions of the protocol that this node speaks. */
  readonly protocol: ProtocolRange;
}

/** All other nodes, by name: the members, and nodes that are gone as long as they answer. */
export class Peers {
  readonly byId = new Map<string, Peer>();
  readonly #env: Env;
  readonly #clock: Env['clock'];
  readonly #members: Members;
  readonly #floors: Floors;
  readonly #protocol: ProtocolRange;
  readonly #detector = new Detector({
    suspectAfterMs: SUSPECT_AFTER_MS,
    unreachableAfterMs: UNREACHABLE_AFTER_MS,
  });
  readonly #reads = new LateLatency();
  #isClosed = false;
  #pausedMs = 0;

  constructor(env: Env, members: Members, { floors, protocol }: PeersOptions) {
    this.#floors = floors;
    this.#protocol = protocol;
    this.#env = env;
    this.#clock = env.clock;
    this.#members = members;
    for (const record of members.all()) this.#follow(record);
    members.onChange((record) => this.#follow(record));
  }

  /** Connects to a new member, or to the new address of a known one. */
  #follow(record: MemberRecord): void {
    if (this.byId.has(record.name) || record.state !== 'gone') this.#connect(record);
  }

  /** Notes the versions of the protocol that a member speaks, and the tag of frames to it. */
  noteHello(name: string, range: ProtocolRange, tag: number): void {
    const peer = this.byId.get(name);
    peer?.data.setTag(tag);
    peer?.data.setProtocolVersion(dataVersion(this.#protocol, range));
    peer?.probes.setProtocolVersion(probeVersion(this.#protocol, range));
  }

  /**
   * Connects to a member that has sent a probe. A node that is gone is also heard, as long as it
   * may have data that the others lack.
   */
  connectToSender(name: string): void {
    const record = this.#members.get(name);
    if (record !== undefined && !this.byId.has(name)) this.#connect(record);
  }

  #connect({ name, host, port }: MemberRecord): void {
    const known = this.byId.get(name);
    if (this.#isClosed || name === this.#members.self) return;
    if (known?.host === host && known.port === port) return;
    if (known !== undefined) this.#disconnect(known);
    try {
      const peer: Peer = {
        id: name,
        host,
        port,
        ...this.#connectTo({ host, port }),
        latency: new MeanLatency(),
        remote: undefined,
        life: undefined,
        wall: undefined,
        refusal: undefined,
        isStranger: false,
        probedMs: -Infinity,
      };
      this.byId.set(name, peer);
    } catch (error) {
      // The network may have no socket left, or not take the address. The node goes on without this
      // peer, which is unreachable until its next record or probe.
      const fields = { node: name, host, port, reason: messageOf(error) };
      this.#env.log.error('no connection to a member', fields);
    }
  }

  #connectTo({ host, port }: Address): Pick<Peer, 'probes' | 'data'> {
    const protocol = this.#protocol;
    const findFloor: FindFloor = (floor) => this.#floors.find(floor);
    const probes = new RpcClient(this.#env, { host, port }, { protocol });
    try {
      const options = { findFloor, protocol };
      return { probes, data: new RpcClient(this.#env, { host, port: port + 1 }, options) };
    } catch (error) {
      void probes.close();
      throw error;
    }
  }

  #disconnect({ id, probes, data }: Peer): void {
    this.byId.delete(id);
    this.#detector.forget(id);
    void probes.close();
    void data.close();
  }

  /** Closes the connections to members that are gone and do not answer any more. */
  prune(): void {
    for (const peer of this.byId.values()) {
      if (this.#members.get(peer.id)?.state === 'gone' && this.reach(peer.id) === 'unreachable')
        this.#disconnect(peer);
    }
  }

  /** Whether a peer answers. A peer that does not belong here counts as unreachable. */
  reach(id: string): Reach {
    if (this.byId.get(id)?.refusal !== undefined) return 'unreachable';
    return this.#detector.reach(id, this.#clock.monotonicMs());
  }

  /** Whether a peer may be probed: a stranger at the address of a member is probed rarely. */
  isProbeDue({ isStranger, probedMs }: Peer): boolean {
    return !isStranger || this.#clock.monotonicMs() - probedMs >= STRANGER_PROBE_MS;
  }

  /** Notes that a probe was sent to the peer. */
  noteProbe(peer: Peer): void {
    peer.probedMs = this.#clock.monotonicMs();
    this.#detector.noteProbe(peer.id, peer.probedMs);
  }

  /** Notes the answer of a peer to a probe. */
  noteAnswer(peer: Peer, { process, nowMs }: Pick<PingReply, 'process' | 'nowMs'>): void {
    if (this.byId.get(peer.id) !== peer) return;
    const heardMs = this.#clock.monotonicMs();
    this.#detector.noteAnswer(peer.id, heardMs);
    const isAnother = peer.remote !== undefined && peer.remote.process !== process;
    peer.remote = { process, nowMs, heardMs };
    // A process is a life.
    peer.life = process;
    if (isAnother) peer.data.resend();
  }

  /** The time for which the peer has owed an answer to a probe, in ms; 0 if it owes none. */
  unansweredMs(id: string): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - (this.#detector.unansweredSinceMs(id) ?? nowMs);
  }

  /** The time on the monotonic clock without the pauses in which this node did not run, in ms. */
  get awakeMs(): number {
    return this.#clock.monotonicMs() - this.#pausedMs;
  }

  /** Leaves out a pause in which this node did not run. */
  excusePause(pauseMs: number): void {
    this.#pausedMs += pauseMs;
    this.#detector.excusePause(pauseMs);
  }

  /** The time since the last answer of the peer, in ms. */
  silenceMs(id: string): number | undefined {
    return this.#detector.silenceMs(id, this.#clock.monotonicMs());
  }

  /** Notes the answer of a peer to a read. */
  noteReadLatency(peer: Peer, latencyMs: number): void {
    peer.latency.add(latencyMs);
    this.#reads.add(latencyMs);
  }

  /** The time to wait for an answer before another replica is asked as well, in ms. */
  get hedgeMs(): number {
    return Math.min(MAX_HEDGE_MS, Math.max(MIN_HEDGE_MS, 2 * this.#reads.p95Ms));
  }

  /** All peers that can be reached. */
  allReachable(): Peer[] {
    return this.reachable([...this.byId.keys()], 0);
  }

  /**
   * The peers among these members that can be reached, in the given order, with slow ones last. If
   * they are fewer than `wanted`, suspects follow, because an attempt is better than a refusal.
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
    const isSlow = ({ latency }: Peer): boolean => latency.meanMs > slowMs;
    const ordered = peers.some(isSlow)
      ? [...peers.filter((peer) => !isSlow(peer)), ...peers.filter(isSlow)]
      : peers;
    return ordered.length < wanted ? [...ordered, ...suspects] : ordered;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { probes, data } of this.byId.values()) {
      await probes.close();
      await data.close();
    }
  }
}
