/**
 * The prober: it finds out which members answer (SWIM; Das, Gupta, Motivala 2002). A few times a
 * second a node probes a few others, in turn and in random order. So the cost does not grow with
 * the cluster.
 *
 * A peer that owes an answer is probed at every heartbeat. Soon the node asks others to try it too.
 * If no node gets an answer, the suspicion spreads with the news that every probe carries. A node
 * that hears of it probes for itself. So all find out within a few heartbeats of the first, and
 * gossip alone makes no node unreachable. A suspect that lives raises its version, which ends the
 * suspicion.
 */
import type { Env } from '../../base/env.ts';
import {
  MAX_SUSPICIONS,
  PROBE_FOR_AFTER_MS,
  PROBE_FOR_PEERS,
  PROBES_PER_BEAT,
  SUSPECT_AFTER_MS,
  UNREACHABLE_AFTER_MS,
} from '../limits.ts';
import type { Reach } from '../../core/placement/detector.ts';
import type { Gossip, ProbeReply, ProbeRequest } from '../../transport/message.ts';
import type { Members } from './members.ts';
import type { Peer, Peers } from './peers.ts';
import type { WallTime } from '../wall-time.ts';
import type { Gossiper } from './gossip.ts';

/** The parts of a node that probing uses. */
export interface ProberOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly gossiper: Gossiper;
  readonly time: WallTime;
  /** Makes a probe with this news in it. */
  readonly probe: (gossip: Gossip, wantsAll: boolean) => ProbeRequest;
  /** Handles the answer of a peer to a probe. Returns whether it is the right node. */
  readonly onProbed: (peer: Peer, reply: ProbeReply) => boolean;
  /** Called when the reach of a peer has changed. */
  readonly onReach: (peer: Peer, reach: Reach) => void;
}

/** The steps that this node has taken about a peer that owes an answer. */
interface Suspicion {
  hasAskedOthers: boolean;
  /** Another node got an answer, so only the path from this node is broken. */
  isReachedByOthers: boolean;
  isReported: boolean;
}

/** Probes the peers of a node. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #known = new Map<string, Reach>();
  readonly #suspicions = new Map<string, Suspicion>();
  /** The peers that have not been probed in this turn. */
  #unprobed: string[] = [];

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Runs at every heartbeat. */
  onHeartbeat(): void {
    const { peers } = this.#options;
    const silent = [...peers.byId.values()].filter(({ id }) => peers.unansweredMs(id) > 0);
    const owing = silent
      .filter(({ id }) => peers.reach(id) !== 'unreachable')
      .slice(0, MAX_SUSPICIONS);
    for (const peer of new Set([...owing, ...this.#next(PROBES_PER_BEAT)]))
      if (peers.isProbeDue(peer)) this.probe(peer);
    for (const peer of silent) this.#suspect(peer);
    for (const peer of peers.byId.values()) this.#reportReach(peer);
    for (const id of this.#known.keys()) if (!peers.byId.has(id)) this.#known.delete(id);
  }

  /** Probes a peer now; `wantsAll` exchanges the whole lists. */
  probe(peer: Peer, wantsAll = false): void {
    const { peers, gossiper, time, probe, onProbed } = this.#options;
    peers.noteProbe(peer);
    const request = probe(wantsAll ? gossiper.wholeList() : gossiper.newsFor(peer.id), wantsAll);
    const { clock } = this.#options.env;
    const sentMs = clock.monotonicMs();
    peer.probes.request(request, UNREACHABLE_AFTER_MS, (reply) => {
      if (reply instanceof Error || reply.kind !== 'probed' || !onProbed(peer, reply)) return;
      peer.latency.add(clock.monotonicMs() - sentMs);
      peers.noteAnswer(peer, { process: reply.from.process, nowMs: reply.nowMs });
      time.noteClock(peer, reply.wallMicros, sentMs);
      this.#suspicions.delete(peer.id);
      gossiper.endSuspicion(peer.id);
      this.#reportReach(peer);
    });
  }

  /** The next peers of the turn. Every turn has a new random order. */
  #next(count: number): Peer[] {
    const { env, peers } = this.#options;
    const chosen = new Set<Peer>();
    for (
      let tries = 0;
      chosen.size < Math.min(count, peers.byId.size) && tries < 4 * count;
      tries++
    ) {
      if (this.#unprobed.length === 0)
        this.#unprobed = shuffled([...peers.byId.keys()], env.random);
      const peer = peers.byId.get(this.#unprobed.pop() ?? '');
      if (peer !== undefined) chosen.add(peer);
    }
    return [...chosen];
  }

  #suspect(peer: Peer): void {
    const { peers, members, gossiper } = this.#options;
    const unansweredMs = peers.unansweredMs(peer.id);
    const suspicion = this.#suspicions.get(peer.id) ?? {
      hasAskedOthers: false,
      isReachedByOthers: false,
      isReported: false,
    };
    this.#suspicions.set(peer.id, suspicion);
    if (unansweredMs >= PROBE_FOR_AFTER_MS && !suspicion.hasAskedOthers) {
      suspicion.hasAskedOthers = true;
      this.#askOthers(peer, suspicion);
    }
    if (unansweredMs < SUSPECT_AFTER_MS || suspicion.isReported) return;
    suspicion.isReported = true;
    const record = members.get(peer.id);
    if (!suspicion.isReachedByOthers && record !== undefined) gossiper.suspect(record);
  }

  #askOthers(peer: Peer, suspicion: Suspicion): void {
    const { env, peers } = this.#options;
    const others = peers.allReachable().filter(({ id }) => id !== peer.id);
    for (const other of shuffled(others, env.random).slice(0, PROBE_FOR_PEERS)) {
      other.probes.request({ kind: 'probe-for', name: peer.id }, SUSPECT_AFTER_MS, (reply) => {
        if (!(reply instanceof Error) && reply.kind === 'pong') suspicion.isReachedByOthers = true;
      });
    }
  }

  #reportReach(peer: Peer): void {
    const { peers, onReach } = this.#options;
    const reach = peers.reach(peer.id);
    if (reach === (this.#known.get(peer.id) ?? 'unreachable')) return;
    this.#known.set(peer.id, reach);
    onReach(peer, reach);
  }
}

function shuffled<T>(list: T[], random: Env['random']): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.uint32() % (i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}
