/**
 * The nodes of `mec dev`: their names, ports and configuration files, and the list of them in the
 * data directory.
 *
 * Everything about a node follows from its number. Names are never reused, because a cluster
 * remembers the names that have left it.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { httpUrl } from '../base/address.ts';
import { messageOf, StartError } from '../base/errors.ts';
import { MAX_TOKEN_LIFE_MICROS } from '../core/limits.ts';
import { isFree } from '../embed/free-ports.ts';
import { type CliCredentials, credentialsIn } from './credentials.ts';
import { securityDirectory } from '../embed/secured-root.ts';
import { DEV_DEFAULT_NODES, MAX_DEV_NODES } from './limits.ts';
import { CLUSTER_FILES, renewNode, secureNodes } from '../embed/make-cluster.ts';
import type { Engine } from '../storage/engine.ts';
import { openLevelEngine } from '../storage/level.ts';

/** The options of `mec dev`. */
export interface DevOptions {
  /** The number of nodes. By default the existing ones. */
  readonly nodes?: number;
  /** The HTTP port of n1; node i has `httpport + i - 1`. */
  readonly httpport: number;
  /** The port of n1; node i has `port + 10 · (i - 1)`, and the next one for data. */
  readonly port: number;
  /** The directory of all nodes. */
  readonly data: string;
  /** Whether to delete earlier data first. */
  readonly fresh?: boolean;
  /** Whether a new cluster has security. An existing one keeps what it has. */
  readonly secure?: boolean;
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

/**
 * The contents of the kept file: the names of the members, and of the nodes that have left, and
 * whether they are secured.
 */
interface Kept {
  readonly members: readonly string[];
  readonly left: readonly string[];
  readonly isSecured: boolean;
}

const PORT_STEP = 10;
const HOST = '127.0.0.1';
const NAME_PATTERN = /^n([1-9]\d{0,2})$/;

const nameOf = (number: number): string => `n${number}`;
const numberOf = (name: string): number => Number(NAME_PATTERN.exec(name)?.[1] ?? NaN);

/** The nodes of a development cluster, as they come and go. */
export class DevPlan {
  readonly #lock: Engine;
  readonly #options: DevOptions;
  readonly #left: string[];
  #members: string[];
  /** Whether the nodes have security. */
  readonly isSecured: boolean;
  #proofs = NO_PROOFS;
  /** The nodes that existed before this run. */
  readonly kept: readonly DevNode[];

  private constructor(options: DevOptions, { members, left, isSecured }: Kept, lock: Engine) {
    this.#lock = lock;
    this.#options = options;
    this.isSecured = isSecured;
    this.#members = [...members];
    this.#left = [...left];
    this.kept = this.members;
  }

  /** Opens the data directory, and creates it at the first run. Rejects with `StartError`. */
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
    const isNew = { members: [], left: [], isSecured: options.secure === true };
    const plan = new DevPlan(options, kept ?? isNew, lock);
    if (options.secure === true && !plan.isSecured)
      throw new StartError(
        `${options.data} holds a cluster without security; use another --data, or delete the data with --fresh`,
      );
    const wanted = options.nodes ?? (kept === undefined ? DEV_DEFAULT_NODES : plan.#members.length);
    if (wanted < plan.#members.length) {
      const last = plan.#members.at(-1) ?? '';
      throw new StartError(
        `${options.data} holds ${plan.#members.length} nodes (${plan.#members.join(', ')}), more than ${wanted}. ` +
          `Start all of them and remove some (type "leave ${last}" in the console), use another --data, ` +
          'or delete the data with --fresh',
      );
    }
    while (plan.#members.length < wanted)
      if (kept === undefined) await plan.#grow();
      else await plan.add();
    await plan.#secure();
    return plan;
  }

  /**
   * Makes the keys of a secured cluster before its first run, and new certificates before each
   * other one. Reads the credentials of this command.
   */
  async #secure(): Promise<void> {
    if (!this.isSecured) return;
    const { data: dir } = this.#options;
    const { members } = this;
    const nodes = members.map((node) => ({ name: node.name, host: HOST, root: rootOf(node) }));
    const haveRun = await Promise.all(nodes.map(({ root }) => hasRun(root)));
    if (haveRun.includes(true)) for (const node of nodes) await renewNode(dir, node);
    else {
      const urls = members.map(({ url }) => url);
      await secureNodes({ dir, nodes, urls, tokenLifeMicros: MAX_TOKEN_LIFE_MICROS });
    }
    this.#proofs = credentialsIn(this.clientFile);
  }

  /** The path of the client file of a secured cluster. */
  get clientFile(): string {
    return resolve(this.#options.data, CLUSTER_FILES.client);
  }

  /** The credentials of this command at the nodes; none if they need none. */
  get proofs(): CliCredentials {
    return this.#proofs;
  }

  /** Unlocks the data directory for another `mec dev`. */
  close(): Promise<void> {
    return this.#lock.abandon();
  }

  /** The members of the cluster. */
  get members(): DevNode[] {
    return this.#members.map((name) => this.#nodeOf(name));
  }

  /** A member by name; undefined if there is none. */
  find(name: string): DevNode | undefined {
    return this.#members.includes(name) ? this.#nodeOf(name) : undefined;
  }

  /** Whether a node of this name has left. */
  hasLeft(name: string): boolean {
    return this.#left.includes(name);
  }

  /**
   * Adds a node. Rejects with `StartError` if the cluster is secured, or after `MAX_DEV_NODES`
   * nodes.
   */
  async add(): Promise<DevNode> {
    if (this.isSecured)
      throw new StartError(
        'A secured cluster keeps the nodes that it was made with; start over with --fresh --nodes',
      );
    return this.#grow();
  }

  async #grow(): Promise<DevNode> {
    const number = Math.max(0, ...[...this.#members, ...this.#left].map(numberOf)) + 1;
    if (number > MAX_DEV_NODES) {
      throw new StartError(
        `All ${MAX_DEV_NODES} node names are used, and names are never reused; start over with --fresh`,
      );
    }
    this.#members.push(nameOf(number));
    await this.#keep();
    return this.#nodeOf(nameOf(number));
  }

  /** Records that a member has left. */
  async leave(name: string): Promise<void> {
    this.#members = this.#members.filter((member) => member !== name);
    this.#left.push(name);
    await this.#keep();
  }

  /**
   * Rejects with `StartError` if a port of a node is not free. The node would say so as well, but
   * without the option that changes the port.
   */
  async checkPorts({ name, port, httpport }: DevNode): Promise<void> {
    for (const [option, wanted] of [
      ['--port', port],
      ['--port', port + 1],
      ['--httpport', httpport],
    ] as const) {
      if (!(await isFree(HOST, wanted)))
        throw new StartError(
          `port ${wanted} of ${name} is not free; choose other ports with ${option}`,
        );
    }
  }

  /** Writes the configuration file of a node, with `seeds` as the addresses of the cluster. */
  async configure(node: DevNode, seeds: readonly DevNode[]): Promise<void> {
    const others = seeds.filter(({ name }) => name !== node.name);
    const config = [
      `# "mec dev" overwrites this file whenever it starts this node.`,
      `name = "${node.name}"`,
      `host = "${HOST}"`,
      `port = ${node.port}`,
      `httpport = ${node.httpport}`,
      `root = ${JSON.stringify(rootOf(node))}`,
      ...(this.isSecured ? ['\n[security]\nmode = "on"\n'] : []),
      ...others.map(
        ({ name, port }) =>
          `\n[[node]]\n${this.isSecured ? `name = "${name}"\n` : ''}host = "${HOST}"\nport = ${port}\n`,
      ),
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
      url: httpUrl(HOST, httpport + index, this.isSecured ? 'https' : 'http'),
      directory,
      configFile: join(directory, 'mec.toml'),
    };
  }

  /** Writes the list to a new file and renames it, so that a crash leaves no partial list. */
  async #keep(): Promise<void> {
    const file = keptFile(this.#options.data);
    await mkdir(this.#options.data, { recursive: true });
    await writeFile(
      `${file}.new`,
      `${JSON.stringify({ members: this.#members, left: this.#left, isSecured: this.isSecured })}\n`,
    );
    await rename(`${file}.new`, file);
  }
}

/** The data directory of a node. */
const rootOf = ({ directory }: Pick<DevNode, 'directory'>): string => join(directory, 'db');

/** Whether a node has run: then its store has the keys of all nodes, which must stay. */
const hasRun = (root: string): Promise<boolean> =>
  readdir(root).then(
    (names) => names.some((name) => name !== basename(securityDirectory(root))),
    () => false,
  );

const NO_PROOFS: CliCredentials = { url: undefined, token: undefined, ca: undefined };

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
    throw new StartError(`${file} is not a list of nodes that "mec dev" wrote; use another --data`);
  return kept;
}

function parseKept(text: string): Kept | undefined {
  try {
    const {
      members,
      left = [],
      isSecured = false,
      nodes,
    } = JSON.parse(text) as Partial<Kept> & { readonly nodes?: number };
    // An earlier format had only the number of nodes.
    if (nodes !== undefined)
      return { members: Array.from({ length: nodes }, (_, i) => nameOf(i + 1)), left, isSecured };
    const areNames = [members, left].every(
      (names) => Array.isArray(names) && names.every((name) => numberOf(name) > 0),
    );
    return members !== undefined && areNames ? { members, left, isSecured } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Locks a data directory, so that a second `mec dev` changes nothing in it. The lock is an open,
 * empty store, which the system releases even if the process is killed.
 */
async function takeLock(data: string): Promise<Engine> {
  try {
    return await openLevelEngine(join(data, 'lock'));
  } catch (error) {
    const { code } = (((error as Error).cause as Error | undefined)?.cause ?? {}) as {
      readonly code?: unknown;
    };
    if (code === 'LEVEL_LOCKED')
      throw new StartError(`Another "mec dev" is using ${data}; use another --data`);
    throw error;
  }
}

/** Deletes the data of earlier runs, and nothing else. */
async function clearData({ data }: DevOptions): Promise<void> {
  const kept = await readKept(data);
  if (kept === undefined) return;
  const directories = [...kept.members, ...kept.left].map((name) => join(data, name));
  // LevelDB's lock makes this fail if an earlier cluster is still running on the data.
  for (const directory of directories)
    await (await openLevelEngine(rootOf({ directory }))).abandon();
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
  if (kept.isSecured)
    for (const name of Object.values(CLUSTER_FILES)) await rm(join(data, name), { force: true });
  await rm(keptFile(data));
}
