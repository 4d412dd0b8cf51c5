/** The commands that run something on this machine. */
import { DEV_DEFAULT_NODES, MAX_DEV_NODES } from './limits.ts';
import { type CommandSpec, numberWithin, UsageError } from './command.ts';
import type { DevOptions } from './dev-plan.ts';
import type { SimulateOptions } from './simulate.ts';

/** Reads a list of whole numbers and runs of them, as `3,7-9`; `none` is an empty one. */
function numbers(text: string): number[] {
  if (!/^(none|\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*)$/.test(text)) {
    throw new UsageError('Expected whole numbers, like 3,7-9, or "none".');
  }
  if (text === 'none') return [];
  return text.split(',').flatMap((run) => {
    const [from = 0, to = from] = run.split('-').map(Number);
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  });
}

/** All of them. */
export const LOCAL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dev',
    about: 'run a cluster on this machine, every node a process of its own',
    args: [],
    options: [
      {
        flags: '--nodes <n>',
        about: `how many nodes; more than there are join (default: those there are, else ${DEV_DEFAULT_NODES})`,
        parse: numberWithin(1, MAX_DEV_NODES),
      },
      {
        flags: '--httpport <port>',
        about: 'HTTP port of the first node; node i has this + i',
        parse: numberWithin(1, 65_500),
        defaultValue: 3000,
      },
      {
        flags: '--port <port>',
        about: 'ZeroMQ port of the first node; node i has this + 10 i',
        parse: numberWithin(1, 65_000),
        defaultValue: 7000,
      },
      { flags: '--data <dir>', about: 'directory that holds everything', defaultValue: '.mec-dev' },
      { flags: '--fresh', about: 'delete what an earlier run has stored there' },
    ],
    run: async (_, options) => {
      // Kept-alive connections of the start-up check would hold the process for seconds.
      process.exit(await (await import('./dev.ts')).runDev(options as DevOptions));
    },
  },
  {
    name: 'simulate',
    about: 'run a whole cluster in one process, in virtual time, while everything fails that can',
    args: [],
    options: [
      { flags: '--seed <n>', about: 'decides everything; drawn if not given', parse: numberWithin(0, 999_999_999) },
      {
        flags: '--seeds <n>',
        about: 'how many seeds, from that one on',
        parse: numberWithin(1, 1_000_000),
        defaultValue: 1,
      },
      { flags: '--nodes <n>', about: 'how many nodes; else the seed says', parse: numberWithin(1, 9) },
      {
        flags: '--operations <n>',
        about: 'how much the clients do',
        parse: numberWithin(1, 100_000),
        defaultValue: 400,
      },
      { flags: '--faults <list>', about: 'only these kinds of faults, separated by commas' },
      { flags: '--pending', about: 'also what nodes are known not to stand yet' },
      { flags: '--only-faults <numbers>', about: 'of the run that a seed makes, only these faults', parse: numbers },
      { flags: '--only-operations <numbers>', about: 'and only these operations', parse: numbers },
      {
        flags: '--shrink <seconds>',
        about: 'how long to look for a smaller run that fails too',
        parse: numberWithin(0, 86_400),
        defaultValue: 60,
      },
      { flags: '--trace', about: 'print what happens' },
    ],
    run: async (_, options) => {
      process.exitCode = await (await import('./simulate.ts')).runSimulate(options as SimulateOptions);
    },
  },
];
