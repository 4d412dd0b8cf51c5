/** The command line: `mec --config FILE`, `mec dev`. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { messageOf, StartError } from '../../base/errors.ts';
import { type DevOptions, runDev } from './dev.ts';
import { runNode } from './run-node.ts';
import { readVersion } from './version.ts';

const EXIT_USAGE = 2;

/** Reads a whole number within bounds. */
function numberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const n = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    if (!(n >= least && n <= most)) throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    return n;
  };
}

function createProgram(): Command {
  const program = new Command('mec')
    .description('MecDB: a leaderless, replicated key-value store')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('-c, --config <file>', 'run one node as this TOML file says')
    .exitOverride()
    .action(async ({ config }: { config?: string }) => {
      if (config !== undefined) return runNode(config);
      program.outputHelp({ error: true });
      process.exitCode = EXIT_USAGE;
    });
  program.addHelpText(
    'after',
    '\nExample:\n  mec dev                     a three-node cluster on this machine, data in .mec-dev\n  mec --config node.toml      one node of a real cluster',
  );
  program
    .command('dev')
    .description('run a cluster on this machine, every node a process of its own')
    .option('--nodes <n>', 'how many nodes', numberWithin(1, 32), 3)
    .option('--httpport <port>', 'HTTP port of the first node; node i has this + i', numberWithin(1, 65_500), 3000)
    .option('--port <port>', 'ZeroMQ port of the first node; node i has this + 10 i', numberWithin(1, 65_000), 7000)
    .option('--data <dir>', 'directory that holds everything', '.mec-dev')
    .option('--fresh', 'forget what an earlier run has stored there', false)
    .exitOverride()
    .action(async (options: DevOptions) => {
      process.exitCode = await runDev(options);
    });
  return program;
}

/** Runs the command line; sets the exit code: 0 done, 1 failed, 2 cannot be started as asked. */
export async function main(argv: readonly string[]): Promise<void> {
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
