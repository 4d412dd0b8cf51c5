/** Clients that use a cluster in several ways at once. They can be paused and resumed. */
import { Dice } from '../../src/sim/world.ts';
import { pause, type TestNode } from '../fixtures/cluster.ts';
import { NodeClient, type Tally } from './node-client.ts';
import { sample, type Workload } from './workload.ts';

/** The parts of clients. */
export interface ClientOptions {
  /** The nodes that they use now. */
  readonly nodes: () => readonly TestNode[];
  readonly workloads: readonly Workload[];
  readonly count: number;
  /** The longest pause between two actions of one client. */
  readonly pauseMs: number;
  readonly seed: number;
}

/** A group of clients. */
export class Clients {
  readonly tally: Tally = new Map();
  readonly #options: ClientOptions;
  readonly #loops: Promise<void>[];
  #gate: Promise<void> | undefined;
  #open: () => void = () => {};
  #busy = 0;
  #isOver = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    const dice = new Dice(options.seed);
    this.#loops = Array.from({ length: options.count }, () => this.#run(dice.fork()));
  }

  /** The HTTP interface of a node. */
  clientOf(node: TestNode): NodeClient {
    return new NodeClient(node, this.tally);
  }

  async #run(dice: Dice): Promise<void> {
    const { nodes, workloads, pauseMs } = this.#options;
    while (!this.#isOver) {
      await this.#gate;
      const known = nodes();
      this.#busy += 1;
      if (known.length > 0)
        await dice.pick(workloads).act(this.clientOf(dice.pick(known)), dice.fork());
      this.#busy -= 1;
      await pause(1 + dice.below(pauseMs));
    }
  }

  /** Pauses all clients, and resolves when no request is in progress. */
  async pause(): Promise<void> {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve));
    // Each request has a limit, so this ends.
    while (this.#busy > 0) await pause(20);
  }

  /** Resumes all clients. */
  resume(): void {
    this.#open();
    this.#gate = undefined;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.resume();
    await Promise.all(this.#loops);
  }

  /** Judges the answers of each node at rest. */
  async judge(
    nodes: readonly TestNode[],
    { isFinal, seed }: { isFinal: boolean; seed: number },
  ): Promise<string[]> {
    const wrong: string[] = [];
    for (const node of nodes) {
      for (const workload of this.#options.workloads) {
        wrong.push(
          ...(await workload.judge(this.clientOf(node), { isFinal, dice: new Dice(seed) })),
        );
      }
    }
    return wrong;
  }

  /** Some keys of each workload, drawn at random. */
  sample(count: number, seed: number): string[] {
    const dice = new Dice(seed);
    return this.#options.workloads.flatMap((workload) => sample(workload.keys(), count, dice));
  }

  /** The number of actions by workload, and the violations in the answers so far. */
  report(): { did: Record<string, Readonly<Record<string, number>>>; wrong: string[] } {
    const reports = this.#options.workloads.map((workload) => ({
      name: workload.name,
      ...workload.report(),
    }));
    return {
      did: Object.fromEntries(reports.map(({ name, did }) => [name, did])),
      wrong: reports.flatMap(({ wrong }) => wrong),
    };
  }
}
