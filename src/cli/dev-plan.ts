/**
 * The nodes of `mec dev`: their names, ports and configuration files, and the list of them in the
 * data directory.
 *
 * Everything about a node follows from its number. Names are never given twice, since a name that
 * has left a cluster stays known there.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, StartError } from '../base/errors.ts';
import { DEV_DEFAULT_NODES, MAX_DEV_NODES } from './limits.ts';
import type { Engine } from '../storage/engine.ts';
import { openLevelEngine } from '../storage/level.ts';

/** What a user may choose. */
export interface DevOptions {
  /** How many; where not given, those there are. */
  readonly nodes?: number;
  /** Of n1; node i has `httpport + i - 1`. */
  readonly httpport: number;
  /** Of n1; node i has `port + 10 · (i - 1)`, and the next one for data. */
  readonly port: number;
  /** Directory that holds everything. */
  readonly data: string;
  /** Whether to begin with an empty store. */
  readonly fresh?: boolean;
}

/** One node of a development cluster. */
export interface DevNode {
  readonly name: string;
  readonly port: number;
  readonly httpport: number;
  readonly url: string;
  readonly directory: string;
  readonly configFile: string;
}

/** What is kept: the names of those that belong to the cluster, and of those that have left it. */
interface Kept {
  readonly members: readonly string[];
  readonly left: readonly string[];
}

const PORT_STEP = 10;
const HOST = '127.0.0.1';
const NAME_PATTERN = /^n([1-9]\d{0,2})$/;

const nameOf = (number: number): string => `n${number}`;
const numberOf = (name: string): number => Number(NAME_PATTERN.exec(name)?.[1] ?? NaN);

/** The nodes there are, as they come and go. */
export class DevPlan {
  readonly #lock: Engine;
  readonly #options: DevOptions;
  readonly #left: string[];
  #members: string[];
  /** Those that were there before this run. */
  readonly kept: readonly DevNode[];

  private constructor(options: DevOptions, { members, left }: Kept, lock: Engine) {
    this.#lock = lock;
    this.#options = options;
    this.#members = [...members];
    this.#left = [...left];
    this.kept = this.members;
  }

  /** Lays out the data directory, or takes up what an earlier run has left there; throws `StartError`. */
  static async open(options: DevOptions): Promise<DevPlan> {
    const lock = await takeLock(options.data);
    try {
      return await DevPlan.#layOut(options, lock);
    } catch (error) {
      await lock.abandon();
      throw error;
    }
  }

  static async #layOut(options: DevOptions, lock: Engine): Promise<DevPlan> {
    if (options.fresh === true) await clearData(options);
    const kept = await readKept(options.data);
    const plan = new DevPlan(options, kept ?? { members: [], left: [] }, lock);
    const wanted = options.nodes ?? (kept === undefined ? DEV_DEFAULT_NODES : plan.#members.length);
    if (wanted < plan.#members.length) {
      const last = plan.#members.at(-1) ?? '';
      throw new StartError(
        `${options.data} holds ${plan.#members.length} nodes (${plan.#members.join(', ')}), more than ${wanted}. ` +
          `Start them all and let some go (type "leave ${last}" there), take another --data, ` +
          'or lose the data with --fresh',
      );
    }
    while (plan.#members.length < wanted) await plan.add();
    return plan;
  }

  /** Lets go of the data directory: another `mec dev` may have it. */
  close(): Promise<void> {
    return this.#lock.abandon();
  }

  /** Those that belong to the cluster. */
  get members(): DevNode[] {
    return this.#members.map((name) => this.#nodeOf(name));
  }

  /** A member by name, or undefined. */
  find(name: string): DevNode | undefined {
    return this.#members.includes(name) ? this.#nodeOf(name) : undefined;
  }

  /** Whether a node of this name has left. */
  hasLeft(name: string): boolean {
    return this.#left.includes(name);
  }

  /** One more; throws `StartError` where there have been too many. */
  async add(): Promise<DevNode> {
    const number = Math.max(0, ...[...this.#members, ...this.#left].map(numberOf)) + 1;
    if (number > MAX_DEV_NODES) {
      throw new StartError(`There have been ${MAX_DEV_NODES} nodes, and names are given once; --fresh begins anew`);
    }
    this.#members.push(nameOf(number));
    await this.#keep();
    return this.#nodeOf(nameOf(number));
  }

  /** A member has left. */
  async leave(name: string): Promise<void> {
    this.#members = this.#members.filter((member) => member !== name);
    this.#left.push(name);
    await this.#keep();
  }

  /** Writes the configuration file of a node, which is to look for the cluster at `seeds`. */
  async configure(node: DevNode, seeds: readonly DevNode[]): Promise<void> {
    const others = seeds.filter(({ name }) => name !== node.name);
    const config = [
      `# Written anew whenever "mec dev" starts this node.`,
      `name = "${node.name}"`,
      `host = "${HOST}"`,
      `port = ${node.port}`,
      `httpport = ${node.httpport}`,
      `root = ${JSON.stringify(join(node.directory, 'db'))}`,
      ...others.map(({ port }) => `\n[[node]]\nhost = "${HOST}"\nport = ${port}\n`),
    ];
    await mkdir(node.directory, { recursive: true });
    await writeFile(node.configFile, config.join('\n'));
  }

  #nodeOf(name: string): DevNode {
    const { data, port, httpport } = this.#options;
    const index = numberOf(name) - 1;
    const directory = resolve(data, name);
    return {
      name,
      port: port + PORT_STEP * index,
      httpport: httpport + index,
      url: `http://${HOST}:${httpport + index}`,
      directory,
      configFile: join(directory, 'mec.toml'),
    };
  }

  /** Half a list would be none: it is written beside the old one, which it then replaces. */
  async #keep(): Promise<void> {
    const file = keptFile(this.#options.data);
    await mkdir(this.#options.data, { recursive: true });
    await writeFile(`${file}.new`, `${JSON.stringify({ members: this.#members, left: this.#left })}\n`);
    await rename(`${file}.new`, file);
  }
}

const keptFile = (data: string): string => join(data, 'cluster.json');

async function readKept(data: string): Promise<Kept | undefined> {
  const file = keptFile(data);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new StartError(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  if (text === undefined) return undefined;
  const kept = parseKept(text);
  if (kept === undefined)
    throw new StartError(`${file} is not a list of nodes as "mec dev" writes it; take another --data`);
  return kept;
}

function parseKept(text: string): Kept | undefined {
  try {
    const { members, left = [], nodes } = JSON.parse(text) as Partial<Kept> & { readonly nodes?: number };
    // Once only their number was kept.
    if (nodes !== undefined) return { members: Array.from({ length: nodes }, (_, i) => nameOf(i + 1)), left: [] };
    const areNames = [members, left].every(
      (names) => Array.isArray(names) && names.every((name) => numberOf(name) > 0),
    );
    return members !== undefined && areNames ? { members, left } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Keeps a second `mec dev` off a data directory before it changes anything there. The lock is that
 * of an empty store: the system gives it back whatever becomes of the process.
 */
async function takeLock(data: string): Promise<Engine> {
  try {
    return await openLevelEngine(join(data, 'lock'));
  } catch (error) {
    const { code } = (((error as Error).cause as Error | undefined)?.cause ?? {}) as { readonly code?: unknown };
    if (code === 'LEVEL_LOCKED') throw new StartError(`Another "mec dev" runs on ${data}; take another --data`);
    throw error;
  }
}

/** Only what an earlier `mec dev` has made is ever removed. */
async function clearData({ data }: DevOptions): Promise<void> {
  const kept = await readKept(data);
  if (kept === undefined) return;
  const directories = [...kept.members, ...kept.left].map((name) => join(data, name));
  // Opening takes LevelDB's lock, so this refuses while an earlier cluster still runs on the data.
  for (const directory of directories) await (await openLevelEngine(join(directory, 'db'))).abandon();
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
  await rm(keptFile(data));
}
