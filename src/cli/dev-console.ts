/**
 * The console of `mec dev`: commands from a terminal or a pipe, one per line, that stop and start
 * nodes, and cut the links between them.
 */
import { readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { messageOf } from '../base/errors.ts';
import { DEV_ASK_TIMEOUT_MS } from './limits.ts';
import { runStatus } from './cluster.ts';
import { act, ActionRefused, DEV_ACTIONS, type DevParts, usageOf } from './dev-actions.ts';
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

/** The parts that the console uses. */
interface Context extends DevParts {
  readonly screen: Screen;
}

interface ConsoleCommand {
  readonly about: string;
  readonly run: (context: Context) => Promise<void> | void;
}

/** The commands of the console alone. All others are actions on the cluster. */
const COMMANDS: Readonly<Record<string, ConsoleCommand>> = {
  status: {
    about: 'list the nodes and their state',
    run: ({ plan, cluster, screen }) => {
      const urls = plan.members.filter(({ name }) => cluster.isRunning(name)).map(({ url }) => url);
      if (urls.length === 0) return screen.print('no node is running');
      const { proofs } = plan;
      return runStatus({ url: urls.join(','), proofs, timeout: DEV_ASK_TIMEOUT_MS });
    },
  },
  help: { about: 'show this list', run: ({ screen }) => screen.print(HELP) },
  quit: { about: 'stop all nodes and exit, like Ctrl-C', run: () => {} },
};

const HELP = Object.entries({ ...DEV_ACTIONS, ...COMMANDS })
  .map(([word, { about }]) => `  ${usageOf(word).padEnd(10)} ${about}`)
  .join('\n');

/** Runs one line. Returns false if it asks to quit. */
async function obey(context: Context, line: string): Promise<boolean> {
  const [word = '', ...names] = line.trim().split(/\s+/);
  if (word === '') return true;
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  try {
    if (command === undefined) {
      const said = await act(context, word, names);
      if (said !== undefined) context.screen.print(said);
      return true;
    }
    if (names.length > 0) throw new ActionRefused(`expected "${word}"`);
    await command.run(context);
  } catch (error) {
    context.screen.print(`mec: ${messageOf(error)}`);
    return true;
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
