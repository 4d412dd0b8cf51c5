/** The command line: `mec --config FILE`, `mec dev`. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { messageOf, StartError } from '../../base/errors.ts';
import { type CommandSpec, numberWithin, type OptionSpec } from './command.ts';
import { CLIENT_COMMANDS } from './commands.ts';
import { completionScript, SHELLS } from './completion.ts';
import type { DevOptions } from './dev.ts';
import type { SimulateOptions } from './simulate.ts';
import { readVersion } from '../embed/version.ts';

const EXIT_USAGE = 2;

/** A parser whose complaints commander prints as its own. */
function parsing(parse: (text: string, before: unknown) => unknown): (text: string, before: unknown) => unknown {
  return (text, before) => {
    try {
      return parse(text, before);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };
}

const number = (least: number, most: number): ReturnType<typeof parsing> => parsing(numberWithin(least, most));

function toOption({ flags, about, parse, fallback, env }: OptionSpec): Option {
  const option = new Option(flags, about);
  if (parse !== undefined) option.argParser(parsing(parse));
  if (fallback !== undefined) option.default(fallback);
  if (env !== undefined) option.env(env);
  return option;
}

/** Makes a command of its description. */
function addCommand(program: Command, { name, about, args, options, notes, run }: CommandSpec): void {
  const command = program.command(name).description(about).exitOverride();
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
    .action((shell: string) => {
      const commands = program.commands.map((command) => ({
        name: command.name(),
        about: command.description(),
        options: command.options.map(({ long }) => long ?? ''),
      }));
      const script = completionScript(shell, commands);
      if (script === undefined) throw new StartError(`unknown shell "${shell}"; there are ${SHELLS.join(', ')}`);
      process.stdout.write(script);
    });
}

function createProgram(): Command {
  const program = new Command('mec')
    .description('MecDB: a leaderless, replicated key-value store')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('-c, --config <file>', 'run one node as this TOML file says')
    .argument('[command]')
    .exitOverride()
    .action(async (command: string | undefined, { config }: { config?: string }) => {
      if (command !== undefined) throw new StartError(`unknown command "${command}"; see mec --help`);
      if (config === undefined) throw new StartError('nothing to do; give --config FILE or a command, see mec --help');
      await (await import('./run-node.ts')).runNode(config);
    });
  program.addHelpText(
    'after',
    '\nExamples:\n  mec dev                     a three-node cluster on this machine, data in .mec-dev\n  mec --config node.toml      one node of a real cluster',
  );
  program
    .command('dev')
    .description('run a cluster on this machine, every node a process of its own')
    .option('--nodes <n>', 'how many nodes', number(1, 32), 3)
    .option('--httpport <port>', 'HTTP port of the first node; node i has this + i', number(1, 65_500), 3000)
    .option('--port <port>', 'ZeroMQ port of the first node; node i has this + 10 i', number(1, 65_000), 7000)
    .option('--data <dir>', 'directory that holds everything', '.mec-dev')
    .option('--fresh', 'delete what an earlier run has stored there')
    .exitOverride()
    .action(async (options: DevOptions) => {
      // Kept-alive connections of the start-up check would hold the process for seconds.
      process.exit(await (await import('./dev.ts')).runDev(options));
    });
  program
    .command('simulate')
    .description('run a whole cluster in one process, in virtual time, while everything fails that can')
    .option('--seed <n>', 'decides everything; drawn if not given', number(0, 999_999_999))
    .option('--seeds <n>', 'how many seeds, from that one on', number(1, 1_000_000), 1)
    .option('--nodes <n>', 'how many nodes; else the seed says', number(1, 9))
    .option('--operations <n>', 'how much the clients do', number(1, 100_000), 400)
    .option('--faults <list>', 'only these faults, separated by commas')
    .option('--trace', 'print what happens')
    .exitOverride()
    .action(async (options: SimulateOptions) => {
      process.exitCode = await (await import('./simulate.ts')).runSimulate(options);
    });
  for (const spec of CLIENT_COMMANDS) addCommand(program, spec);
  addCompletion(program);
  return program;
}

/** Runs the command line; sets the exit code: 0 done, 1 failed, 2 cannot be started as asked. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever read our output may go; that is no reason to stop, least of all in disorder.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    await createProgram().parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end this way too; commander has printed what there is to say.
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
    } else if (error instanceof StartError) {
      process.stderr.write(`mec: ${error.message}\n`);
      process.exitCode = EXIT_USAGE;
    } else {
      process.stderr.write(`mec: ${messageOf(error)}\n`);
      process.exitCode = 1;
    }
  }
}
