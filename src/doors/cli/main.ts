/** The command line: `mec --config FILE`, `mec dev`. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { messageOf, StartError } from '../../base/errors.ts';
import { type DevOptions, runDev } from './dev.ts';
import { runNode } from './run-node.ts';
import { runSimulate, type SimulateOptions } from './simulate.ts';
import { readVersion } from './version.ts';

const EXIT_USAGE = 2;

/** Reads a whole number within bounds. */
function numberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const n = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(n >= least && n <= most)) throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    return n;
  };
}

/** Reads a list of whole numbers; `none` is an empty one. */
function numbers(text: string): number[] {
  if (!/^(none|\d{1,9}(,\d{1,9})*)$/.test(text)) {
    throw new InvalidArgumentError('Expected whole numbers, separated by commas, or "none".');
  }
  return text === 'none' ? [] : text.split(',').map(Number);
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
      await runNode(config);
    });
  program.addHelpText(
    'after',
    '\nExamples:\n  mec dev                     a three-node cluster on this machine, data in .mec-dev\n  mec --config node.toml      one node of a real cluster',
  );
  program
    .command('dev')
    .description('run a cluster on this machine, every node a process of its own')
    .option('--nodes <n>', 'how many nodes', numberWithin(1, 32), 3)
    .option('--httpport <port>', 'HTTP port of the first node; node i has this + i', numberWithin(1, 65_500), 3000)
    .option('--port <port>', 'ZeroMQ port of the first node; node i has this + 10 i', numberWithin(1, 65_000), 7000)
    .option('--data <dir>', 'directory that holds everything', '.mec-dev')
    .option('--fresh', 'delete what an earlier run has stored there')
    .exitOverride()
    .action(async (options: DevOptions) => {
      // Kept-alive connections of the start-up check would hold the process for seconds.
      process.exit(await runDev(options));
    });
  program
    .command('simulate')
    .description('run a whole cluster in one process, in virtual time, while everything fails that can')
    .option('--seed <n>', 'decides everything; drawn if not given', numberWithin(0, 999_999_999))
    .option('--seeds <n>', 'how many seeds, from that one on', numberWithin(1, 1_000_000), 1)
    .option('--nodes <n>', 'how many nodes; else the seed says', numberWithin(1, 9))
    .option('--operations <n>', 'how much the clients do', numberWithin(1, 100_000), 400)
    .option('--faults <list>', 'only these kinds of faults, separated by commas')
    .option('--only-faults <numbers>', 'of the run that a seed makes, only these faults', numbers)
    .option('--only-operations <numbers>', 'and only these operations', numbers)
    .option('--shrink <seconds>', 'how long to look for a smaller run that fails too', numberWithin(0, 86_400), 60)
    .option('--trace', 'print what happens')
    .exitOverride()
    .action(async (options: SimulateOptions) => {
      process.exitCode = await runSimulate(options);
    });
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
