/** The command line `mec`. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { isDiskFull, messageOf, StartError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { CLUSTER_COMMANDS } from './cluster-commands.ts';
import type { CommandSpec, OptionSpec } from './command.ts';
import { CLIENT_COMMANDS } from './commands.ts';
import { completionScript, SHELLS } from './completion.ts';
import { EXIT } from './exit-codes.ts';
import { LOCAL_COMMANDS } from './local-commands.ts';
import { print, remark } from './terminal.ts';
import { readVersion } from '../embed/version.ts';

const COMMANDS = [...LOCAL_COMMANDS, ...CLUSTER_COMMANDS, ...CLIENT_COMMANDS];

/** Wraps a parser so that commander prints its errors as its own. */
function parsing(
  parse: (text: string, before: unknown) => unknown,
): (text: string, before: unknown) => unknown {
  return (text, before) => {
    try {
      return parse(text, before);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };
}

function toOption({ flags, about, parse, defaultValue, env }: OptionSpec): Option {
  const option = new Option(flags, about);
  if (parse !== undefined) option.argParser(parsing(parse));
  if (defaultValue !== undefined) option.default(defaultValue);
  if (env !== undefined) option.env(env);
  return option;
}

/** Adds a command that its specification describes. */
function addCommand(
  program: Command,
  { name, alias, about, args, options, notes, run }: CommandSpec,
): void {
  const command = program.command(name).description(about).exitOverride();
  if (alias !== undefined) command.alias(alias);
  for (const [argument, meaning] of args) command.argument(argument, meaning);
  for (const option of options) command.addOption(toOption(option));
  if (notes !== undefined) command.addHelpText('after', notes);
  command.action((...given: unknown[]) =>
    run(given.slice(0, args.length) as (string | undefined)[], given[args.length]),
  );
}

function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands and options')
    .argument('<shell>', SHELLS.join(', '))
    .exitOverride()
    .action(async (shell: string) => {
      const commands = program.commands.flatMap((command) => {
        const about = command.description();
        const options = command.options.map(({ long }) => long ?? '');
        return [command.name(), ...command.aliases()].map((name) => ({ name, about, options }));
      });
      const script = completionScript(shell, commands);
      if (script === undefined)
        throw new StartError(`unknown shell "${shell}"; expected one of ${SHELLS.join(', ')}`);
      await print(process.stdout, script);
    });
}

function createProgram(): Command {
  const program = new Command('mec')
    .description('MecDB: a leaderless, replicated key-value store')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('-c, --config <file>', 'run one node with this TOML configuration')
    .usage('[options] [command]')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      outputError: (text) => remark(text.replace(/^error: /, '').trimEnd()),
    })
    .action(async ({ config }: { config?: string }) => {
      if (config === undefined)
        throw new StartError('nothing to do; give --config FILE or a command, see mec --help');
      await (await import('./run-node.ts')).runNode(config);
    });
  program.addHelpText(
    'after',
    '\nExamples:\n' +
      '  mec dev                     a three-node cluster on this machine, data in .mec-dev\n' +
      '  mec --config node.toml      one node of a real cluster',
  );
  for (const spec of COMMANDS) addCommand(program, spec);
  addCompletion(program);
  return program;
}

/**
 * Throws `StartError` if the first argument is neither an option nor a command. The parser would
 * complain about the arguments after it.
 */
function assertCommand(program: Command, word: string | undefined): void {
  const names = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
  if (word === undefined || word.startsWith('-') || [...names, 'help'].includes(word)) return;
  const same = COMMANDS.find(({ elsewhere }) => elsewhere?.includes(word))?.name;
  const meant = same ?? nearest(word, names, Math.ceil(word.length / 3));
  const advice = meant === '' ? 'see mec --help' : `did you mean "${meant}"?`;
  throw new StartError(`unknown command ${JSON.stringify(word)}; ${advice}`);
}

/** Runs the command line and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // The reader of our output may close it. The command must still end in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    const program = createProgram();
    assertCommand(program, argv[2]);
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end this way too. Commander has already printed the text.
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    } else if (error instanceof StartError) {
      remark(error.message);
      // A supervisor should start the node again when there is room.
      process.exitCode = isDiskFull(error) ? EXIT.failed : EXIT.usage;
    } else {
      remark(messageOf(error));
      process.exitCode = EXIT.failed;
    }
  }
}
