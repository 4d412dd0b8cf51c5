/** A cluster of production nodes in a simulated world. Each node has a machine with a disk. */
import { HasLeftError, messageOf } from '../base/errors.ts';
import type { Address, Env } from '../base/env.ts';
import { DEFAULT_MAX_VALUE_BYTES, DEFAULT_N, type SyncLimits } from '../cluster/limits.ts';
import type { LedgerRecord } from '../core/security/ledger-record.ts';
import type { Config } from '../cluster/config.ts';
import { throttledLog } from '../base/throttled-log.ts';
import type { ProtocolRange } from '../transport/protocol.ts';
import { MecNode } from '../cluster/node.ts';
import type { HttpAnswer, HttpRequest } from '../http/exchange.ts';
import { answerInMemory } from '../http/in-memory.ts';
import { Clocks } from './clocks.ts';
import { SimDisk } from './disk.ts';
import { provedBy, type Server } from './http.ts';
import { secured } from './identities.ts';
import { type EncryptedFrom, MachineKeys } from './machine-keys.ts';
import { viewOf } from './member-view.ts';
import { SimNetwork } from './network.ts';
import { type TurnOptions, Turns } from './turns.ts';
import { Life, wallMicrosAt, type World } from './world.ts';

const FIRST_PORT = 7000;
const PORT_STEP = 10;
const RESTART_MS = 1_000;

/** The pause between two checks whether a cluster is at rest. */
const LOOK_MS = 50;

/** A machine, and the node on it. */
export class SimNode implements Server {
  readonly name: string;
  readonly disk = new SimDisk();
  readonly keys: MachineKeys;
  readonly #cluster: SimCluster;
  readonly #config: Config;
  #isWanted = false;
  #skewMs = 0;
  #address: Address;
  life: Life | undefined;
  /** Whether the node has left the cluster, so that it is not started again. */
  hasLeft = false;
  /** The state that the node must have in the end; undefined if either is right. */
  mustBecome: 'up' | 'gone' | undefined;
  /** The running node; undefined while it starts or stops, or is down. */
  node: MecNode | undefined;
  #env: Env | undefined;

  constructor(cluster: SimCluster, config: Config) {
    this.name = config.name;
    this.#cluster = cluster;
    this.#config = config;
    this.#address = cluster.nextAddress();
    this.keys = new MachineKeys(cluster.nodes.length);
  }

  /** The offset of the wall clock of the machine, ms. */
  get skewMs(): number {
    return this.#skewMs;
  }

  set skewMs(ms: number) {
    this.#cluster.clocks.note();
    this.#skewMs = ms;
    if (this.life !== undefined) this.life.skewMs = ms;
  }

  /** The versions of the protocol that it speaks from its next start on, if a test sets them. */
  protocol: ProtocolRange | undefined;
  /** Other values in its configuration from its next start on, if a test sets them. */
  configured: Partial<Config> = {};
  #starts = 0;

  /** Whether the node was started after the cluster was born. */
  isNew = false;

  /** The number of owners of a key, as the node knows it; undefined if it does not run. */
  get replicas(): number | undefined {
    return this.node?.replicas;
  }

  /** The offset of the wall clock of the machine, µs. */
  get skewMicros(): number {
    return 1_000 * this.#skewMs;
  }

  /** The address of the node. */
  get address(): Address {
    return this.#address;
  }

  /** Gives the node another address, from its next start on. */
  changeAddress(): void {
    this.#address = this.#cluster.nextAddress();
  }

  get isUp(): boolean {
    return this.life !== undefined;
  }

  /** Starts a new life on the disk as it is. Does nothing if the node runs. */
  start(): void {
    this.#isWanted = true;
    if (this.isUp || this.hasLeft) return;
    this.isNew = this.#cluster.isBorn;
    const { world, network } = this.#cluster;
    const life = new Life(world, this.name);
    life.skewMs = this.#skewMs;
    this.life = life;
    const env = {
      clock: life.clock,
      random: world.dice,
      log: throttledLog(life.log, life.clock),
      network: network.of(life),
    };
    this.#env = env;
    const openEngine = async (): ReturnType<typeof this.open> => this.open(life);
    const onEnd = (reason: Error | undefined): void => this.#end(life, reason);
    const onBegin = (): void => this.#cluster.onBegin?.();
    const { limits, turns, encryptedFrom, firstRecords } = this.#cluster;
    const nodes = this.#cluster.addresses();
    const atRest = this.keys.atStart(this.#starts, encryptedFrom);
    const turn = this.#cluster.nodes.indexOf(this) + this.#starts++;
    const fields = turns.placementFields(turn);
    const config = { ...this.#config, ...fields, ...this.#address, nodes, ...this.configured };
    const protocol = this.protocol ?? turns.protocol(turn + 1);
    const options = { config, env, openEngine, atRest, limits, protocol, firstRecords };
    MecNode.start({ ...options, onEnd, onBegin }).then(
      (node) => {
        if (this.life === life) this.node = node;
      },
      (error: unknown) => {
        world.trace(`${this.name} does not start: ${messageOf(error)}`);
        if (this.life !== life) return;
        this.crash();
        this.hasLeft = error instanceof HasLeftError;
        world.after(RESTART_MS, () => this.start());
      },
    );
  }

  /** Deals with a node that has left the cluster, or that failed and must be started again. */
  #end(life: Life, reason: Error | undefined): void {
    if (this.life !== life) return;
    this.#cluster.world.trace(
      `${this.name} ends: ${reason === undefined ? 'it has left' : messageOf(reason)}`,
    );
    this.hasLeft = reason === undefined;
    this.stop();
    if (reason !== undefined) this.start();
  }

  /** Whether the node runs, knows its cluster, and is an owner of a key. */
  owns(key: string): boolean {
    try {
      return this.node?.owns(key) === true;
    } catch {
      return false;
    }
  }

  async open(life: Life): Promise<ReturnType<SimDisk['open']>> {
    return this.disk.open(this.#cluster.world, life);
  }

  /** Ends the process at once. Rows that were not synced are lost; frames under way are not. */
  crash(): void {
    const { life } = this;
    if (life === undefined) return;
    life.end();
    this.#cluster.network.forget(life);
    this.life = undefined;
    this.node = undefined;
  }

  /** Answers the request of a client. Rejects if the process is down, or ends before its answer. */
  send(request: HttpRequest): Promise<HttpAnswer> {
    const proved = provedBy(this.#cluster.proof, request);
    return new Promise((resolve, reject) => {
      const { life } = this;
      const unwatch = life?.watch(() => reject(new Error('connection reset')));
      const serve = (): void => {
        const [node, env] = [this.node, this.#env];
        if (node === undefined || env === undefined) reject(new Error('connection refused'));
        else
          void answerInMemory({ node, env, batches: { count: 0 } }, proved)
            .then(resolve)
            .finally(unwatch);
      };
      if (life === undefined) serve();
      else life.run(serve);
    });
  }

  /** Stops the node cleanly. */
  stop(): void {
    const { life, node } = this;
    if (life === undefined || node === undefined) return;
    this.node = undefined;
    this.#isWanted = false;
    // The process exits even if the stop fails. By then it may have been told to start again.
    const exit = (): void => {
      if (this.life !== life) return;
      this.crash();
      if (this.#isWanted) this.start();
    };
    node.stop().then(exit, exit);
  }
}

/** The nodes of a cluster. */
export interface SimClusterOptions extends TurnOptions {
  readonly count: number;
  /** Limits of its nodes; those of production if undefined. */
  readonly limits?: SyncLimits;
  /** Configuration of its nodes in place of the defaults. */
  readonly config?: Partial<Config>;
  /** The start of a node from which on its store is encrypted; never if undefined. */
  readonly encryptedFrom?: EncryptedFrom;
  /** The records with which the ledgers of its nodes begin. */
  readonly firstRecords?: readonly LedgerRecord[];
  /** The token of all clients. Without it, requests need none. */
  readonly proof?: string;
}

/** All machines, and the network between them. */
export class SimCluster {
  readonly world: World;
  readonly limits: SyncLimits | undefined;
  readonly turns: Turns;
  readonly encryptedFrom: EncryptedFrom;
  /** The quorums in the configuration of its nodes. */
  readonly quorum: Config['quorum'];
  readonly #config: Partial<Config>;
  readonly firstRecords: readonly LedgerRecord[];
  /** The token of all clients, if requests need one. */
  readonly proof: string | undefined;
  readonly network: SimNetwork;
  readonly clocks: Clocks;
  /** All nodes that the cluster ever had. */
  readonly nodes: SimNode[] = [];

  /**
   * Called when a node begins a cluster of its own: it has lost its disk, and cannot reach the
   * others.
   */
  onBegin: (() => void) | undefined;
  /** Whether the first nodes have found each other. */
  isBorn = false;
  #addresses = 0;
  /** The cluster was not at rest, and is not checked again before this time. */
  #restlessMs = 0;

  constructor(world: World, options: SimClusterOptions) {
    const { count, limits, config = {}, firstRecords = [], ...rest } = options;
    const { encryptedFrom = 'never', proof, ...turns } = rest;
    this.proof = proof;
    this.encryptedFrom = encryptedFrom;
    this.firstRecords = firstRecords;
    this.turns = new Turns(turns);
    this.world = world;
    this.limits = limits;
    this.#config = config;
    this.quorum = config.quorum ?? { n: DEFAULT_N, r: 'quorum', w: 'quorum', timeoutMs: 3_000 };
    this.network = new SimNetwork(world);
    this.clocks = new Clocks(this);
    for (let i = 0; i < count; i++) this.add();
  }

  /**
   * The addresses of the nodes that have not left, as operators keep them in the configurations.
   */
  addresses(): Address[] {
    return this.nodes.filter(({ hasLeft }) => !hasLeft).map(({ address }) => address);
  }

  /** Returns an address that no node has had yet. */
  nextAddress(): Address {
    this.#addresses += 1;
    return { host: 'sim', port: FIRST_PORT + PORT_STEP * this.#addresses };
  }

  /** Adds a node. The caller must start it. */
  add(): SimNode {
    const index = this.nodes.length;
    const config: Config = {
      name: `n${index + 1}`,
      host: 'sim',
      port: FIRST_PORT,
      httpport: 1,
      root: '',
      ...this.turns.placementFields(index),
      nodes: [],
      quorum: this.quorum,
      storage: { sync: true },
      security: { mode: 'open', maxAgeMs: Infinity, requestsPerSecond: Infinity },
      http: {
        maxValueBytes: DEFAULT_MAX_VALUE_BYTES,
        origins: [],
        hosts: [],
        proxies: [],
        unsignedTokens: true,
        ui: false,
      },
      log: { format: 'text', level: 'info', slowMs: Infinity, keys: true },
      policies: [],
      ...this.#config,
    };
    const node = new SimNode(this, this.proof === undefined ? config : secured(config));
    this.nodes.push(node);
    return node;
  }

  /** The right time, µs since 1970. */
  get rightMicros(): number {
    return wallMicrosAt(this.world.nowMs);
  }

  get #staying(): SimNode[] {
    return this.nodes.filter(({ hasLeft }) => !hasLeft);
  }

  /** Whether every node runs, all nodes agree, and none has anything left to do. */
  isAtRest(): boolean {
    if (this.world.nowMs < this.#restlessMs) return false;
    const isAtRest = this.#areIdle() && this.#doAgree() && this.#areEqual();
    if (!isAtRest) this.#restlessMs = this.world.nowMs + LOOK_MS;
    return isAtRest;
  }

  /**
   * Whether all nodes know the same members in the same states and lives. Until then their quorums
   * need not intersect, and an answer of an unknown life does not count.
   */
  #doAgree(): boolean {
    const staying = this.#staying;
    const views = staying.map(viewOf);
    const here = new Set(staying.map(({ name }) => name));
    const members = staying[0]?.node?.members ?? [];
    const there = members.filter(({ state }) => state !== 'gone');
    const areThere = there.length === here.size && there.every(({ name }) => here.has(name));
    return new Set(views).size === 1 && areThere;
  }

  /** Whether all owners have seen the same dots. */
  #areEqual(): boolean {
    const seen = new Map<number, number>();
    for (const { node } of this.#staying) {
      for (const [partition, hash] of node?.digests() ?? []) {
        if ((seen.get(partition) ?? hash) !== hash) return false;
        seen.set(partition, hash);
      }
    }
    return true;
  }

  #areIdle(): boolean {
    return this.#staying.every(({ node }) => {
      if (node?.state !== 'up') return false;
      const { incomplete, fallbacks, waiting, running } = node.syncStatus;
      if (incomplete + fallbacks + waiting + running > 0) return false;
      const { state, logEntries, residues } = node.storeStatus;
      return state === 'ok' && logEntries === 0 && residues === 0;
    });
  }

  /**
   * Returns requests and rows that wait although the cluster is at rest: more than probes,
   * comparisons and a scrub need.
   */
  unfinishedWork(): string[] {
    return this.#staying.flatMap(({ name, node }) => {
      if (node === undefined) return [];
      const { peers, store } = node.status();
      // A node that has just left is probed until it counts as unreachable.
      const there = peers.filter(({ reach }) => reach === 'reachable');
      const waiting = there.flatMap(({ node: peer, data, probes }) => {
        const isBusy =
          data.pending > 2 || data.queued > 2 || probes.pending > 1 || probes.queued > 1;
        return isBusy
          ? [`${name} still waits for ${peer}: ${JSON.stringify({ data, probes })}`]
          : [];
      });
      return (store.pending?.rows ?? 0) > 0
        ? [...waiting, `${name} still has rows to write`]
        : waiting;
    });
  }

  /** Describes the state of each node, for a cluster that does not come to rest. */
  describeUnrest(): string {
    return this.#staying
      .map(({ name, node }) => {
        if (node === undefined) return `${name} down`;
        const { state, storeStatus: store, syncStatus: sync } = node;
        return `${name} ${state} ${JSON.stringify({ ...store, ...sync })} ${viewOf({ node })}`;
      })
      .join('\n');
  }
}
