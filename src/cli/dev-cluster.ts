/** The processes of a development cluster. Each is `mec --config FILE`, as on a real machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { StartError } from '../base/errors.ts';
import {
  DEV_ASK_TIMEOUT_MS,
  DEV_CLOCK_LEAD_MS,
  DEV_POLL_MS,
  DEV_START_TIMEOUT_MS,
  DEV_STOP_TIMEOUT_MS,
} from './limits.ts';
import { sleepMs, systemClock } from '../base/system.ts';
import type { ServerStatus } from '../http/server-status.ts';
import { faultMessage } from './dev-faults.ts';
import type { DevNode, DevPlan } from './dev-plan.ts';
import { EXIT } from './exit-codes.ts';
import { statusOf } from './remote.ts';

/** One process. */
interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  isPaused: boolean;
  /** Whether this program asked it to end. */
  isEnding: boolean;
}

/** Starts and ends the processes, and notices when one ends by itself. */
export class DevCluster {
  readonly #plan: DevPlan;
  readonly #print: (line: string) => void;
  readonly #running = new Map<string, Running>();
  readonly #onFailed: (() => void)[] = [];
  #cutOff: ReadonlySet<string> = new Set();
  readonly #ahead = new Set<string>();
  /**
   * Whether the cluster has served. After that, a node that fails to start does not end the
   * command.
   */
  #hasServed = false;
  #isStopping = false;
  /** The exit code and the reason with which the command ends; undefined if nothing has failed. */
  failure: { readonly exitCode: number; readonly reason: string } | undefined;

  /** `say` prints a line. */
  constructor(plan: DevPlan, print: (line: string) => void) {
    this.#plan = plan;
    this.#print = print;
  }

  /** Whether a node's process runs and is not paused. */
  isRunning(name: string): boolean {
    return this.#running.get(name)?.isPaused === false;
  }

  isPaused(name: string): boolean {
    return this.#running.get(name)?.isPaused === true;
  }

  /** The members that are cut off from the others. They still reach each other. */
  get cutOff(): readonly string[] {
    return [...this.#cutOff].filter((name) => this.#plan.find(name) !== undefined);
  }

  /** Cuts members off from all others, in place of earlier cuts. HTTP still reaches them. */
  cut(names: readonly string[]): void {
    this.#cutOff = new Set(names);
    this.#tellFaults();
  }

  /** The members whose clocks are ahead. */
  get ahead(): readonly string[] {
    return [...this.#ahead].filter((name) => this.#plan.find(name) !== undefined);
  }

  /** Puts the clock of a member ahead, or right if it is ahead. Returns whether it is ahead now. */
  skew(name: string): boolean {
    if (!this.#ahead.delete(name)) this.#ahead.add(name);
    this.#tellFaults();
    return this.#ahead.has(name);
  }

  /** Starts all members. Each looks for all the others. Rejects with `StartError`. */
  async startAll(): Promise<void> {
    const { members } = this.#plan;
    for (const node of members) await this.#plan.checkPorts(node);
    for (const node of members) await this.#plan.configure(node, members);
    for (const node of members) this.#spawn(node);
  }

  /**
   * Starts one node, which looks for the running ones. Resolves when it answers or has ended.
   * Rejects with `StartError` if its ports are in use, or if it does neither in time.
   */
  async start(node: DevNode): Promise<void> {
    await this.#plan.checkPorts(node);
    const seeds = this.#plan.members.filter(({ name }) => this.#running.has(name));
    await this.#plan.configure(node, seeds.length > 0 ? seeds : this.#plan.members);
    this.#spawn(node);
    const untilMs = systemClock.monotonicMs() + DEV_START_TIMEOUT_MS;
    while (this.#running.has(node.name) && (await this.#statusOf(node)) === undefined) {
      if (systemClock.monotonicMs() > untilMs)
        throw new StartError(
          `${node.name} is running but did not answer within ${DEV_START_TIMEOUT_MS / 1000} s`,
        );
      await sleepMs(DEV_POLL_MS);
    }
    if (this.#running.has(node.name)) this.#print(`${node.name} serves at ${node.url}`);
  }

  /** Ends a node with a signal. Resolves when the process has ended. */
  async end(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    running.isEnding = true;
    running.child.kill(signal);
    // A paused process receives only this signal and SIGKILL.
    running.child.kill('SIGCONT');
    const timer = systemClock.after(DEV_STOP_TIMEOUT_MS, () => void running.child.kill('SIGKILL'));
    await running.exited;
    timer.cancel();
  }

  pause(name: string): void {
    this.#signal(name, 'SIGSTOP');
  }

  resume(name: string): void {
    this.#signal(name, 'SIGCONT');
  }

  /**
   * Resolves with true when all nodes of the first start serve, and with false if the start fails.
   */
  async whenServing(): Promise<boolean> {
    const untilMs = systemClock.monotonicMs() + DEV_START_TIMEOUT_MS;
    const awaited = this.#plan.kept.length > 0 ? this.#plan.kept : this.#plan.members;
    for (const node of awaited) {
      while (this.#plan.find(node.name) !== undefined && !(await this.#reachesAll(node))) {
        if (this.failure !== undefined || this.#isStopping) return false;
        if (systemClock.monotonicMs() > untilMs) {
          this.#fail(
            EXIT.failed,
            `${node.name} is not ready after ${DEV_START_TIMEOUT_MS / 1000} s`,
          );
          return false;
        }
        await sleepMs(DEV_POLL_MS);
      }
    }
    this.#hasServed = this.failure === undefined;
    return this.#hasServed;
  }

  /** Resolves when the start has failed, or when the last process has ended by itself. */
  whenFailed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.failure !== undefined) resolve();
      else this.#onFailed.push(resolve);
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#running.keys()].map((name) => this.end(name, 'SIGTERM')));
  }

  /** Tells each process which nodes it must not reach, and whether its clock is ahead. */
  #tellFaults(): void {
    const { members } = this.#plan;
    for (const { name } of members) {
      const isOff = this.#cutOff.has(name);
      const others = members.filter((other) => this.#cutOff.has(other.name) !== isOff);
      const { child } = this.#running.get(name) ?? {};
      const leadMs = this.#ahead.has(name) ? DEV_CLOCK_LEAD_MS : 0;
      // A process that has just ended needs no faults.
      if (child?.connected === true) child.send(faultMessage(others, leadMs), () => {});
    }
  }

  #signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    const running = this.#running.get(name);
    if (running === undefined) return;
    running.isPaused = signal === 'SIGSTOP';
    running.child.kill(signal);
  }

  #spawn(node: DevNode): void {
    const launcher = process.argv[1] as string;
    // The channel tells a node when its parent is gone, even if it was killed. The separate process
    // group keeps Ctrl-C on the terminal from reaching nodes and parent at once.
    const child = spawn(
      process.execPath,
      [...process.execArgv, launcher, '--config', node.configFile],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
      },
    );
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) =>
          this.#print(`${node.name} | ${line}`),
        );
    }
    const exited = new Promise<void>((resolve) => {
      // The event "exit" can come before the last lines of the process.
      child.on('close', (code, signal) => {
        this.#handleExit(node, code, signal);
        resolve();
      });
    });
    this.#running.set(node.name, { child, exited, isPaused: false, isEnding: false });
    if (this.#cutOff.size + this.#ahead.size > 0) this.#tellFaults();
  }

  #handleExit({ name }: DevNode, code: number | null, signal: string | null): void {
    const isExpected = this.#running.get(name)?.isEnding === true || this.#isStopping;
    this.#running.delete(name);
    if (isExpected) return;
    const how = signal ?? `exit code ${code ?? '?'}`;
    // If a node cannot start, there is no cluster. If one dies later, the others continue.
    if (code === EXIT.usage && !this.#hasServed) this.#fail(code, `${name} cannot start (${how})`);
    else if (this.#running.size === 0)
      this.#fail(EXIT.failed, `${name} ended (${how}), and no other node is running`);
    else if (code === 0) void this.#noteLeft(name);
    else this.#print(`${name} ended (${how}); restart it with "start ${name}"`);
  }

  /** Ends the command, unless an earlier failure does. */
  #fail(exitCode: number, reason: string): void {
    this.failure ??= { exitCode, reason };
    for (const resolve of this.#onFailed.splice(0)) resolve();
  }

  /** Notes why a node ended with exit code 0: it has left if another node confirms that. */
  async #noteLeft(name: string): Promise<void> {
    for (const node of this.#plan.members.filter((other) => this.isRunning(other.name))) {
      const status = await this.#statusOf(node);
      if (status?.members.find((member) => member.name === name)?.state !== 'gone') continue;
      await this.#plan.leave(name);
      this.#print(`${name} has left the cluster`);
      return;
    }
    this.#print(`${name} ended; restart it with "start ${name}"`);
  }

  /**
   * The status of the child process of this name; undefined if it does not answer, or if another
   * process has its address.
   */
  async #statusOf({ name, url }: DevNode): Promise<ServerStatus | undefined> {
    const { proofs } = this.#plan;
    const status = await statusOf({ url, proofs, timeout: DEV_ASK_TIMEOUT_MS });
    return status?.pid === this.#running.get(name)?.child.pid ? status : undefined;
  }

  /** Whether a node reaches all nodes of the first start and has caught up with them. */
  async #reachesAll(node: DevNode): Promise<boolean> {
    const status = await this.#statusOf(node);
    if (status?.isReady !== true) return false;
    const isUp = (name: string): boolean =>
      status.members.find((member) => member.name === name)?.state === 'up' &&
      (name === node.name ||
        status.peers.find((peer) => peer.node === name)?.reach === 'reachable');
    const awaited = this.#plan.kept.length > 0 ? this.#plan.kept : this.#plan.members;
    return awaited.every(({ name }) => this.#plan.find(name) === undefined || isUp(name));
  }
}
