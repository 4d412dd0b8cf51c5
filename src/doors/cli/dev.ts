/**
 * `mec dev`: a whole cluster on this machine for trying things out. Every node is a process of its own, started as
 * `mec --config FILE` with a file that one can read; nothing here is simulated.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { StartError } from '../../base/errors.ts';
import { DEV_START_TIMEOUT_MS, DEV_STOP_TIMEOUT_MS } from '../../base/limits.ts';
import { sleepMs, systemClock } from '../../base/system.ts';
import { openLevelEngine } from '../../storage/level.ts';
import { readVersion } from '../embed/version.ts';

/** What a user may choose. */
export interface DevOptions {
  readonly nodes: number;
  /** Of the first node; node i has `httpport + i`. */
  readonly httpport: number;
  /** Of the first node; node i has `port + 10 · i`, and the next one for data. */
  readonly port: number;
  /** Directory that holds everything. */
  readonly data: string;
  /** Whether to begin with an empty store. */
  readonly fresh?: boolean;
}

interface DevNode {
  readonly name: string;
  readonly url: string;
  readonly configFile: string;
  readonly config: string;
}

const PORT_STEP = 10;
const HOST = '127.0.0.1';
const POLL_MS = 100;

/** Plans the nodes: names, ports and configuration files. */
export function planNodes({ nodes, httpport, port, data }: DevOptions): DevNode[] {
  const ports = Array.from({ length: nodes }, (_, i) => port + PORT_STEP * i);
  return ports.map((own, i) => {
    const name = `n${i + 1}`;
    const directory = resolve(data, name);
    const seeds = ports
      .filter((other) => other !== own)
      .map((other) => `\n[[node]]\nhost = "${HOST}"\nport = ${other}\n`);
    const config = [
      `# Written anew by every "mec dev".`,
      `name = "${name}"`,
      `host = "${HOST}"`,
      `port = ${own}`,
      `httpport = ${httpport + i}`,
      `root = ${JSON.stringify(join(directory, 'db'))}`,
      ...seeds,
    ].join('\n');
    return { name, url: `http://${HOST}:${httpport + i}`, configFile: join(directory, 'mec.toml'), config };
  });
}

/** Runs a cluster until SIGINT or SIGTERM; resolves with the exit code. */
export async function runDev(options: DevOptions): Promise<number> {
  const nodes = planNodes(options);
  await prepareData(options, nodes);
  const cluster = new DevCluster(nodes);
  const stopped = new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => done());
  });
  cluster.start();
  try {
    const isServing = await Promise.race([cluster.serving(), stopped.then(() => false)]);
    if (isServing) process.stdout.write(banner(options, nodes));
    await Promise.race([stopped, cluster.ended()]);
  } finally {
    await cluster.stop();
  }
  return cluster.exitCode;
}

/** Lays out the data directory. Members are known by their ports, so data does not follow a change of the cluster's shape. */
async function prepareData({ data, fresh, nodes, port }: DevOptions, plan: readonly DevNode[]): Promise<void> {
  const shapeFile = join(data, 'cluster.json');
  const shape = JSON.stringify({ nodes, port });
  if (fresh === true) await clearData(data, shapeFile);
  const before = await readFile(shapeFile, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
  if (before !== undefined && before !== shape) {
    const was = JSON.parse(before) as { nodes: number; port: number };
    throw new StartError(
      `${data} holds a cluster of ${was.nodes} nodes from port ${was.port}; data does not move to another shape yet. ` +
        `Start it as it was (--nodes ${was.nodes} --port ${was.port}), take another --data, or lose the data with --fresh`,
    );
  }
  for (const { configFile, config } of plan) {
    await mkdir(resolve(configFile, '..'), { recursive: true });
    await writeFile(configFile, config);
  }
  await writeFile(shapeFile, `${shape}\n`);
}

/** Only what an earlier `mec dev` has made is ever removed. */
async function clearData(data: string, shapeFile: string): Promise<void> {
  const text = await readFile(shapeFile, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { nodes } = JSON.parse(text) as { nodes: number };
  const roots = Array.from({ length: nodes }, (_, i) => join(data, `n${i + 1}`));
  // Opening takes LevelDB's lock, so this refuses while an earlier cluster still runs on the data.
  for (const root of roots) await (await openLevelEngine(join(root, 'db'))).abandon();
  for (const root of roots) await rm(root, { recursive: true, force: true });
  await rm(shapeFile);
}

function banner({ data, fresh }: DevOptions, nodes: readonly DevNode[]): string {
  const first = nodes[0]?.url ?? '';
  const last = nodes[nodes.length - 1]?.url ?? '';
  const kept = fresh === true ? 'fresh' : 'kept between runs; --fresh starts empty';
  return [
    '',
    `MecDB ${readVersion()} is serving: ${nodes.length} node${nodes.length === 1 ? '' : 's'}, data in ${data} (${kept})`,
    '',
    ...nodes.map(({ name, url }) => `  ${name.padEnd(4)} ${url}    status: ${url}/status`),
    '',
    'Try:',
    `  curl -i -X PUT ${first}/mec/hello -H 'Content-Type: text/plain' -d 'Hello, world'`,
    `  curl -i ${last}/mec/hello`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

interface Status {
  readonly pid: number;
  readonly isReady: boolean;
  readonly members: readonly { readonly state: string }[];
  readonly peers: readonly { readonly reach: string }[];
}

/** The processes of a development cluster. */
class DevCluster {
  readonly #nodes: readonly DevNode[];
  readonly #children = new Map<string, ChildProcess>();
  readonly #onEnded: (() => void)[] = [];
  #isStopping = false;
  /** 0 while nothing has gone wrong, else what to exit with. */
  exitCode = 0;

  constructor(nodes: readonly DevNode[]) {
    this.#nodes = nodes;
  }

  start(): void {
    const launcher = process.argv[1] as string;
    for (const { name, configFile } of this.#nodes) {
      // The channel tells a node that its parent is gone, however it went. A group of its own keeps the terminal's Ctrl-C
      // from reaching nodes and parent at once.
      const child = spawn(process.execPath, [...process.execArgv, launcher, '--config', configFile], {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
      });
      this.#children.set(name, child);
      for (const stream of [child.stdout, child.stderr]) {
        if (stream !== null)
          createInterface({ input: stream }).on('line', (line) => process.stdout.write(`${name} | ${line}\n`));
      }
      child.on('exit', (code, signal) => this.#exited(name, code, signal));
    }
  }

  /** Resolves with true when every node serves and sees all the others, with false when that is not to be. */
  async serving(): Promise<boolean> {
    const untilMs = systemClock.monotonicMs() + DEV_START_TIMEOUT_MS;
    for (const { name, url } of this.#nodes) {
      while (!(await this.#seesAll(name, url))) {
        if (this.exitCode !== 0 || this.#isStopping) return false;
        if (systemClock.monotonicMs() > untilMs) {
          this.exitCode = 1;
          process.stderr.write(`mec: ${name} does not serve after ${DEV_START_TIMEOUT_MS / 1000} s\n`);
          return false;
        }
        await sleepMs(POLL_MS);
      }
    }
    return this.exitCode === 0;
  }

  /** Resolves when no process is left, or the start has failed. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#children.size === 0 || this.exitCode !== 0) resolve();
      else this.#onEnded.push(resolve);
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const children = [...this.#children.values()];
    const exits = children.map((child) => new Promise<void>((resolve) => child.once('exit', () => resolve())));
    for (const child of children) child.kill('SIGTERM');
    const timer = systemClock.after(DEV_STOP_TIMEOUT_MS, () => {
      for (const child of children) child.kill('SIGKILL');
    });
    await Promise.all(exits);
    timer.cancel();
  }

  #exited(name: string, code: number | null, signal: string | null): void {
    this.#children.delete(name);
    if (!this.#isStopping) {
      process.stderr.write(`mec: ${name} ended (${signal ?? `exit code ${code ?? '?'}`})\n`);
      // A node that cannot start makes no cluster; one that dies later is what the others are there for.
      if (code === 2) this.exitCode = code;
      else
        process.stderr.write(
          `mec: to have it back: ${process.argv[0]} ${process.argv[1]} --config ${this.#fileOf(name)}\n`,
        );
    }
    if (this.#children.size === 0 || this.exitCode !== 0) for (const resolve of this.#onEnded.splice(0)) resolve();
  }

  #fileOf(name: string): string {
    return this.#nodes.find((node) => node.name === name)?.configFile ?? '';
  }

  /** Whether the child of this name answers at its address (not some other process), reaches all the others and has caught up with them. */
  async #seesAll(name: string, url: string): Promise<boolean> {
    try {
      const response = await fetch(`${url}/status`);
      const { pid, isReady, members, peers } = (await response.json()) as Status;
      const areUp = members.filter(({ state }) => state === 'up').length >= this.#nodes.length;
      const areReached = peers.every(({ reach }) => reach === 'reachable');
      return pid === this.#children.get(name)?.pid && isReady && areUp && areReached;
    } catch {
      return false;
    }
  }
}
