/**
 * Membership: the members of the cluster, which of them answer, and the state of this node among
 * them. Probes and their answers carry all of that (`prober.ts`, `gossip.ts`). Nodes exchange their
 * whole lists at intervals, and when two lists differ, so that a lost message does no harm.
 *
 * Membership only decides where requests are sent. Nodes may disagree about it for a while, and no
 * data is lost.
 */
import { jittered } from '../../base/delays.ts';
import type { Env, LogFields, Timer } from '../../base/env.ts';
import { MecError, messageOf, StartError } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import {
  EXCHANGE_GAP_MS,
  EXCHANGE_INTERVAL_MS,
  HEARTBEAT_MS,
  MAX_WARNINGS,
  REFUSED_MS,
  UNREACHABLE_AFTER_MS,
} from '../limits.ts';
import type { Reach } from '../../core/placement/detector.ts';
import type { Store } from '../../storage/store.ts';
import type {
  Gossip,
  Identity,
  PingReply,
  ProbeForRequest,
  ProbeReply,
  ProbeRequest,
  Reply,
} from '../../transport/message.ts';
import type { Config } from '../config.ts';
import type { ProtocolRange } from '../../transport/protocol.ts';
import type { Members } from './members.ts';
import type { Peer, Peers } from './peers.ts';
import type { WallTime } from '../wall-time.ts';
import { type HandoffProgress, Lifecycle } from './lifecycle.ts';
import { Prober } from './prober.ts';
import { Gossiper } from './gossip.ts';
import { logLeaves } from './leave-log.ts';
import { Seeds } from './seeds.ts';
import type { Wait } from './wait.ts';
import { warnOfIgnoredFields } from './ignored-fields.ts';

/** The parts of a node that membership uses. */
export interface MembershipOptions {
  readonly env: Env;
  readonly config: Config;
  /** The versions of the protocol that this node speaks. */
  readonly protocol: ProtocolRange;
  /** The life of this process. */
  readonly life: string;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly time: WallTime;
  /** The members that must take the writes that this node holds as a fallback. */
  readonly writeTakers: () => readonly string[];
  /** Called when a peer has become reachable. */
  readonly onReachable: (peer: Peer) => void;
  /** Called when this node should stop: it has left, or (with an error) cannot be a member. */
  readonly onEnd: (reason: Error | undefined) => void;
  /** Called when this node begins a cluster. */
  readonly onBegin: () => void;
}

/** The part of this node in the cluster. */
export class Membership {
  readonly process: string;
  readonly #options: MembershipOptions;
  readonly #gossiper: Gossiper;
  readonly #prober: Prober;
  readonly #seeds: Seeds;
  readonly #lifecycle: Lifecycle;
  readonly #identity: Identity;
  readonly #warned = new Set<string>();
  #timer: Timer | undefined;
  #lastBeatMs: number | undefined;
  #exchangedMs: number;
  #refusedSinceMs: number | undefined;
  /** The hash of the next placement by the list on the disk. */
  #keptNext: number;
  #isStopped = false;

  constructor(options: MembershipOptions) {
    const { env, config, protocol, life, members, peers, store, time } = options;
    const { onEnd, onBegin, writeTakers } = options;
    const { name, host, port } = config;
    this.#options = options;
    this.process = life;
    const { n } = config.quorum;
    this.#identity = { name, process: life, host, port, partitions: PARTITIONS, n, ...protocol };
    this.#exchangedMs = env.clock.monotonicMs();
    this.#keptNext = members.nextHash;
    const probe = (gossip: Gossip, wantsAll: boolean): ProbeRequest => {
      return { kind: 'probe', from: this.#identity, wantsAll, ...gossip };
    };
    const gossiper = new Gossiper(members);
    this.#gossiper = gossiper;
    const onProbed = (peer: Peer, reply: ProbeReply): boolean =>
      this.#handleProbeReply(peer, reply);
    const onReach = (peer: Peer, reach: Reach): void => this.#handleReach(peer, reach);
    this.#prober = new Prober({ env, members, peers, gossiper, time, probe, onProbed, onReach });
    this.#seeds = new Seeds({
      env,
      protocol,
      addresses: config.nodes,
      self: config,
      process: this.process,
      members,
      peers,
      probe,
      onProbed: (reply) => void this.#acceptReply(reply),
    });
    const onGone = (): void => onEnd(undefined);
    const isRefused = (): boolean => this.#refusedSinceMs !== undefined;
    const isKept = (nextHash: number): boolean => nextHash === this.#keptNext;
    const seeds = this.#seeds;
    this.#lifecycle = new Lifecycle({
      env,
      members,
      peers,
      store,
      writeTakers,
      seeds,
      isKept,
      isRefused,
      onGone,
      onBegin,
    });
  }

  start(): void {
    const { env, members } = this.#options;
    warnOfIgnoredFields(env.log, members);
    logLeaves(env.log, members);
    this.#onHeartbeat();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#seeds.close();
  }

  /** The progress of this node as it joins or leaves, and the members that it waits for. */
  progress(): HandoffProgress & { readonly waitsFor?: Wait | undefined } {
    return { ...this.#lifecycle.progress(), waitsFor: this.#lifecycle.waitsFor };
  }

  /** Begins to leave. Throws if this node is the last member, or has not found its cluster. */
  leave(): void {
    this.#lifecycle.leave();
  }

  /**
   * Declares that a member is gone and will never return. Throws `bad-parameter` if it is unknown,
   * or if it still answers.
   */
  remove(name: string): void {
    const { members, peers } = this.#options;
    const record = members.get(name);
    if (record === undefined || record.state === 'gone') {
      throw new MecError('bad-parameter', {
        parameter: 'name',
        detail: `There is no member ${JSON.stringify(name)}`,
      });
    }
    if (name === members.self || peers.reach(name) !== 'unreachable') {
      const detail = `${name} answers: let it leave by itself, so that nothing can be lost`;
      throw new MecError('bad-parameter', { parameter: 'name', detail });
    }
    members.remove(name);
  }

  /** The answer to a ping. */
  pong(): PingReply {
    return { kind: 'pong', process: this.process, nowMs: this.#options.env.clock.monotonicMs() };
  }

  /** Answers a probe. */
  serveProbe({ from, wantsAll, ...gossip }: ProbeRequest): ProbeReply {
    const { env, peers } = this.#options;
    const times = { nowMs: env.clock.monotonicMs(), wallMicros: env.clock.wallMicros() };
    const answer = { kind: 'probed', from: this.#identity, ...times } as const;
    const refusal = this.#refusalOf(from) ?? '';
    if (refusal !== '') {
      this.#warnOnce('a node does not belong here', {
        node: from.name,
        host: from.host,
        port: from.port,
        reason: refusal,
      });
      return { ...answer, refusal, hash: 0, isInformed: false, records: [], suspects: [] };
    }
    this.#mergeGossip(from.name, gossip);
    peers.connectToSender(from.name);
    peers.noteProtocol(from.name, from);
    const peer = peers.byId.get(from.name);
    // A node that is back sends probes, so this node probes it at once.
    if (peer !== undefined && peers.reach(peer.id) !== 'reachable' && !this.#isStopped)
      this.#prober.probe(peer);
    return {
      ...answer,
      refusal,
      ...(wantsAll ? this.#gossiper.wholeList() : this.#gossiper.newsFor(from.name)),
    };
  }

  /** Pings a member on behalf of another node. */
  serveProbeFor({ name }: ProbeForRequest, answer: (reply: Reply) => void): void {
    const failed = { kind: 'failed', code: 'timeout', detail: '', have: 0, need: 0 } as const;
    const peer = this.#options.peers.byId.get(name);
    if (peer === undefined) return answer(failed);
    peer.probes.request({ kind: 'ping' }, UNREACHABLE_AFTER_MS, (reply) => {
      answer(!(reply instanceof Error) && reply.kind === 'pong' ? reply : failed);
    });
  }

  #onHeartbeat(): void {
    if (this.#isStopped) return;
    const { env, peers } = this.#options;
    const nowMs = env.clock.monotonicMs();
    // A paused or overloaded process did not read the answers of its peers, so their silence does
    // not count.
    const pauseMs = nowMs - (this.#lastBeatMs ?? nowMs) - HEARTBEAT_MS;
    if (pauseMs > HEARTBEAT_MS) peers.excusePause(pauseMs);
    this.#lastBeatMs = nowMs;
    this.#seeds.onHeartbeat();
    this.#prober.onHeartbeat();
    peers.prune();
    this.#lifecycle.onHeartbeat();
    this.#keepList();
    if (nowMs - this.#exchangedMs > EXCHANGE_INTERVAL_MS) this.#exchange();
    this.#timer = env.clock.after(jittered(env.random, HEARTBEAT_MS, 0.1), () =>
      this.#onHeartbeat(),
    );
  }

  /**
   * Writes the list to the disk, because a node that starts alone must not take itself for the
   * whole cluster. The others may count on this node for a placement only when its list is on the
   * disk. Otherwise a start could restore an earlier one.
   */
  #keepList(): void {
    const { env, members, store } = this.#options;
    // If the process was killed now, it could not tell any member. A node that has left does not
    // start again.
    if (this.#lifecycle.isGoneUnknown) return;
    try {
      const { listToKeep: list, nToKeep: n, missedNames, nextHash, placementsHash } = members;
      const isWhole = list.hash === members.hash;
      store.keepMembers({ list, n, missedNames }, () => {
        if (isWhole) members.notePlacementsKept(placementsHash);
        if (nextHash === this.#keptNext || this.#isStopped) return;
        this.#keptNext = nextHash;
        this.#lifecycle.onHeartbeat();
      });
    } catch (error) {
      env.log.debug('member list not kept', { reason: messageOf(error) });
    }
  }

  #exchange(): void {
    const { env, peers } = this.#options;
    const reachable = peers.allReachable();
    const peer = reachable[env.random.uint32() % Math.max(1, reachable.length)];
    if (peer !== undefined) this.#exchangeWith(peer);
  }

  #exchangeWith(peer: Peer): void {
    this.#exchangedMs = this.#options.env.clock.monotonicMs();
    this.#prober.probe(peer, true);
  }

  /**
   * Notes the answer of a peer. If its list still differs after its news, the nodes exchange their
   * whole lists.
   */
  #handleProbeReply(peer: Peer, reply: ProbeReply): boolean {
    if (this.#isStopped) return false;
    const { env, members, peers } = this.#options;
    const isStranger = reply.from.name !== peer.id;
    const refusal = isStranger
      ? `${reply.from.name} answers at its address`
      : this.#refusalOf(reply.from);
    if (refusal !== undefined && refusal !== peer.refusal)
      env.log.error('node refused', { node: peer.id, reason: refusal });
    peer.refusal = refusal;
    if (refusal !== undefined || !this.#acceptReply(reply)) return false;
    peers.noteProtocol(peer.id, reply.from);
    const isDue = env.clock.monotonicMs() - this.#exchangedMs > EXCHANGE_GAP_MS;
    if (reply.hash !== members.hash && isDue) this.#exchangeWith(peer);
    return true;
  }

  /** Merges the list of a node, unless that node refuses this one. */
  #acceptReply(reply: ProbeReply): boolean {
    const { env, members, onEnd } = this.#options;
    if (reply.refusal === '') {
      this.#refusedSinceMs = undefined;
      if (this.#refusalOf(reply.from) !== undefined) return false;
      this.#mergeGossip(reply.from.name, reply);
      return true;
    }
    this.#warnOnce('refused by a node', { by: reply.from.name, reason: reply.refusal });
    const nowMs = env.clock.monotonicMs();
    this.#refusedSinceMs ??= nowMs;
    const isLong = nowMs - this.#refusedSinceMs > REFUSED_MS;
    if (isLong && members.own.state === 'joining') {
      onEnd(new StartError(`${reply.from.name} refuses this node: ${reply.refusal}`));
    }
    return false;
  }

  #mergeGossip(from: string, { hash, isInformed, records, suspects }: Gossip): void {
    const { members, peers } = this.#options;
    for (const { name: node, flaw } of members.mergeAll(records).refused)
      this.#warnOnce('member record refused', { node, from, reason: flaw });
    members.noteList(from, { hash, isInformed });
    this.#keepList();
    const { state, generation } = members.own;
    const received = records.find(({ name }) => name === members.self);
    const isListedGone = received?.state === 'gone' && received.generation === generation;
    if (state === 'gone' && (isListedGone || hash === members.hash))
      this.#lifecycle.noteGoneKnownBy(from);
    for (const suspect of suspects) {
      if (suspect.name === members.self) {
        if (!members.refute(suspect.version))
          this.#warnOnce('suspicion of a version that never was', { from });
        continue;
      }
      const peer = peers.byId.get(suspect.name);
      if (peer === undefined || !this.#gossiper.suspect(suspect)) continue;
      if (peers.unansweredMs(peer.id) === 0 && peers.reach(peer.id) === 'reachable')
        this.#prober.probe(peer);
    }
  }

  /**
   * The reason why a node does not belong here; undefined if it does. It is sent to that node, so
   * "it" means that node.
   */
  #refusalOf(other: Identity): string | undefined {
    const { members, peers } = this.#options;
    if (other.process === this.process) return 'it is the very node that it talks to';
    if (other.partitions !== PARTITIONS)
      return `it has ${other.partitions} partitions, this cluster ${PARTITIONS}`;
    if (other.n !== members.n) return `its quorum.n is ${other.n}, that of others ${members.n}`;
    if (other.name === members.self)
      return `the name ${other.name} is taken, by ${this.#identity.host}:${this.#identity.port}`;
    const namesake = peers.byId.get(other.name);
    const isElsewhere =
      namesake !== undefined && (namesake.host !== other.host || namesake.port !== other.port);
    if (
      isElsewhere &&
      namesake.remote?.process !== other.process &&
      peers.reach(other.name) === 'reachable'
    ) {
      return `the name ${other.name} is taken, by ${namesake.host}:${namesake.port}`;
    }
    return undefined;
  }

  #warnOnce(event: string, fields: LogFields): void {
    const text = event + JSON.stringify(fields);
    if (this.#warned.has(text) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(text);
    this.#options.env.log.error(event, fields);
  }

  #handleReach(peer: Peer, reach: Reach): void {
    const { env, members, onReachable } = this.#options;
    // A node that has left does not answer for long.
    const isGone = members.get(peer.id)?.state === 'gone';
    const level = isGone ? 'debug' : reach === 'reachable' ? 'info' : 'warn';
    env.log[level](`node ${reach}`, { node: peer.id });
    if (reach === 'reachable') onReachable(peer);
  }
}
