/**
 * The machines of a run: hosts in namespaces, each with its own volume and wall clock, and the
 * state of each node.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { eventually, pause } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { HostedCluster, type HostedNode } from '../fixtures/network-hosts.ts';
import type { ChainContext } from './chain.ts';
import { Volume } from './volume.ts';
import { WallClock } from './wall-clock.ts';

/** `out` is not a member: never started, or gone. `leaving` ends by itself. */
export type Condition = 'running' | 'paused' | 'down' | 'leaving' | 'out';

const PORTS_EACH = 10;
/** The time in which a node must find its cluster, and must stop after a signal. */
const START_MS = 60_000;
const STOP_MS = 20_000;

/** One machine. */
export class Machine {
  readonly node: HostedNode;
  readonly volume: Volume;
  readonly clock: WallClock;
  condition: Condition = 'running';
  /**
   * Whether it was started on an empty disk and does not know its cluster yet. If it were cut off
   * now, it would begin a new cluster.
   */
  isLookingForCluster = false;
  /** Whether a present fault has it. */
  isReserved = false;

  constructor(node: HostedNode, volume: Volume, clock: WallClock) {
    this.node = node;
    this.volume = volume;
    this.clock = clock;
  }

  get name(): string {
    return this.node.name;
  }

  /** The number of its host, from 1. */
  get number(): number {
    return Number(this.name.slice(1));
  }

  get isMember(): boolean {
    return this.condition !== 'out' && this.condition !== 'leaving';
  }
}

/** All machines. */
export class Machines {
  readonly all: Machine[] = [];
  /** Violations: nodes that ended by themselves. */
  readonly wrong: string[] = [];
  /** Network faults that have not ended. */
  networkFaults = 0;
  #cluster: HostedCluster | undefined;

  /** Makes `count` machines with a running cluster, and one more that is not a member yet. */
  static async start(context: ChainContext, count: number): Promise<Machines> {
    const machines = new Machines();
    const prepare = (node: HostedNode): Promise<void> => machines.#prepare(context, node);
    machines.#cluster = await HostedCluster.start(context, count, { prepare });
    await machines.#cluster.add();
    machines.#last.condition = 'out';
    return machines;
  }

  async #prepare(context: ChainContext, node: HostedNode): Promise<void> {
    const clock = new WallClock(`${node.root}.clock`);
    await clock.jump(0);
    node.environment = clock.environment;
    const volume = await Volume.make({ file: join(`${node.root}-volume`), root: node.root });
    this.all.push(new Machine(node, volume, clock));
    context.after(async () => {
      node.signal('SIGCONT');
      await node.end('SIGKILL');
      await volume.close();
    });
  }

  get #last(): Machine {
    const machine = this.all.at(-1);
    assert.ok(machine !== undefined);
    return machine;
  }

  get cluster(): HostedCluster {
    assert.ok(this.#cluster !== undefined);
    return this.#cluster;
  }

  get members(): Machine[] {
    return this.all.filter(({ isMember }) => isMember);
  }

  /** The machines with a process, stopped or not. */
  get running(): Machine[] {
    return this.all.filter(({ condition }) => condition === 'running');
  }

  async kill(machine: Machine, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    machine.condition = 'down';
    machine.node.signal('SIGCONT');
    const isStuck = await Promise.race([
      machine.node.end(signal).then(() => false),
      pause(STOP_MS).then(() => true),
    ]);
    if (!isStuck) return;
    this.wrong.push(`${machine.name} did not end within ${STOP_MS} ms of ${signal}`);
    await machine.node.end('SIGKILL');
  }

  /** Starts a node with the present addresses of the others. */
  async start(machine: Machine): Promise<void> {
    const others = this.members.filter((other) => other !== machine).map(({ node }) => node);
    await machine.node.configure(others);
    machine.node.start();
    machine.condition = 'running';
  }

  /** Starts a node on an empty disk, and resolves when it has found its cluster. */
  async startEmpty(machine: Machine): Promise<void> {
    await machine.volume.wipe();
    // If it could not reach any other node, it would begin a new cluster.
    await eventually('the network is whole', async () => this.networkFaults === 0, START_MS);
    machine.isLookingForCluster = true;
    await this.start(machine);
    await eventually(
      `${machine.name} finds its cluster`,
      async () => (await machine.node.status()).members.length > 1,
      START_MS,
    );
    machine.isLookingForCluster = false;
  }

  /** Changes the port for its peers, from the next start on. */
  changePort({ node }: Machine): void {
    node.port = 7_000 + ((node.port - 7_000 + PORTS_EACH) % 1_000);
  }

  /** Asks a node to leave. It ends by itself when the others have all its data. */
  async leave(machine: Machine): Promise<boolean> {
    const answer = await send(`${machine.node.url}/cluster/leave`, { method: 'POST' }).catch(
      () => undefined,
    );
    if (answer?.status !== 202) return false;
    machine.condition = 'leaving';
    return true;
  }

  /** Declares a dead node gone, at another one. Resolves with whether that was accepted in time. */
  async declareGone(machine: Machine, at: Machine, timeoutMs: number): Promise<boolean> {
    const remove = async (): Promise<boolean> =>
      (await send(`${at.node.url}/cluster/remove/${machine.name}`, { method: 'POST' })).status ===
      200;
    return eventually(`${machine.name} is declared gone`, remove, timeoutMs).then(
      () => {
        machine.condition = 'out';
        machine.volume.forgetCopy();
        return true;
      },
      () => false,
    );
  }

  /** Notes nodes that have ended. Those that leave may end, others must not. */
  watch(): void {
    for (const machine of this.all) {
      const { ending } = machine.node;
      if (ending === undefined || machine.condition === 'down' || machine.condition === 'out')
        continue;
      if (machine.condition === 'leaving' && ending === 'exit 0') machine.volume.forgetCopy();
      else
        this.wrong.push(
          `${machine.name} ended by itself, ${ending}: ${machine.node.log.slice(-600)}`,
        );
      machine.condition = machine.condition === 'leaving' ? 'out' : 'down';
    }
  }

  /**
   * Resolves when all members are up and ready, see each other, and know no other node. Fails with
   * the missing conditions if that takes too long.
   */
  async whenWhole(timeoutMs: number): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    const left = (): number => Math.max(1, untilMs - performance.now());
    const departs = this.all.filter(({ condition }) => condition === 'leaving');
    for (const machine of departs) {
      await eventually(
        `${machine.name} has left`,
        async () => machine.node.ending !== undefined,
        left(),
      );
      this.watch();
    }
    const names = this.members.map(({ name }) => name).sort();
    for (const { name, node } of this.members) {
      let seen = '';
      const isWhole = async (): Promise<boolean> => {
        const { isReady, members, peers, sync } = await node.status();
        const there = members
          .filter(({ state }) => state !== 'gone')
          .map((each) => `${each.name} ${each.state}`);
        const unreached = peers.filter(
          ({ node: id, reach }) => names.includes(id) && reach !== 'reachable',
        );
        seen = JSON.stringify({
          isReady,
          there,
          unreached: unreached.map((peer) => peer.node),
          sync,
        });
        return (
          isReady &&
          unreached.length === 0 &&
          there.sort().join() === names.map((each) => `${each} up`).join()
        );
      };
      await eventually(`${name} is whole`, isWhole, left()).catch((error: unknown) => {
        throw new Error(`${name} is not whole: ${seen}`, { cause: error });
      });
    }
  }
}
