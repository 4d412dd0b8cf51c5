/**
 * Scenarios: situations as lists of commands, one on each line; `#` begins a remark. A node is
 * `n1`, or `k#1`, the first owner of the key `k`. With three owners, `k#4` is the first fallback.
 *
 * | command                                            | effect                                                            |
 * | -------------------------------------------------- | ----------------------------------------------------------------- |
 * | `nodes 5`                                          | first line: the number of nodes                                   |
 * | `NODE put KEY VALUE [with T] [as T]`               | writes `with` a kept token, and keeps the new token `as` T        |
 * | `NODE delete KEY [with T] [as T]`                  | deletes                                                           |
 * | `NODE get KEY [as T] = VALUE VALUE …`              | reads, and expects exactly these values (`nothing`: none)         |
 * | `… ! CODE`                                         | expects the command to fail with this error code                  |
 * | `begin NODE put …`                                 | does not wait for the answer                                      |
 * | `own KEY = VALUE …`                                | expects exactly these values in each owner's own copy             |
 * | `add`                                              | adds a node, and waits until it is up                             |
 * | `leave NODE`                                       | makes a node leave, and waits for that                            |
 * | `remove NODE NODE`                                 | the second node declares the first gone                           |
 * | `return NODE`                                      | starts a node that was declared gone, until it ends               |
 * | `crash`, `start`, `stop`, `pause`, `resume` `NODE` | changes the process                                               |
 * | `wipe NODE`, `restore NODE`                        | changes the disk of a node that is down                           |
 * | `save NODE`                                        | copies the disk, for `restore`                                    |
 * | `lose NODE KEY`, `misplace NODE KEY`               | the disk silently loses an object, or flips a bit of its row      |
 * | `rot NODE KEY`                                     | the disk flips a bit of a record                                  |
 * | `wound NODE [KEY] …`                               | the disk loses objects, and a look finds only that rows were lost |
 * | `slow NODE MS`                                     | sets the time of a batch to the disk                              |
 * | `cut NODE [NODE]`, `heal`                          | cuts a node off from all nodes, or from one; ends all cuts        |
 * | `hold NODE NODE`, `release`                        | holds the messages of one node to another; releases all of them   |
 * | `wait MS`, `rest`                                  | lets time pass; waits until no node has anything left to do       |
 */
import { bytesToUtf8 } from '../base/bytes.ts';
import type { MecNode } from '../cluster/node.ts';
import { unpackContent } from '../core/value/content.ts';
import { SimCluster, type SimNode } from './cluster.ts';
import { AnswerError, readKey, writeKey } from './http.ts';
import { World } from './world.ts';

const BIRTH_MS = 30_000;
const REST_MS = 120_000;
const ANSWER_MS = 10_000;
const SETTLE_MS = 1_000;

/** Runs a scenario. Resolves with the deviations from it, each with its line. */
export async function runScenario(text: string): Promise<string[]> {
  const lines = text
    .split('\n')
    .map((line, i) => ({ number: i + 1, words: line.replace(/#(?!\d).*/, '').trim() }));
  const steps = lines.filter(({ words }) => words !== '');
  const count = Number(/^nodes (\d)$/.exec(steps[0]?.words ?? '')?.[1] ?? 3);
  const run = new ScenarioRun(count);
  await run.formCluster();
  const failures: string[] = [];
  for (const { number, words } of steps) {
    const failure = await run.step(words);
    if (failure !== undefined) failures.push(`line ${number}: ${words}: ${failure}`);
  }
  return failures;
}

type Command = (run: ScenarioRun, args: readonly string[]) => Promise<void> | void;

/** The commands other than those of clients. */
const COMMANDS: Readonly<Record<string, Command>> = {
  nodes: () => {},
  crash: (run, [name]) => run.node(name).crash(),
  start: async (run, [name]) => {
    const node = run.node(name);
    node.start();
    await run.until(() => node.node !== undefined);
    await run.settle();
  },
  stop: async (run, [name]) => {
    const node = run.node(name);
    node.stop();
    await run.until(() => !node.isUp);
  },
  add: async (run) => {
    const node = run.cluster.add();
    node.start();
    await run.until(() => node.node?.state === 'up', REST_MS);
    if (node.node?.state !== 'up')
      throw new Error(`${node.name} does not join:\n${run.cluster.describeUnrest()}`);
  },
  leave: async (run, [name]) => {
    const node = run.node(name);
    node.node?.leave();
    await run.until(() => node.hasLeft, REST_MS);
    if (!node.hasLeft)
      throw new Error(`${node.name} does not leave:\n${run.cluster.describeUnrest()}`);
  },
  remove: (run, [name, by]) => {
    const gone = run.node(name);
    run.node(by).node?.remove(gone.name);
    gone.hasLeft = true;
  },
  return: async (run, [name]) => {
    const node = run.node(name);
    node.hasLeft = false;
    node.start();
    await run.until(() => node.hasLeft, REST_MS);
    if (!node.hasLeft)
      throw new Error(`${node.name} does not end:\n${run.cluster.describeUnrest()}`);
  },
  pause: (run, [name]) => run.node(name).life?.pause(),
  resume: (run, [name]) => run.node(name).life?.resume(),
  wipe: (run, [name]) => run.node(name).disk.replace(new Map()),
  save: (run, [name]) => void run.saved.set(run.node(name), new Map(run.node(name).disk.rows)),
  restore: (run, [name]) => run.node(name).disk.replace(run.saved.get(run.node(name)) ?? new Map()),
  lose: (run, [name, key = '']) => run.node(name).disk.lose(key),
  misplace: (run, [name, key = '']) => run.node(name).disk.misplace(key),
  rot: (run, [name, key = '']) => {
    if (!run.node(name).disk.rot(key)) throw new Error(`${name} has no record of ${key}`);
  },
  wound: (run, [name, ...keys]) => run.node(name).disk.wound(keys),
  slow: (run, [name, ms]) => void (run.node(name).disk.delayMs = Number(ms)),
  cut: (run, [name, other]) => {
    const { name: from } = run.node(name);
    const others = other === undefined ? run.cluster.nodes : [run.node(other)];
    for (const { name: to } of others)
      for (const pair of [`${from}>${to}`, `${to}>${from}`]) run.cluster.network.cuts.add(pair);
  },
  heal: (run) => run.cluster.network.cuts.clear(),
  hold: (run, [from, to]) => {
    run.stalledLinks.push(run.cluster.network.stall(`${run.node(from).name}>${run.node(to).name}`));
  },
  release: (run) => {
    for (const release of run.stalledLinks.splice(0)) release();
  },
  wait: (run, [ms]) => run.world.run(run.world.nowMs + Number(ms)),
  rest: async (run) => {
    await run.until(() => run.cluster.isAtRest(), REST_MS);
    if (!run.cluster.isAtRest()) throw new Error(`no rest:\n${run.cluster.describeUnrest()}`);
  },
};

class ScenarioRun {
  readonly world = new World(1);
  readonly cluster: SimCluster;
  /** Functions that release the links on hold. */
  readonly stalledLinks: (() => void)[] = [];
  readonly saved = new Map<SimNode, Map<string, Uint8Array>>();
  readonly #tokens = new Map<string, string>();
  /** A node that knew the preference list of every key when all nodes were up. */
  #guide: MecNode | undefined;

  constructor(count: number) {
    this.cluster = new SimCluster(this.world, { count });
  }

  async formCluster(): Promise<void> {
    for (const node of this.cluster.nodes) node.start();
    await this.until(() => this.cluster.isAtRest(), BIRTH_MS);
    await this.settle();
    this.#guide = this.cluster.nodes[0]?.node;
  }

  /** Lets time pass until a condition holds, within a limit. */
  until(isMet: () => boolean, timeoutMs = ANSWER_MS): Promise<void> {
    return this.world.run(this.world.nowMs + timeoutMs, isMet);
  }

  /** Gives the running nodes the time to find each other. */
  settle(): Promise<void> {
    return this.world.run(this.world.nowMs + SETTLE_MS);
  }

  node(name = ''): SimNode {
    const [key = '', place] = name.split('#');
    const id = place === undefined ? undefined : this.#guide?.preference(key)[Number(place) - 1];
    const found = this.cluster.nodes.find((node) => node.name === name || node.name === id);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  }

  /** Runs one command. Resolves with the deviation from it; undefined if there is none. */
  async step(words: string): Promise<string | undefined> {
    const [command = '', expectedError] = words.split(/ ! /);
    const [plain = '', expected] = command.split(/ = /);
    const values =
      expected === undefined ? undefined : expected === 'nothing' ? [] : expected.split(' ');
    try {
      const actual = await this.#run(plain.split(' '));
      if (expectedError !== undefined) return `it did not fail`;
      const isEqual =
        values === undefined || actual.every((text) => text === values.sort().join(' '));
      return isEqual
        ? undefined
        : `but there is ${actual.map((text) => text || 'nothing').join(' | ')}`;
    } catch (error) {
      return error instanceof AnswerError && error.code === expectedError
        ? undefined
        : String(error);
    }
  }

  /** Runs a command. A read resolves with the sorted values as one text, for each replica asked. */
  async #run([first = '', ...args]: readonly string[]): Promise<string[]> {
    if (first === 'begin') {
      this.#client(args[0] ?? '', args.slice(1)).catch(() => {});
      return [];
    }
    if (first === 'own') return this.#own(args[0] ?? '');
    const act = COMMANDS[first];
    if (act !== undefined) {
      await act(this, args);
      return [];
    }
    let outcome: { texts: string[] } | { error: unknown } | undefined;
    this.#client(first, args).then(
      (texts) => (outcome = { texts }),
      (error: unknown) => (outcome = { error }),
    );
    await this.until(() => outcome !== undefined);
    if (outcome === undefined) throw new Error('no answer');
    if ('error' in outcome) throw outcome.error;
    return outcome.texts;
  }

  async #client(name: string, [verb, key = '', ...rest]: readonly string[]): Promise<string[]> {
    const node = this.node(name);
    const option = (word: string): string | undefined => {
      const at = rest.indexOf(word);
      return at < 0 ? undefined : rest[at + 1];
    };
    const keep = (token: string | undefined): void => {
      const as = option('as');
      if (as !== undefined && token !== undefined) this.#tokens.set(as, token);
    };
    if (verb === 'get') {
      const { siblings, token } = await readKey(node, key);
      keep(token);
      return [
        siblings
          .map(({ text }) => text)
          .sort()
          .join(' '),
      ];
    }
    if (verb !== 'put' && verb !== 'delete') throw new Error(`there is no command ${verb ?? ''}`);
    const token = this.#tokens.get(option('with') ?? '');
    const written = await writeKey(node, key, {
      value: verb === 'delete' ? undefined : rest[0],
      token,
    });
    keep(written.token);
    return [];
  }

  #own(key: string): string[] {
    return this.cluster.nodes.flatMap(({ node }) =>
      node?.owns(key) === true ? [valuesOf(node, key)] : [],
    );
  }
}

function valuesOf(node: MecNode, key: string): string {
  return node
    .peek(key)
    .versions.map(({ body }) => bytesToUtf8(unpackContent(body).value) ?? '')
    .sort()
    .join(' ');
}
