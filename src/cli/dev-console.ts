/** The console of `mec dev`: commands, one a line, from a terminal or a pipe, that let nodes fail and come back. */
import { readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { messageOf } from '../base/errors.ts';
import { DEV_ASK_TIMEOUT_MS } from './limits.ts';
import { runLeave, runStatus } from './cluster.ts';
import type { DevCluster } from './dev-cluster.ts';
import type { DevNode, DevPlan } from './dev-plan.ts';

const PROMPT = 'mec> ';

/** Prints lines; on a terminal, above the line that is being typed. */
export class Screen {
  #lines: Interface | undefined;

  readonly say = (line: string): void => {
    const isTyped = this.#lines !== undefined;
    process.stdout.write(`${isTyped ? '\r\u001b[2K' : ''}${line}\n`);
    this.#lines?.prompt(true);
  };

  /** Where a line is typed, from now on; undefined for nowhere. */
  typing(lines: Interface | undefined): void {
    this.#lines = lines;
  }

  /** Asks for a line, on a terminal. */
  prompt(): void {
    this.#lines?.prompt();
  }
}

/** What a command works on. */
interface Context {
  readonly plan: DevPlan;
  readonly cluster: DevCluster;
  readonly screen: Screen;
}

interface ConsoleCommand {
  readonly about: string;
  /** In which state the node must be that it names; it names none where this is missing. */
  readonly of?: 'running' | 'stopped' | 'paused' | 'started';
  readonly run: (context: Context, node: DevNode) => Promise<void> | void;
}

const optionsFor = (url: string): object => ({ url, timeout: DEV_ASK_TIMEOUT_MS, wait: false });

const COMMANDS: Readonly<Record<string, ConsoleCommand>> = {
  status: {
    about: 'who is there, and how they are',
    run: ({ plan, cluster, screen }) => {
      const urls = plan.members.filter(({ name }) => cluster.isRunning(name)).map(({ url }) => url);
      if (urls.length === 0) return screen.say('no node runs');
      return runStatus(optionsFor(urls.join(',')));
    },
  },
  stop: {
    about: 'stop a node in order',
    of: 'started',
    run: async ({ cluster, screen }, { name }) => {
      await cluster.end(name, 'SIGTERM');
      screen.say(`${name} is stopped`);
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
      screen.say(`${name} is killed`);
    },
  },
  pause: {
    about: 'let a node hang: it lives, but does nothing',
    of: 'running',
    run: ({ cluster, screen }, { name }) => {
      cluster.pause(name);
      screen.say(`${name} hangs`);
    },
  },
  resume: {
    about: 'let it go on',
    of: 'paused',
    run: ({ cluster, screen }, { name }) => {
      cluster.resume(name);
      screen.say(`${name} goes on`);
    },
  },
  add: { about: 'start one more node, which joins', run: async ({ plan, cluster }) => cluster.start(await plan.add()) },
  leave: {
    about: 'let a node hand over what it holds, and go for good',
    of: 'running',
    run: (_, { url }) => runLeave(optionsFor(url)),
  },
  help: { about: 'this list', run: ({ screen }) => screen.say(HELP) },
  quit: { about: 'stop all nodes and end (as does Ctrl-C)', run: () => {} },
};

const usageOf = ([word, { of }]: readonly [string, ConsoleCommand]): string => (of === undefined ? word : `${word} n2`);

const HELP = Object.entries(COMMANDS)
  .map((entry) => `  ${usageOf(entry).padEnd(10)} ${entry[1].about}`)
  .join('\n');

/** Why a node cannot be what a command is for, or undefined. */
function whyNot({ plan, cluster }: Context, name: string, of: ConsoleCommand['of']): string | undefined {
  if (plan.hasLeft(name)) return `${name} has left the cluster, for good; "add" starts a new node`;
  if (plan.find(name) === undefined) {
    return `there is no node "${name}"; there are ${plan.members.map((node) => node.name).join(', ')}`;
  }
  const isPaused = cluster.isPaused(name);
  const isStarted = isPaused || cluster.isRunning(name);
  if (of === 'stopped') return isStarted ? `${name} runs already` : undefined;
  if (!isStarted) return `${name} does not run; start it with "start ${name}"`;
  if (of === 'running' && isPaused) return `${name} hangs; let it go on with "resume ${name}"`;
  return of === 'paused' && !isPaused ? `${name} does not hang` : undefined;
}

/** Carries out one line; false when it asks to end. */
async function obey(context: Context, line: string): Promise<boolean> {
  const [word = '', ...names] = line.trim().split(/\s+/);
  const complain = (text: string): true => {
    context.screen.say(`mec: ${text}`);
    return true;
  };
  if (word === '') return true;
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (command === undefined) return complain(`there is no command "${word}"; see help`);
  const { of, run } = command;
  const [name = ''] = names;
  if (names.length !== (of === undefined ? 0 : 1)) return complain(`say just "${usageOf([word, command])}"`);
  const reason = of === undefined ? undefined : whyNot(context, name, of);
  if (reason !== undefined) return complain(reason);
  try {
    await run(context, context.plan.find(name) as DevNode);
  } catch (error) {
    complain(messageOf(error));
  }
  return word !== 'quit';
}

/** Whether reading the terminal would stop this process, because it runs in the background of a shell. */
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

/** Reads and carries out commands one after the other; resolves when one asks to end. Without stdin it never does. */
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
    // Ctrl-C also counts while a command takes its time.
    if (!(await Promise.race([obey(context, line), interrupted]))) return lines.close();
    context.screen.prompt();
  }
  // The end of a script is not the end of the cluster; Ctrl-D or Ctrl-C on a terminal is.
  return isTerminal ? undefined : never;
}
