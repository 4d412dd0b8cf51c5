/**
 * The console of `mec dev`: commands from a terminal or a pipe, one per line, that stop and start
 * nodes.
 */
import { readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { messageOf } from '../base/errors.ts';
import { DEV_ASK_TIMEOUT_MS } from './limits.ts';
import { runStatus } from './cluster.ts';
import type { DevCluster } from './dev-cluster.ts';
import type { DevNode, DevPlan } from './dev-plan.ts';
import { runLeave } from './leave.ts';
import { eraseLine, print } from './terminal.ts';

const PROMPT = 'mec> ';

/** Prints lines. On a terminal they appear above the line that is being typed. */
export class Screen {
  #lines: Interface | undefined;

  readonly print = (line: string): void => {
    if (this.#lines !== undefined) void eraseLine(process.stdout);
    void print(process.stdout, `${line}\n`);
    this.#lines?.prompt(true);
  };

  /** Sets the line editor in use; undefined if there is none. */
  typing(lines: Interface | undefined): void {
    this.#lines = lines;
  }

  /** Shows the prompt, on a terminal. */
  prompt(): void {
    this.#lines?.prompt();
  }
}

/** The parts that a command uses. */
interface Context {
  readonly plan: DevPlan;
  readonly cluster: DevCluster;
  readonly screen: Screen;
}

interface ConsoleCommand {
  readonly about: string;
  /** The state that the named node must be in. If absent, the command names no node. */
  readonly of?: 'running' | 'stopped' | 'paused' | 'started';
  readonly run: (context: Context, node: DevNode) => Promise<void> | void;
}

const optionsFor = (url: string): object => ({ url, timeout: DEV_ASK_TIMEOUT_MS, wait: false });

const COMMANDS: Readonly<Record<string, ConsoleCommand>> = {
  status: {
    about: 'list the nodes and their state',
    run: ({ plan, cluster, screen }) => {
      const urls = plan.members.filter(({ name }) => cluster.isRunning(name)).map(({ url }) => url);
      if (urls.length === 0) return screen.print('no node is running');
      return runStatus(optionsFor(urls.join(',')));
    },
  },
  stop: {
    about: 'stop a node with SIGTERM',
    of: 'started',
    run: async ({ cluster, screen }, { name }) => {
      await cluster.end(name, 'SIGTERM');
      screen.print(`${name} has stopped`);
    },
  },
  start: {
    about: 'start a node that was stopped or killed',
    of: 'stopped',
    run: ({ cluster }, node) => cluster.start(node),
  },
  kill: {
    about: 'kill -9 a node',
    of: 'started',
    run: async ({ cluster, screen }, { name }) => {
      await cluster.end(name, 'SIGKILL');
      screen.print(`${name} was killed`);
    },
  },
  pause: {
    about: 'suspend a node, as if it hung',
    of: 'running',
    run: ({ cluster, screen }, { name }) => {
      cluster.pause(name);
      screen.print(`${name} is paused`);
    },
  },
  resume: {
    about: 'resume a paused node',
    of: 'paused',
    run: ({ cluster, screen }, { name }) => {
      cluster.resume(name);
      screen.print(`${name} has resumed`);
    },
  },
  add: {
    about: 'add a new node to the cluster',
    run: async ({ plan, cluster }) => cluster.start(await plan.add()),
  },
  leave: {
    about: 'remove a node; it first hands its data over',
    of: 'running',
    run: (_, { name, url }) => runLeave([name], optionsFor(url)),
  },
  help: { about: 'show this list', run: ({ screen }) => screen.print(HELP) },
  quit: { about: 'stop all nodes and exit, like Ctrl-C', run: () => {} },
};

const usageOf = ([word, { of }]: readonly [string, ConsoleCommand]): string =>
  of === undefined ? word : `${word} n2`;

const HELP = Object.entries(COMMANDS)
  .map((entry) => `  ${usageOf(entry).padEnd(10)} ${entry[1].about}`)
  .join('\n');

/** The reason why a command cannot apply to a node; undefined if it can. */
function whyNot(
  { plan, cluster }: Context,
  name: string,
  of: ConsoleCommand['of'],
): string | undefined {
  if (plan.hasLeft(name))
    return `${name} has left the cluster permanently; "add" starts a new node`;
  if (plan.find(name) === undefined) {
    return `unknown node "${name}"; the nodes are ${plan.members.map((node) => node.name).join(', ')}`;
  }
  const isPaused = cluster.isPaused(name);
  const isStarted = isPaused || cluster.isRunning(name);
  if (of === 'stopped') return isStarted ? `${name} is already running` : undefined;
  if (!isStarted) return `${name} is not running; start it with "start ${name}"`;
  if (of === 'running' && isPaused) return `${name} is paused; resume it with "resume ${name}"`;
  return of === 'paused' && !isPaused ? `${name} is not paused` : undefined;
}

/** Runs one line. Returns false if it asks to quit. */
async function obey(context: Context, line: string): Promise<boolean> {
  const [word = '', ...names] = line.trim().split(/\s+/);
  const complain = (text: string): true => {
    context.screen.print(`mec: ${text}`);
    return true;
  };
  if (word === '') return true;
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (command === undefined) return complain(`unknown command "${word}"; see help`);
  const { of, run } = command;
  const [name = ''] = names;
  if (names.length !== (of === undefined ? 0 : 1))
    return complain(`expected "${usageOf([word, command])}"`);
  const reason = of === undefined ? undefined : whyNot(context, name, of);
  if (reason !== undefined) return complain(reason);
  try {
    await run(context, context.plan.find(name) as DevNode);
  } catch (error) {
    complain(messageOf(error));
  }
  return word !== 'quit';
}

/**
 * Whether this process is in the background of a shell, so that reading the terminal would stop it.
 */
function isInBackground(): boolean {
  try {
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return process.stdin.isTTY && group !== foreground;
  } catch {
    return false;
  }
}

/** Runs commands one after the other. Resolves when one asks to quit; never without stdin. */
export async function runConsole(context: Context): Promise<void> {
  const never = new Promise<void>(() => {});
  if (isInBackground()) return never;
  const { stdin: input, stdout: output } = process;
  const isTerminal = input.isTTY && output.isTTY;
  const lines = createInterface({
    input,
    output: isTerminal ? output : undefined,
    terminal: isTerminal,
    prompt: PROMPT,
  });
  const interrupted = new Promise<false>((resolve) => {
    lines.once('SIGINT', () => {
      lines.close();
      resolve(false);
    });
  });
  if (isTerminal) context.screen.typing(lines);
  lines.once('close', () => context.screen.typing(undefined));
  context.screen.prompt();
  for await (const line of lines) {
    // Ctrl-C also works while a command runs.
    if (!(await Promise.race([obey(context, line), interrupted]))) return lines.close();
    context.screen.prompt();
  }
  // The end of a script does not end the cluster. Ctrl-D or Ctrl-C on a terminal does.
  return isTerminal ? undefined : never;
}
