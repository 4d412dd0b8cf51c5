/** The other nodes, as this one talks to them: two connections each, whether they answer, and how fast. */
import type { Env } from '../base/env.ts';
import { MAX_HEDGE_MS, MIN_HEDGE_MS, SUSPECT_AFTER_MS, UNREACHABLE_AFTER_MS } from '../base/limits.ts';
import { Detector, type Reach } from '../core/detector.ts';
import { Latency } from '../core/latency.ts';
import type { Pong } from '../transport/message.ts';
import { RpcClient } from '../transport/rpc.ts';
import type { Member, Members } from './members.ts';

/** One other node. */
export interface Peer extends Member {
  /** The membership port: probes never queue behind bulk data. */
  readonly probes: RpcClient;
  /** The data port. */
  readonly data: RpcClient;
  readonly latency: Latency;
  /** What the peer calls itself, once it has said so. */
  name: string | undefined;
  /** The peer's process, and its clock at the last pong, with ours at that time. */
  remote: { readonly process: string; readonly nowMs: number; readonly heardMs: number } | undefined;
  /** Why this peer is not one of us, where that is so. */
  refusal: string | undefined;
}

/** All other nodes, by member id. */
export class Peers {
  readonly byId: ReadonlyMap<string, Peer>;
  readonly #clock: Env['clock'];
  readonly #detector = new Detector({ suspectAfterMs: SUSPECT_AFTER_MS, unreachableAfterMs: UNREACHABLE_AFTER_MS });
  readonly #reads = new Latency();

  constructor(env: Env, members: Members) {
    this.#clock = env.clock;
    this.byId = new Map(
      [...members.others.values()].map((member) => {
        const data = new RpcClient(env, { host: member.host, port: member.port + 1 });
        const probes = new RpcClient(env, member);
        return [
          member.id,
          { ...member, probes, data, latency: new Latency(), name: undefined, remote: undefined, refusal: undefined },
        ];
      }),
    );
  }

  /** Whether a peer answers; one that does not belong here counts as unreachable. */
  reach(id: string): Reach {
    if (this.byId.get(id)?.refusal !== undefined) return 'unreachable';
    return this.#detector.reach(id, this.#clock.monotonicMs());
  }

  /** The peer has answered a probe. */
  heard(peer: Peer, { process, nowMs }: Pong): void {
    const heardMs = this.#clock.monotonicMs();
    this.#detector.heard(peer.id, heardMs);
    peer.remote = { process, nowMs, heardMs };
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

  /**
   * Those of the members that can be reached, in their order, but those that have become slow last. Where they are fewer
   * than `wanted`, the suspects come after them: better to try than to refuse.
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
    for (const { probes, data } of this.byId.values()) {
      await probes.close();
      await data.close();
    }
  }
}
