/**
 * The long run: epochs of faults under load. After each comes a rest in which everything heals, no
 * client writes, and every node is checked for all acknowledged writes.
 */
import { Dice } from '../../src/sim/world.ts';
import { pause, type TestNode } from '../fixtures/cluster.ts';
import { atRest } from '../fixtures/load.ts';
import type { ChainContext } from './chain.ts';
import { Clients } from './clients.ts';
import { Counters, Locks } from './conditional-workloads.ts';
import { differences } from './convergence.ts';
import { FAULTS } from './faults.ts';
import { Machines } from './machines.ts';
import { Deletes, Registers, Sets, Uniques } from './plain-workloads.ts';
import { drawEpoch, type Epoch, type Step } from './schedule.ts';

const NODES = 5;
const CLIENTS = 12;
const CLIENT_PAUSE_MS = 60;
/**
 * The time in which all nodes must be whole and at rest after the faults have ended. A gap may be
 * closed only after twice `lostAfterMs`.
 */
const HEAL_MS = 240_000;
const WATCH_MS = 200;
/** Keys of each workload whose owners are compared at each rest. */
const SAMPLE = 30;
/** Longer than any jump of a clock, so no value expires. */
const TTL_SECONDS = 4 * 3_600;

/** An event, and its time. */
export interface Event {
  readonly atMs: number;
  readonly what: string;
}

/** The result of a run. */
export interface RunResult {
  readonly seed: number;
  readonly seconds: number;
  readonly epochs: number;
  readonly wrong: readonly string[];
  readonly history: readonly Event[];
  readonly did: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly answers: Readonly<Record<string, number>>;
  /** The time until each rest, in ms. */
  readonly restMs: readonly number[];
  readonly states: Readonly<Record<string, unknown>>;
  /** The number of lines in the log of each node. */
  readonly logLines: Readonly<Record<string, number>>;
  readonly logs: Readonly<Record<string, string>>;
}

/** The options of a run. */
export interface RunOptions {
  readonly seconds: number;
  /** The faults that may occur; all by default. */
  readonly faults?: readonly string[] | undefined;
}

/** A run in progress. */
class Run {
  readonly #context: ChainContext;
  readonly #machines: Machines;
  readonly #clients: Clients;
  readonly #uniques: readonly Uniques[];
  readonly #startMs = performance.now();
  readonly history: Event[] = [];
  readonly wrong: string[] = [];
  readonly restMs: number[] = [];
  /** The status of each node, if no rest was reached. */
  readonly states: Record<string, unknown> = {};
  #epochs = 0;

  constructor(context: ChainContext, machines: Machines) {
    this.#context = context;
    this.#machines = machines;
    const nodes = (): TestNode[] => machines.members.map(({ node }) => node);
    const locks = new Locks(() => machines.running.map(({ node }) => this.#clients.clientOf(node)));
    const lives = new Uniques('t', { 'X-Mec-TTL': String(TTL_SECONDS) });
    this.#uniques = [new Uniques(), lives];
    const workloads = [
      ...this.#uniques,
      new Deletes(),
      new Registers(),
      new Sets(),
      new Counters(),
      locks,
    ];
    this.#clients = new Clients({
      nodes,
      workloads,
      count: CLIENTS,
      pauseMs: CLIENT_PAUSE_MS,
      seed: context.seed,
    });
    context.after(() => this.#clients.stop());
  }

  note(what: string): void {
    this.history.push({ atMs: Math.round(performance.now() - this.#startMs), what });
    this.#context.say(what);
  }

  async run({ seconds, faults }: RunOptions): Promise<RunResult> {
    const dice = new Dice(this.#context.seed);
    const watching = setInterval(() => this.#machines.watch(), WATCH_MS);
    this.#context.after(() => clearInterval(watching));
    while (performance.now() - this.#startMs < seconds * 1_000 && this.wrong.length === 0) {
      this.#epochs += 1;
      await this.#epoch(drawEpoch(dice, faults));
      const isLast = performance.now() - this.#startMs >= seconds * 1_000;
      await this.#rest(isLast);
    }
    clearInterval(watching);
    await this.#clients.stop();
    return this.#result(seconds);
  }

  async #epoch({ steps, lengthMs }: Epoch): Promise<void> {
    this.note(`epoch ${this.#epochs}: ${steps.length} faults in ${Math.round(lengthMs / 1_000)} s`);
    // Without an earlier state there is nothing to roll back to.
    for (const { volume } of this.#machines.running) if (!volume.hasCopy) await volume.copy();
    const startMs = performance.now();
    const running: Promise<void>[] = [];
    for (const step of steps) {
      await pause(Math.max(0, startMs + step.atMs - performance.now()));
      running.push(this.#runFault(step));
    }
    await pause(Math.max(0, startMs + lengthMs - performance.now()));
    await Promise.all(running);
  }

  async #runFault({ fault: name, durationMs, seed }: Step): Promise<void> {
    const fault = FAULTS[name];
    if (fault === undefined) return;
    const machines = this.#machines;
    const isNetwork = fault.isNetwork === true;
    if (isNetwork && machines.networkFaults > 0) return;
    if (isNetwork) machines.networkFaults += 1;
    try {
      const say = (what: string): void => this.note(`${name}, ${durationMs} ms: ${what}`);
      const hasRun = await fault.run({ machines, dice: new Dice(seed), durationMs, say });
      if (!hasRun) this.note(`${name}: no victim`);
    } catch (error) {
      this.wrong.push(`${name} did not end: ${reasonOf(error)}`);
    } finally {
      if (isNetwork) machines.networkFaults -= 1;
    }
  }

  /** Heals everything, pauses clients, and checks each node for all acknowledged writes. */
  async #rest(isFinal: boolean): Promise<void> {
    const machines = this.#machines;
    const startMs = performance.now();
    try {
      for (const machine of machines.members)
        if (machine.condition === 'down') await machines.start(machine);
      await machines.whenWhole(HEAL_MS);
      await this.#clients.pause();
      const nodes = machines.members.map(({ node }) => node);
      await atRest({ nodes }, HEAL_MS);
      this.restMs.push(Math.round(performance.now() - startMs));
      this.wrong.push(
        ...(await this.#clients.judge(nodes, { isFinal, seed: this.#context.seed + this.#epochs })),
      );
      for (const uniques of this.#uniques) uniques.judged();
      const [first] = nodes;
      const keys = this.#clients.sample(SAMPLE, this.#context.seed + this.#epochs);
      if (first !== undefined) this.wrong.push(...(await differences(first, keys)));
    } catch (error) {
      for (const { name, node } of machines.running)
        this.states[name] = await node.status().catch(reasonOf);
      this.wrong.push(`no rest within ${HEAL_MS} ms: ${reasonOf(error)}`);
    }
    this.wrong.push(...machines.wrong.splice(0), ...this.#clients.report().wrong);
    this.note(
      `rest after ${Math.round((performance.now() - startMs) / 1_000)} s, ${this.wrong.length} violations`,
    );
    this.#clients.resume();
  }

  #result(seconds: number): RunResult {
    const nodes = this.#machines.all.map(({ node }) => node);
    return {
      seed: this.#context.seed,
      seconds,
      epochs: this.#epochs,
      wrong: this.wrong,
      history: this.history,
      did: this.#clients.report().did,
      answers: Object.fromEntries([...this.#clients.tally].sort(([a], [b]) => a.localeCompare(b))),
      restMs: this.restMs,
      states: this.states,
      logLines: Object.fromEntries(
        nodes.map(({ name, log }) => [name, log.split('\n').length - 1]),
      ),
      logs: Object.fromEntries(nodes.map(({ name, log }) => [name, log])),
    };
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Runs for some seconds of faults, or until there is a violation. */
export async function runLong(context: ChainContext, options: RunOptions): Promise<RunResult> {
  const machines = await Machines.start(context, NODES);
  return new Run(context, machines).run(options);
}
