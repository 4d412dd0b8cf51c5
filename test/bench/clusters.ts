/** The measured clusters: nodes as processes on this machine, all on the same disk. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemRandom } from '../../src/base/system.ts';
import { findFreePorts } from '../../src/embed/free-ports.ts';
import { mecProtocol, type Protocol } from './requests.ts';
import { ask, Server, type Servers, waitUntil } from './servers.ts';
import { startSkeleton } from './skeleton.ts';

/** The name of a cluster. */
export type ClusterName = 'skeleton' | 'MecDB' | 'etcd';

/** A running cluster. */
export interface Cluster {
  readonly name: ClusterName;
  /** The HTTP port of each node. Requests go to the first. */
  readonly httpPorts: readonly number[];
  /** The ports on which nodes listen for each other. */
  readonly peerPorts: readonly number[];
  /** The running processes. */
  readonly servers: readonly Server[];
  /** Prefixes of the keys that have been loaded. */
  readonly loaded: Set<string>;
  readonly protocol: (valueBytes: number) => Protocol;
}

/** The first of `count` consecutive free ports. */
export const findPorts = (count: number): Promise<number> =>
  findFreePorts('127.0.0.1', count, systemRandom);

/** The numbers from `first` on. */
export const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/**
 * Waits until a write is answered with 200. Each attempt has a new key, because a failed one may
 * still be written.
 */
async function waitForPut({ name, httpPorts, servers }: Cluster): Promise<void> {
  let attempt = 0;
  const put = async (): Promise<boolean> => {
    const path = `/mec/probe-${attempt++}`;
    return (
      (await ask({ port: httpPorts[0] ?? 0, path, method: 'PUT', body: 'probe' })).status === 200
    );
  };
  await waitUntil(`a first PUT to ${name}`, put, { servers });
}

/** Starts the bare skeleton, three nodes. */
export async function startSkeletonCluster(servers: Servers): Promise<Cluster> {
  const first = await findPorts(6);
  const directory = join(servers.directory, 'skeleton');
  mkdirSync(directory, { recursive: true });
  const children = startSkeleton(directory, range(first, 6));
  const cluster: Cluster = {
    name: 'skeleton',
    httpPorts: range(first, 3),
    peerPorts: range(first + 3, 3),
    servers: children.map((child, i) => servers.adopt(new Server(`skeleton${i + 1}`, child))),
    loaded: new Set(),
    protocol: mecProtocol,
  };
  await waitForPut(cluster);
  return cluster;
}

/** The differences between clusters of MecDB. */
export interface MecOptions {
  readonly nodes?: number;
  /** The folder in which node 1 leaves a CPU profile when it stops. */
  readonly profileDir?: string | undefined;
  /** The launcher of another build. */
  readonly launcher?: string | undefined;
  /** Added to the configuration of each node. */
  readonly extra?: string | undefined;
}

const PORTS_PER_NODE = 3;
const LAUNCHER = fileURLToPath(new URL('../../bin/mec.js', import.meta.url));

/** A cluster of MecDB whose nodes can be stopped and restarted. Nodes are counted from 0. */
export class MecCluster implements Cluster {
  readonly name = 'MecDB';
  readonly httpPorts: readonly number[];
  readonly peerPorts: readonly number[];
  readonly loaded = new Set<string>();
  readonly protocol = mecProtocol;
  readonly #all: Servers;
  readonly #directory: string;
  readonly #profileDir: string | undefined;
  readonly #launcher: string;
  readonly #extra: string;
  readonly #running = new Map<number, Server>();

  private constructor(
    all: Servers,
    first: number,
    { nodes = 3, profileDir, launcher = LAUNCHER, extra = '' }: MecOptions,
  ) {
    this.#all = all;
    this.#profileDir = profileDir;
    this.#launcher = launcher;
    this.#extra = extra;
    this.#directory = join(all.directory, `mec-${first}`);
    this.httpPorts = range(0, nodes).map((node) => first + PORTS_PER_NODE * node + 2);
    this.peerPorts = range(0, nodes).flatMap((node) => range(first + PORTS_PER_NODE * node, 2));
  }

  /** Starts all nodes and waits until they serve. */
  static async start(all: Servers, options: MecOptions = {}): Promise<MecCluster> {
    const nodes = options.nodes ?? 3;
    const cluster = new MecCluster(all, await findPorts(PORTS_PER_NODE * nodes), options);
    mkdirSync(cluster.#directory, { recursive: true });
    for (const node of range(0, nodes)) cluster.startNode(node);
    for (const node of range(0, nodes)) await cluster.waitUntilReady(node);
    await waitForPut(cluster);
    return cluster;
  }

  get servers(): Server[] {
    return [...this.#running.values()];
  }

  /** Starts a node, new or on its old data. Does not wait. */
  startNode(node: number): Server {
    if (!existsSync(this.#launcher)) throw new Error(`${this.#launcher} is missing: build first`);
    const configFile = join(this.#directory, `n${node + 1}.toml`);
    writeFileSync(configFile, this.#config(node));
    const isProfiled = this.#profileDir !== undefined && node === 0;
    const profile = isProfiled ? ['--cpu-prof', `--cpu-prof-dir=${this.#profileDir}`] : [];
    const name = `n${node + 1}-${this.httpPorts[node]}`;
    const server = this.#all.start(name, process.execPath, [
      ...profile,
      this.#launcher,
      '--config',
      configFile,
    ]);
    this.#running.set(node, server);
    return server;
  }

  async stopNode(node: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const server = this.#running.get(node);
    this.#running.delete(node);
    await server?.stop(signal);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((node) => this.stopNode(node)));
  }

  /** Waits until a node reports that it is ready. */
  waitUntilReady(node: number): Promise<void> {
    const ready = async (): Promise<boolean> =>
      (await ask({ port: this.httpPorts[node] ?? 0, path: '/ready' })).status === 200;
    return waitUntil(`node ${node + 1} is ready`, ready, { servers: this.servers });
  }

  /** The status of a node. */
  async status(node: number): Promise<MecStatus> {
    const { status, body } = await ask({ port: this.httpPorts[node] ?? 0, path: '/status' });
    if (status !== 200) throw new Error(`node ${node + 1} does not tell its status: ${status}`);
    return JSON.parse(body) as MecStatus;
  }

  #config(node: number): string {
    const portOf = (of: number): number => this.peerPorts[2 * of] ?? 0;
    const others = range(0, this.httpPorts.length).filter((other) => other !== node);
    const own = [
      `name = "n${node + 1}"`,
      `port = ${portOf(node)}`,
      `httpport = ${this.httpPorts[node]}`,
      `root = ${JSON.stringify(join(this.#directory, `n${node + 1}`))}`,
    ];
    const seeds = others.map((other) => `[[node]]\nhost = "127.0.0.1"\nport = ${portOf(other)}`);
    return `${[...own, ...seeds, this.#extra].join('\n')}\n`;
  }
}

/** The part of `/status` that is used here. */
export interface MecStatus {
  readonly store: {
    readonly keys?: number;
    readonly logEntries: number;
    readonly diskBytes?: number;
    readonly residues: number;
  };
  readonly sync: { readonly incomplete: number; readonly pulls: number };
  readonly memory: { readonly rssBytes: number };
}

/** Ends the processes of a cluster. */
export async function stopCluster({ servers }: Cluster): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
