/**
 * Seeds: the addresses in the configuration. This node tries each until it knows a member there,
 * and again when that member is gone.
 */
import { authorityOf } from '../../base/address.ts';
import type { Address, Env } from '../../base/env.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import { MAX_SEEDS, SEED_INTERVAL_MS, STRANGER_PROBE_MS } from '../limits.ts';
import type { Gossip, Identity, ProbeReply, ProbeRequest } from '../../transport/message.ts';
import type { ProtocolRange } from '../../transport/protocol.ts';
import { RpcClient } from '../../transport/rpc.ts';
import type { Members } from './members.ts';
import type { Peers } from './peers.ts';

/** The parts of a node that seeds use. */
export interface SeedsOptions {
  readonly env: Env;
  /** The versions of the protocol that this node speaks. */
  readonly protocol: ProtocolRange;
  readonly addresses: readonly Address[];
  readonly self: Address;
  /** The life of this process. A seed that answers with it is this node itself. */
  readonly process: string;
  readonly members: Members;
  readonly peers: Peers;
  readonly probe: (gossip: Gossip, wantsAll: boolean) => ProbeRequest;
  /**
   * Called with the answer of a seed, to merge its records. Returns whether the seed belongs to
   * another cluster.
   */
  readonly onProbed: (reply: ProbeReply) => boolean;
}

interface Seed {
  readonly address: Address;
  readonly client: RpcClient;
  /** The name of the node that answered there last. */
  name: string | undefined;
  /** The life of that node. */
  life: string | undefined;
  isStranger: boolean;
  triedMs: number;
  /**
   * The number of tries. Each try uses the next version of the protocol, because the version of the
   * node there is unknown.
   */
  tries: number;
}

const isSame = (a: Address, b: Address): boolean => a.host === b.host && a.port === b.port;

const unreachable = (detail: string): MecError =>
  new MecError('unreachable', { detail, retryAfter: 1, mayTakeEffect: false });

/** Looks for the cluster at the addresses of the configuration. */
export class Seeds {
  readonly #options: SeedsOptions;
  #seeds: Seed[];

  constructor(options: SeedsOptions) {
    const { addresses, self } = options;
    this.#options = options;
    this.#seeds = addresses
      .filter((address) => !isSame(address, self))
      .map((address) => this.#seedAt(address));
  }

  #seedAt(address: Address): Seed {
    const { env, protocol } = this.#options;
    return {
      address,
      client: new RpcClient(env, address, { protocol }),
      name: undefined,
      life: undefined,
      isStranger: false,
      triedMs: -Infinity,
      tries: 0,
    };
  }

  /** Adds an address, as if the configuration named it. Throws `bad-parameter` without room. */
  add(address: Address): void {
    if (this.#seeds.some((seed) => isSame(seed.address, address))) return;
    if (this.#seeds.length >= MAX_SEEDS)
      throw new MecError('bad-parameter', {
        parameter: 'address',
        detail: `This node looks for others at ${MAX_SEEDS} addresses already`,
      });
    this.#seeds.push(this.#seedAt(address));
  }

  /** Asks the node at an address for its identity. Rejects with `unreachable`. */
  async ask(address: Address): Promise<Identity> {
    const client = this.#clientFor(address);
    try {
      return await new Promise((resolve, reject) => {
        client.request(this.#hello(), SEED_INTERVAL_MS, (reply) => {
          if (!(reply instanceof Error) && reply.kind === 'probed') resolve(reply.from);
          else reject(unreachable(`No node answers at ${authorityOf(address)}`));
        });
      });
    } finally {
      await client.close();
    }
  }

  #clientFor(address: Address): RpcClient {
    const { env, protocol } = this.#options;
    try {
      return new RpcClient(env, address, { protocol });
    } catch (error) {
      // The network may have no socket left, or not take the address.
      throw unreachable(`No connection to ${authorityOf(address)}: ${messageOf(error)}`);
    }
  }

  /** A probe without records: a new node sends none before it knows whether its name is free. */
  #hello(): ProbeRequest {
    const { hash, isInformed } = this.#options.members;
    return this.#options.probe({ hash, isInformed, records: [], suspects: [] }, true);
  }

  /** Whether the configuration names a node: it has such an address, or has answered at one. */
  isConfigured(other: Pick<Identity, 'host' | 'port' | 'process'>): boolean {
    return this.#seeds.some(
      ({ address, life }) => isSame(address, other) || life === other.process,
    );
  }

  /** Probes the addresses at which no member is known now, without a pause. */
  tryNow(): void {
    for (const seed of this.#seeds) seed.triedMs = -Infinity;
    this.onHeartbeat();
  }

  /** Whether all nodes of the configuration have been found. */
  get areFound(): boolean {
    return this.#seeds.every((seed) => this.#isFound(seed));
  }

  /** Whether this node and the nodes that were found are a majority of those it has to find. */
  get isMajorityFound(): boolean {
    const found = this.#seeds.filter((seed) => this.#isFound(seed)).length;
    return 2 * (found + 1) > this.#seeds.length + 1;
  }

  #isFound({ name, address }: Seed): boolean {
    const { members, peers } = this.#options;
    const isHere = (id: string): boolean =>
      members.get(id)?.state !== 'gone' && peers.reach(id) === 'reachable';
    if (name !== undefined && isHere(name)) return true;
    return [...peers.byId.values()].some((peer) => isSame(peer, address) && isHere(peer.id));
  }

  /** Runs at every heartbeat: probes the addresses at which no member is known. */
  onHeartbeat(): void {
    const { env, protocol, process, onProbed } = this.#options;
    const nowMs = env.clock.monotonicMs();
    for (const seed of this.#seeds) {
      const pauseMs = seed.isStranger ? STRANGER_PROBE_MS : SEED_INTERVAL_MS;
      if (nowMs - seed.triedMs < pauseMs || this.#isFound(seed)) continue;
      seed.triedMs = nowMs;
      seed.client.setProtocolVersion(
        protocol.oldest + (seed.tries % (protocol.newest - protocol.oldest + 1)),
      );
      seed.tries += 1;
      seed.client.request(this.#hello(), SEED_INTERVAL_MS, (reply) => {
        if (reply instanceof Error || reply.kind !== 'probed') return;
        if (reply.from.process === process) {
          this.#seeds = this.#seeds.filter((other) => other !== seed);
          void seed.client.close();
          return;
        }
        if (reply.refusal === '') seed.name = reply.from.name;
        seed.life = reply.from.process;
        seed.isStranger = onProbed(reply);
      });
    }
  }

  async close(): Promise<void> {
    for (const { client } of this.#seeds) await client.close();
  }
}
