/**
 * A whole cluster in this process, for tests: real nodes, real sockets, free ports, and a network
 * that can be cut.
 */
import { join } from 'node:path';
import { httpUrl } from '../base/address.ts';
import type { Address, Log } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import { EMBED_POLL_MS, EMBED_START_TIMEOUT_MS, EMBED_START_TRIES } from './limits.ts';
import { sleepMs, systemClock, systemRandom } from '../base/system.ts';
import type { Config } from '../cluster/config.ts';
import { readConfig } from '../config/read.ts';
import { cuttable } from './cuttable-network.ts';
import { type LogConfig, logOf, logTableOf } from './log-config.ts';
import { findFreePorts } from './free-ports.ts';
import { type EmbeddedSecurity, embeddedSecurity, secureEmbedded } from './secured-cluster.ts';
import { diskOf, type EmbeddedNode, isTaken, type NodeConfig, runParts } from './start-node.ts';

/** The options of a cluster. */
export interface StartClusterOptions extends Pick<
  NodeConfig,
  'quorum' | 'storage' | 'security' | 'http' | 'policy'
> {
  /** The number of nodes, 1 to 32. Default 3. */
  readonly nodes?: number | undefined;
  /** A directory that has one directory for each node. By default, everything is in memory. */
  readonly root?: string | undefined;
  /** The log of all nodes, as for `startNode`. */
  readonly log?: Log | LogConfig | undefined;
}

const HOST = '127.0.0.1';
const PORTS_EACH = 3;
const MAX_NODES = 32;

interface ClusterParts {
  readonly cuts: Set<string>;
  readonly clientFile: string | undefined;
  readonly onClosed: () => Promise<void>;
}

/** A cluster in this process. */
export class EmbeddedCluster {
  readonly nodes: readonly EmbeddedNode[];
  /**
   * The file with URLs, authority and the token of an administrator, for `clientFile` of
   * `mec-db/secured`; undefined if the nodes need no credentials. Without `root` it is gone when
   * the cluster is closed.
   */
  readonly clientFile: string | undefined;
  readonly #cuts: Set<string>;
  readonly #onClosed: () => Promise<void>;

  constructor(nodes: readonly EmbeddedNode[], { cuts, clientFile, onClosed }: ClusterParts) {
    this.nodes = nodes;
    this.clientFile = clientFile;
    this.#cuts = cuts;
    this.#onClosed = onClosed;
  }

  /** The HTTP addresses of the nodes, for `MecClient`. */
  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  /**
   * Cuts the network between groups of nodes, given by index: `partition([0], [1, 2])`. A node
   * outside all groups is cut off from all others. HTTP still reaches every node.
   */
  partition(...groups: readonly (readonly number[])[]): void {
    this.#cuts.clear();
    const groupOf = (node: number): readonly number[] =>
      groups.find((group) => group.includes(node)) ?? [node];
    for (const from of this.nodes.keys()) {
      for (const to of this.nodes.keys())
        if (!groupOf(from).includes(to)) this.#cuts.add(`${from} ${to}`);
    }
  }

  /** Restores the network. The nodes find each other and catch up by themselves. */
  heal(): void {
    this.#cuts.clear();
  }

  /**
   * Resolves when every node reaches all others and has caught up. Rejects with `StartError` after
   * 20 s.
   */
  async whole(): Promise<void> {
    const untilMs = systemClock.monotonicMs() + EMBED_START_TIMEOUT_MS;
    while (!this.nodes.every(seesAll)) {
      if (systemClock.monotonicMs() > untilMs)
        throw new StartError(
          `The nodes have not all caught up with each other within ${EMBED_START_TIMEOUT_MS} ms`,
        );
      await sleepMs(EMBED_POLL_MS);
    }
  }

  /** Stops all nodes, and leaves nothing open. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
    await this.#onClosed();
  }
}

function seesAll(node: EmbeddedNode, _: number, { length }: readonly EmbeddedNode[]): boolean {
  const { isReady, members, peers } = node.status();
  const areUp = members.filter(({ state }) => state === 'up').length === length;
  return isReady && areUp && peers.every(({ reach }) => reach === 'reachable');
}

/**
 * Starts a cluster in this process, and resolves when its nodes see each other. Rejects with
 * `StartError`.
 */
export async function startCluster(options: StartClusterOptions = {}): Promise<EmbeddedCluster> {
  const { nodes: count = 3 } = options;
  if (!Number.isInteger(count) || count < 1 || count > MAX_NODES) {
    throw new StartError(
      `startCluster: nodes: expected a number from 1 to ${MAX_NODES}, got ${count}`,
    );
  }
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(options, count);
    } catch (error) {
      if (tries === EMBED_START_TRIES || !isTaken(error)) throw error;
    }
  }
}

async function startOnce(options: StartClusterOptions, count: number): Promise<EmbeddedCluster> {
  const { nodes: _, root, log, ...settings } = options;
  const table = logTableOf('startCluster', log);
  const first = await findFreePorts(HOST, PORTS_EACH * count, systemRandom);
  const addresses = Array.from({ length: count }, (_, i) => ({
    name: `n${i + 1}`,
    host: HOST,
    port: first + PORTS_EACH * i,
  }));
  const secured = settings.security?.mode === 'on' ? await embeddedSecurity(root) : undefined;
  const clientFile = secured && (await secure(secured, addresses));
  const onClosed = async (): Promise<void> => secured?.remove();
  const cuts = new Set<string>();
  const started = await Promise.allSettled(
    addresses.map(async (address, i) => {
      const { name } = address;
      const given = { ...settings, log: table, root: root && join(root, name) };
      const ofKeys = secured && { root: join(secured.dir, name) };
      const config = { ...configOf(given, address, addresses), ...ofKeys };
      const isCut = (to: Address): boolean =>
        cuts.has(`${i} ${Math.floor((to.port - first) / PORTS_EACH)}`);
      return runParts({
        config,
        log: logOf(log, config),
        ...(await diskOf(given, config)),
        through: ({ network, clock }) => ({ network: cuttable(network, isCut), clock }),
      });
    }),
  );
  const nodes = started.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const cluster = new EmbeddedCluster(nodes, { cuts, clientFile, onClosed });
  try {
    for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason;
    await cluster.whole();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** Makes the keys of the nodes at these addresses. Resolves with the path of the client file. */
async function secure(
  { dir, remove }: EmbeddedSecurity,
  addresses: readonly ClusterAddress[],
): Promise<string> {
  const nodes = addresses.map(({ name, host }) => ({ name, host, root: join(dir, name) }));
  const urls = addresses.map(({ host, port }) => httpUrl(host, port + 2, 'https'));
  try {
    return await secureEmbedded(dir, nodes, urls);
  } catch (error) {
    await remove();
    throw error;
  }
}

interface ClusterAddress extends Address {
  readonly name: string;
}

function configOf(
  given: NodeConfig & { readonly log?: unknown },
  { name, host, port }: ClusterAddress,
  all: readonly ClusterAddress[],
): Config {
  const node = all.filter((other) => other.port !== port);
  return {
    ...readConfig('startCluster', { ...given, name, host, port, httpport: port + 2, node }),
    name,
  };
}
