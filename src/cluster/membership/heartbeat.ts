/**
 * Heartbeats: every node probes every other on its membership port. Who has not answered for a while is unreachable, and
 * requests stop waiting for it. Who answers but does not belong here (another partition count, a name that is taken, this
 * very node under another address) is refused, loudly.
 */
import type { Env, Timer } from '../../base/env.ts';
import { HEARTBEAT_MS, PARTITIONS, UNREACHABLE_AFTER_MS } from '../../base/limits.ts';
import { drawIncarnation } from '../../core/actor.ts';
import type { Reach } from '../../core/detector.ts';
import type { Pong } from '../../transport/message.ts';
import type { Members } from '../members.ts';
import type { Peer, Peers } from '../peers.ts';

/** What the heartbeat works on. */
export interface HeartbeatOptions {
  readonly env: Env;
  readonly nodeName: string;
  readonly members: Members;
  readonly peers: Peers;
  /** A peer has become reachable. */
  readonly onReachable: (peer: Peer) => void;
}

/** Probes the peers of a node, and answers their probes. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #self: Omit<Pong, 'kind' | 'nowMs'>;
  readonly #known = new Map<string, Reach>();
  readonly #differing = new Set<string>();
  #timer: Timer | undefined;
  #lastBeatMs: number | undefined;
  #isStopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const process = drawIncarnation(options.env.random);
    this.#self = { name: options.nodeName, process, partitions: PARTITIONS, members: options.members.hash };
  }

  start(): void {
    this.#beat();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Drawn at every start. */
  get process(): string {
    return this.#self.process;
  }

  /** The answer to a probe. */
  answer(): Pong {
    return { kind: 'pong', ...this.#self, nowMs: this.#options.env.clock.monotonicMs() };
  }

  #beat(): void {
    if (this.#isStopped) return;
    const { env, peers } = this.#options;
    this.#forgiveOwnPause(env.clock.monotonicMs());
    for (const peer of peers.byId.values()) {
      this.#probe(peer);
      this.#notice(peer);
    }
    const jitter = 0.9 + (0.2 * env.random.uint32()) / 2 ** 32;
    this.#timer = env.clock.after(HEARTBEAT_MS * jitter, () => this.#beat());
  }

  /** A node that was stopped, or busy for seconds, has not heard its peers because it did not listen. */
  #forgiveOwnPause(nowMs: number): void {
    const pauseMs = nowMs - (this.#lastBeatMs ?? nowMs) - HEARTBEAT_MS;
    if (pauseMs > HEARTBEAT_MS) this.#options.peers.forgive(pauseMs);
    this.#lastBeatMs = nowMs;
  }

  #probe(peer: Peer): void {
    const { clock } = this.#options.env;
    const sentMs = clock.monotonicMs();
    peer.probes.request({ kind: 'ping' }, UNREACHABLE_AFTER_MS, (reply) => {
      if (this.#isStopped || reply instanceof Error || reply.kind !== 'pong') return;
      this.#check(peer, reply);
      peer.latency.add(clock.monotonicMs() - sentMs);
      this.#options.peers.heard(peer, reply);
      this.#notice(peer);
    });
  }

  #check(peer: Peer, pong: Pong): void {
    const { env, members } = this.#options;
    peer.name = pong.name;
    const refusal = this.#refusalOf(pong);
    if (refusal !== undefined && peer.refusal !== refusal)
      env.log.error('node refused', { node: peer.id, name: pong.name, reason: refusal });
    peer.refusal = refusal;
    if (pong.members === members.hash) {
      this.#differing.delete(peer.id);
    } else if (!this.#differing.has(peer.id)) {
      this.#differing.add(peer.id);
      env.log.warn('a node is configured with other members, or another n, than this one', {
        node: peer.id,
        name: pong.name,
      });
    }
  }

  #refusalOf(pong: Pong): string | undefined {
    if (pong.process === this.#self.process) return 'it is this very node under another address';
    if (pong.name === this.#self.name) return 'it bears the name of this node';
    if (pong.partitions !== this.#self.partitions)
      return `it has ${pong.partitions} partitions, this cluster ${PARTITIONS}`;
    return undefined;
  }

  #notice(peer: Peer): void {
    const { env, peers } = this.#options;
    const reach = peers.reach(peer.id);
    if (reach === (this.#known.get(peer.id) ?? 'unreachable')) return;
    this.#known.set(peer.id, reach);
    const level = reach === 'reachable' ? 'info' : 'warn';
    env.log[level](`node ${reach}`, { node: peer.id, name: peer.name });
    if (reach === 'reachable') this.#options.onReachable(peer);
  }
}
