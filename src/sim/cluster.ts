/** A cluster of production nodes in a simulated world: each on a machine with a disk, in one life after another. */
import { HasLeftError, messageOf } from '../base/errors.ts';
import type { Address, Env } from '../base/env.ts';
import { DEFAULT_MAX_VALUE_BYTES, DEFAULT_N, type SyncLimits } from '../cluster/limits.ts';
import type { Config } from '../cluster/config.ts';
import { throttledLog } from '../base/throttled-log.ts';
import { MecNode } from '../cluster/node.ts';
import type { HttpAnswer, HttpRequest } from '../http/exchange.ts';
import { answerPlain } from '../http/plain.ts';
import { Clocks } from './clocks.ts';
import { SimDisk } from './disk.ts';
import type { Server } from './http.ts';
import { SimNetwork } from './network.ts';
import { Life, wallMicrosAt, type World } from './world.ts';

const FIRST_PORT = 7000;
const PORT_STEP = 10;
const RESTART_MS = 1_000;

/** Whether a cluster is at rest is looked at so often. */
const LOOK_MS = 50;

/** One machine, and the node on it. */
export class SimNode implements Server {
  readonly name: string;
  readonly disk = new SimDisk();
  readonly #cluster: SimCluster;
  readonly #config: Config;
  #isWanted = false;
  #skewMs = 0;
  #address: Address;
  life: Life | undefined;
  /** Whether it does not belong to the cluster any more: it is not started again. */
  hasLeft = false;
  /** What is to become of it, where that is certain. */
  mustBecome: 'up' | 'gone' | undefined;
  /** The running node; undefined while it starts, stops, or is down. */
  node: MecNode | undefined;
  #env: Env | undefined;

  constructor(cluster: SimCluster, config: Config) {
    this.name = config.name;
    this.#cluster = cluster;
    this.#config = config;
    this.#address = cluster.nextAddress();
  }

  /** How far the wall clock of the machine is off, ms. */
  get skewMs(): number {
    return this.#skewMs;
  }

  set skewMs(ms: number) {
    this.#cluster.clocks.note();
    this.#skewMs = ms;
    if (this.life !== undefined) this.life.skewMs = ms;
  }

  /** Whether it was started after the cluster was born. */
  isNew = false;

  /** Owners of a key, as its node knows them. */
  get replicas(): number | undefined {
    return this.node?.replicas;
  }

  /** The same in µs. */
  get skewMicros(): number {
    return 1_000 * this.#skewMs;
  }

  /** Where others find it. */
  get address(): Address {
    return this.#address;
  }

  /** From its next start on, it is found elsewhere. */
  move(): void {
    this.#address = this.#cluster.nextAddress();
  }

  get isUp(): boolean {
    return this.life !== undefined;
  }

  /** Starts a new life on the disk as it is; does nothing where one is going on. */
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
    const { limits } = this.#cluster;
    const config = { ...this.#config, ...this.#address, nodes: this.#cluster.addresses() };
    MecNode.start({ config, env, openEngine, limits, onEnd, onBegin }).then(
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

  /** The node has no more business here; or cannot go on, and is started again. */
  #end(life: Life, reason: Error | undefined): void {
    if (this.life !== life) return;
    this.#cluster.world.trace(`${this.name} ends: ${reason === undefined ? 'it has left' : messageOf(reason)}`);
    this.hasLeft = reason === undefined;
    this.stop();
    if (reason !== undefined) this.start();
  }

  /** Whether it runs, knows its cluster, and is an owner of a key. */
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

  /** Ends the process at once. What was not synced is gone; frames under way are not. */
  crash(): void {
    const { life } = this;
    if (life === undefined) return;
    life.end();
    this.#cluster.network.forget(life);
    this.life = undefined;
    this.node = undefined;
  }

  /** A client's request; rejects when there is no process, or none any more, that could answer. */
  send(request: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const { life } = this;
      const unwatch = life?.watch(() => reject(new Error('connection reset')));
      const serve = (): void => {
        const [node, env] = [this.node, this.#env];
        if (node === undefined || env === undefined) reject(new Error('connection refused'));
        else void answerPlain({ node, env }, request).then(resolve).finally(unwatch);
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
    // However it went, the process exits; it may have been told to start again by then.
    const exit = (): void => {
      if (this.life !== life) return;
      this.crash();
      if (this.#isWanted) this.start();
    };
    node.stop().then(exit, exit);
  }
}

/** What a cluster is made of. */
export interface SimClusterOptions {
  readonly count: number;
  /** Bounds for its nodes, where not those of production. */
  readonly limits?: SyncLimits;
  /** What else its nodes are configured with, in place of the defaults. */
  readonly config?: Partial<Config>;
}

/** All machines, and the network between them. */
export class SimCluster {
  readonly world: World;
  readonly limits: SyncLimits | undefined;
  /** The quorums that its nodes are configured with. */
  readonly quorum: Config['quorum'];
  readonly #config: Partial<Config>;
  readonly network: SimNetwork;
  readonly clocks: Clocks;
  /** All there have been, those that have left included. */
  readonly nodes: SimNode[] = [];

  /** A node has lost its disk and could not reach the others: it is a cluster of its own until it can. */
  onBegin: (() => void) | undefined;
  /** Whether its first nodes have found each other. */
  isBorn = false;
  #addresses = 0;
  /** Not at rest, and not looked at again, before. */
  #restlessMs = 0;

  constructor(world: World, { count, limits, config = {} }: SimClusterOptions) {
    this.#config = config;
    this.quorum = config.quorum ?? { n: DEFAULT_N, r: 'quorum', w: 'quorum', timeoutMs: 3_000 };
    this.world = world;
    this.limits = limits;
    this.#config = config;
    this.quorum = config.quorum ?? { n: DEFAULT_N, r: 'quorum', w: 'quorum', timeoutMs: 3_000 };
    this.network = new SimNetwork(world);
    this.clocks = new Clocks(this);
    for (let i = 0; i < count; i++) this.add();
  }

  /** Where the nodes are that belong to the cluster: operators keep configurations right. */
  addresses(): Address[] {
    return this.nodes.filter(({ hasLeft }) => !hasLeft).map(({ address }) => address);
  }

  /** An address at which nothing has been yet. */
  nextAddress(): Address {
    this.#addresses += 1;
    return { host: 'sim', port: FIRST_PORT + PORT_STEP * this.#addresses };
  }

  /** One more node; it is to be started. */
  add(): SimNode {
    const config: Config = {
      name: `n${this.nodes.length + 1}`,
      host: 'sim',
      port: FIRST_PORT,
      httpport: 1,
      root: '',
      zone: undefined,
      weight: 1,
      nodes: [],
      quorum: this.quorum,
      storage: { sync: true },
      http: { maxValueBytes: DEFAULT_MAX_VALUE_BYTES, origins: [] },
      policies: [],
      ...this.#config,
    };
    const node = new SimNode(this, config);
    this.nodes.push(node);
    return node;
  }

  /** What a wall clock shows that is right, µs since 1970. */
  get rightMicros(): number {
    return wallMicrosAt(this.world.nowMs);
  }

  get #staying(): SimNode[] {
    return this.nodes.filter(({ hasLeft }) => !hasLeft);
  }

  /** Whether every node runs and nobody has anything left to do for another. */
  isAtRest(): boolean {
    if (this.world.nowMs < this.#restlessMs) return false;
    const isAtRest = this.#areIdle() && this.#doAgree() && this.#areEqual();
    if (!isAtRest) this.#restlessMs = this.world.nowMs + LOOK_MS;
    return isAtRest;
  }

  /**
   * Whether all know the same members, in the same states and lives, and know which have left. Until
   * then their quorums need not intersect, and an answer of a life that is not known counts for nothing.
   */
  #doAgree(): boolean {
    const staying = this.#staying;
    const views = staying.map(viewOf);
    const here = new Set(staying.map(({ name }) => name));
    const members = staying[0]?.node?.status().members ?? [];
    const there = members.filter(({ state }) => state !== 'gone');
    const areThere = there.length === here.size && there.every(({ name }) => here.has(name));
    return new Set(views).size === 1 && areThere;
  }

  /** Whether all owners have seen the same. */
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
      if (node === undefined) return false;
      const { state, store, sync } = node.status();
      if (state !== 'up') return false;
      const isIdle = sync.incomplete + sync.fallbacks + sync.waiting + sync.running === 0;
      return store.state === 'ok' && isIdle && store.logEntries === 0 && store.residues === 0;
    });
  }

  /**
   * Requests and rows that still wait where nothing is going on: more than probes, comparisons and
   * a scrub account for.
   */
  leftovers(): string[] {
    return this.#staying.flatMap(({ name, node }) => {
      if (node === undefined) return [];
      const { peers, store } = node.status();
      // Who has just left is probed until it counts as unreachable.
      const there = peers.filter(({ reach }) => reach === 'reachable');
      const waiting = there.flatMap(({ node: peer, data, probes }) => {
        const isBusy = data.pending > 2 || data.queued > 2 || probes.pending > 1 || probes.queued > 1;
        return isBusy ? [`${name} still waits for ${peer}: ${JSON.stringify({ data, probes })}`] : [];
      });
      return (store.pending?.rows ?? 0) > 0 ? [...waiting, `${name} still has rows to write`] : waiting;
    });
  }

  /** What keeps it from rest, for people. */
  unrest(): string {
    return this.#staying
      .map(({ name, node }) => {
        if (node === undefined) return `${name} down`;
        const { state, store, sync } = node.status();
        return `${name} ${state} ${JSON.stringify({ ...store, ...sync })} ${viewOf({ node })}`;
      })
      .join('\n');
  }
}

/** Who belongs to the cluster, as a node knows it. */
function viewOf({ node }: Pick<SimNode, 'node'>): string {
  return (node?.status().members ?? [])
    .map(({ name, state, generation, life }) => `${name} ${state} ${generation} ${life}`)
    .sort()
    .join();
}
