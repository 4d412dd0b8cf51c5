/**
 * Clients that use a cluster in several ways at once, until they are told to pause, and go on when
 * they are told to.
 */
import { Dice } from '../../src/sim/world.ts';
import { pause, type TestNode } from '../fixtures/cluster.ts';
import { Door, type Tally } from './door.ts';
import { sample, type Workload } from './workload.ts';

/** What clients are made of. */
export interface ClientOptions {
  /** The nodes that they know now. */
  readonly nodes: () => readonly TestNode[];
  readonly workloads: readonly Workload[];
  readonly count: number;
  /** Between two things that one client does, at most. */
  readonly pauseMs: number;
  readonly seed: number;
}

/** Some clients. */
export class Clients {
  readonly tally: Tally = new Map();
  readonly #options: ClientOptions;
  readonly #lanes: Promise<void>[];
  #gate: Promise<void> | undefined;
  #open: () => void = () => {};
  #busy = 0;
  #isOver = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    const dice = new Dice(options.seed);
    this.#lanes = Array.from({ length: options.count }, () => this.#run(dice.fork()));
  }

  /** The door of a node. */
  door(node: TestNode): Door {
    return new Door(node, this.tally);
  }

  async #run(dice: Dice): Promise<void> {
    const { nodes, workloads, pauseMs } = this.#options;
    while (!this.#isOver) {
      await this.#gate;
      const known = nodes();
      this.#busy += 1;
      if (known.length > 0) await dice.pick(workloads).act(this.door(dice.pick(known)), dice.fork());
      this.#busy -= 1;
      await pause(1 + dice.below(pauseMs));
    }
  }

  /** Pauses all clients, and resolves when nothing is under way. */
  async rest(): Promise<void> {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve));
    // Each request has its own limit, so this ends.
    while (this.#busy > 0) await pause(20);
  }

  /** Lets all clients go on. */
  resume(): void {
    this.#open();
    this.#gate = undefined;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.resume();
    await Promise.all(this.#lanes);
  }

  /** What nodes answer at rest, judged at each of them. */
  async judge(nodes: readonly TestNode[], { isFinal, seed }: { isFinal: boolean; seed: number }): Promise<string[]> {
    const wrong: string[] = [];
    for (const node of nodes) {
      for (const workload of this.#options.workloads) {
        wrong.push(...(await workload.judge(this.door(node), { isFinal, dice: new Dice(seed) })));
      }
    }
    return wrong;
  }

  /** Some keys of each workload, drawn. */
  sample(count: number, seed: number): string[] {
    const dice = new Dice(seed);
    return this.#options.workloads.flatMap((workload) => sample(workload.keys(), count, dice));
  }

  /** What clients did, by workload, and what was wrong with the answers they got. */
  report(): { did: Record<string, Readonly<Record<string, number>>>; wrong: string[] } {
    const reports = this.#options.workloads.map((workload) => ({ name: workload.name, ...workload.report() }));
    return {
      did: Object.fromEntries(reports.map(({ name, did }) => [name, did])),
      wrong: reports.flatMap(({ wrong }) => wrong),
    };
  }
}
