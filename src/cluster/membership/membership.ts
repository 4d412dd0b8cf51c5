/**
 * Membership: the members of the cluster, which of them answer, and the state of this node among
 * them. Probes and their answers carry all of that (`prober.ts`, `gossip.ts`). Nodes exchange their
 * whole lists at intervals, and when two lists differ, so that a lost message does no harm.
 *
 * Membership only decides where requests are sent. Nodes may disagree about it for a while, and no
 * data is lost.
 */
import { jittered } from '../../base/delays.ts';
import type { Address, Env, Timer } from '../../base/env.ts';
import { MecError, messageOf, StartError } from '../../base/errors.ts';
import {
  EXCHANGE_GAP_MS,
  EXCHANGE_INTERVAL_MS,
  HEARTBEAT_MS,
  REFUSED_MS,
  UNREACHABLE_AFTER_MS,
} from '../limits.ts';
import type { Reach } from '../../core/placement/detector.ts';
import type { TokenKeys } from '../../core/causality/token-keys.ts';
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
import type { ClusterId } from './cluster-id.ts';
import { Hello } from './hello.ts';
import { mergeWith } from './merge.ts';
import type { Members } from './members.ts';
import type { Peer, Peers } from './peers.ts';
import type { WallTime } from '../wall-time.ts';
import { type HandoffProgress, Lifecycle } from './lifecycle.ts';
import { Prober } from './prober.ts';
import { Gossiper } from './gossip.ts';
import type { LedgerExchange } from './ledger-exchange.ts';
import { logLeaves } from './leave-log.ts';
import { Seeds } from './seeds.ts';
import type { Wait } from './wait.ts';
import { TokenKeyExchange } from './token-key-exchange.ts';
import { warnOfIgnoredFields } from './ignored-fields.ts';

/** The parts of a node that membership uses. */
export interface MembershipOptions {
  readonly env: Env;
  readonly config: Config;
  /** The versions of the protocol that this node speaks. */
  readonly protocol: ProtocolRange;
  /** The life of this process. */
  readonly life: string;
  readonly cluster: ClusterId;
  readonly members: Members;
  readonly tokenKeys: TokenKeys;
  readonly ledgerExchange: LedgerExchange | undefined;
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
  readonly #hello: Hello;
  readonly #tokenKeys: TokenKeyExchange;
  #timer: Timer | undefined;
  #lastBeatMs: number | undefined;
  #exchangedMs: number;
  #refusedSinceMs: number | undefined;
  /** The hash of the next placement by the list on the disk. */
  #keptNext: number;
  #isStopped = false;

  constructor(options: MembershipOptions) {
    const { env, config, protocol, life, cluster, members, peers, store, time } = options;
    this.#options = options;
    this.process = life;
    this.#hello = new Hello({ ...options, log: env.log });
    this.#tokenKeys = new TokenKeyExchange(options);
    this.#exchangedMs = env.clock.monotonicMs();
    this.#keptNext = members.nextHash;
    const probe = (gossip: Gossip, wantsAll: boolean): ProbeRequest => {
      const ledger = options.ledgerExchange?.hash;
      return { kind: 'probe', from: this.#hello.identity, wantsAll, ...gossip, ledger };
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
      onProbed: (reply) => this.#handleSeedReply(reply),
    });
    this.#lifecycle = new Lifecycle({
      env,
      members,
      peers,
      store,
      writeTakers: options.writeTakers,
      seeds: this.#seeds,
      isKept: (nextHash) => nextHash === this.#keptNext,
      mayBegin: () => cluster.mayBegin && this.#refusedSinceMs === undefined,
      onGone: () => options.onEnd(undefined),
      onBegin: () => {
        this.#keepList();
        options.onBegin();
      },
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
    if (record === undefined || record.state === 'gone')
      throw new MecError('bad-parameter', {
        parameter: 'name',
        detail: `There is no member ${JSON.stringify(name)}`,
      });
    const detail = `${name} answers: let it leave by itself, so that nothing can be lost`;
    if (name === members.self || peers.reach(name) !== 'unreachable')
      throw new MecError('bad-parameter', { parameter: 'name', detail });
    members.remove(name);
  }

  /** Begins to merge this cluster with that of the node at an address. Rejects if it cannot. */
  async merge(address: Address): Promise<void> {
    const { cluster, config, members } = this.#options;
    const seeds = this.#seeds;
    await mergeWith({ cluster, clusterName: config.cluster, members, seeds }, address);
    this.#keepList();
  }

  /** The answer to a ping. */
  pong(): PingReply {
    return { kind: 'pong', process: this.process, nowMs: this.#options.env.clock.monotonicMs() };
  }

  /** Answers a probe. */
  serveProbe({ from, wantsAll, ledger, ...gossip }: ProbeRequest): ProbeReply {
    const { env, peers, ledgerExchange } = this.#options;
    const times = { nowMs: env.clock.monotonicMs(), wallMicros: env.clock.wallMicros() };
    const refused = this.#hello.refusalOf(from);
    if (refused !== undefined) this.#hello.noteRefused(from, refused);
    const refusal = refused?.reason ?? '';
    const answer = { kind: 'probed', from: this.#hello.identity, ...times, refusal } as const;
    if (refused !== undefined)
      return { ...answer, hash: 0, isInformed: false, records: [], suspects: [] };
    if (!this.#believes(from)) return { ...answer, ...this.#gossiper.wholeList() };
    this.#mergeGossip(from.name, gossip);
    peers.connectToSender(from.name);
    this.#noteHello(from);
    ledgerExchange?.note(from.name, ledger);
    const peer = peers.byId.get(from.name);
    // A node that is back sends probes, so this node probes it at once.
    if (peer !== undefined && peers.reach(peer.id) !== 'reachable' && !this.#isStopped)
      this.#prober.probe(peer);
    return {
      ...answer,
      ...(wantsAll ? this.#gossiper.wholeList() : this.#gossiper.newsFor(from.name)),
      tokenKeys: this.#tokenKeys.told(),
      ledger: ledgerExchange?.hash,
    };
  }

  /**
   * Whether this node merges the list of another one. A node that belongs to no cluster yet
   * believes only the nodes that its configuration names, and members of the list on its disk. If
   * one of them belongs to a cluster, this node takes the marks of that cluster over. It merges the
   * list when it has the marks on its disk.
   */
  #believes(other: Identity, isSeed = this.#seeds.isConfigured(other)): boolean {
    const { cluster, members } = this.#options;
    const relation = cluster.relationTo(other);
    if (relation === 'same' || (relation === 'new' && isSeed)) {
      cluster.add(other.cluster);
      return true;
    }
    const isMember = members.isInformed && members.get(other.name) !== undefined;
    if (relation === 'cluster' && (isSeed || isMember)) {
      cluster.take(other.cluster);
      this.#keepList();
    }
    return false;
  }

  #noteHello(from: Identity): void {
    const { cluster, peers } = this.#options;
    peers.noteHello(from.name, from, cluster.tagFor(from.cluster));
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
    this.#tokenKeys.onHeartbeat();
    this.#options.ledgerExchange?.onHeartbeat();
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
    const { env, cluster, members, store } = this.#options;
    // If the process was killed now, it could not tell any member. A node that has left does not
    // start again.
    if (this.#lifecycle.isGoneUnknown) return;
    try {
      const { listToKeep: list, nToKeep: n, missedNames, nextHash, placementsHash } = members;
      const isWhole = list.hash === members.hash;
      if (n !== undefined) cluster.begin();
      if (!cluster.mayKeep) return;
      const marks = cluster.toKeep;
      store.keepMembers({ list, n, marks, missedNames }, () => {
        if (cluster.noteKept(marks)) this.#handleMember();
        if (isWhole) members.notePlacementsKept(placementsHash);
        if (nextHash === this.#keptNext || this.#isStopped) return;
        this.#keptNext = nextHash;
        this.#lifecycle.onHeartbeat();
      });
    } catch (error) {
      env.log.debug('member list not kept', { reason: messageOf(error) });
    }
  }

  /** This node belongs to a cluster from now on. */
  #handleMember(): void {
    this.#options.env.log.info('belongs to a cluster', { cluster: this.#options.cluster.text });
    if (!this.#isStopped) this.#seeds.tryNow();
    if (!this.#isStopped) this.#tokenKeys.onHeartbeat();
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
    const { env, members } = this.#options;
    if (!this.#hello.accepts(peer, reply.from) || !this.#acceptReply(reply)) return false;
    this.#noteHello(reply.from);
    const isDue = env.clock.monotonicMs() - this.#exchangedMs > EXCHANGE_GAP_MS;
    if (reply.hash !== members.hash && isDue) this.#exchangeWith(peer);
    return true;
  }

  /** Notes the answer of a node of the configuration. Returns whether it is a stranger. */
  #handleSeedReply(reply: ProbeReply): boolean {
    const isStranger = this.#hello.refusalOf(reply.from)?.isStranger === true;
    if (isStranger) this.#hello.noteStranger(reply.from);
    else if (!this.#isStopped) this.#acceptReply(reply, true);
    return isStranger;
  }

  /** Merges the list of a node, unless it refuses this one. Returns whether it was merged. */
  #acceptReply(reply: ProbeReply, isSeed?: boolean): boolean {
    const { env, members, onEnd, ledgerExchange } = this.#options;
    if (reply.refusal === '') {
      this.#refusedSinceMs = undefined;
      if (this.#hello.refusalOf(reply.from) !== undefined) return false;
      if (!this.#believes(reply.from, isSeed)) return false;
      this.#mergeGossip(reply.from.name, reply);
      this.#tokenKeys.note(reply.from.name, reply.tokenKeys ?? []);
      ledgerExchange?.note(reply.from.name, reply.ledger);
      return true;
    }
    this.#hello.warnings.write('refused by a node', { by: reply.from.name, reason: reply.refusal });
    const nowMs = env.clock.monotonicMs();
    this.#refusedSinceMs ??= nowMs;
    const isLong = nowMs - this.#refusedSinceMs > REFUSED_MS;
    if (isLong && members.own.state === 'joining')
      onEnd(new StartError(`${reply.from.name} refuses this node: ${reply.refusal}`));
    return false;
  }

  #mergeGossip(from: string, { hash, isInformed, records, suspects }: Gossip): void {
    const { members, peers } = this.#options;
    for (const { name: node, flaw } of members.mergeAll(records).refused)
      this.#hello.warnings.write('member record refused', { node, from, reason: flaw });
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
          this.#hello.warnings.write('suspicion of a version that never was', { from });
        continue;
      }
      const peer = peers.byId.get(suspect.name);
      if (peer === undefined || !this.#gossiper.suspect(suspect)) continue;
      if (peers.unansweredMs(peer.id) === 0 && peers.reach(peer.id) === 'reachable')
        this.#prober.probe(peer);
    }
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
