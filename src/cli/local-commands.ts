/** The commands that run something on this machine. */
import { DEV_DEFAULT_NODES, MAX_DEV_NODES } from './limits.ts';
import { type CommandSpec, numberWithin, UsageError } from './command.ts';
import type { DevOptions } from './dev-plan.ts';
import type { SimulateOptions } from './simulate.ts';

/**
 * Parses a list of whole numbers and ranges, such as `3,7-9`. `none` is the empty list. Throws
 * `UsageError`.
 */
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

/** All commands that run something on this machine. */
export const LOCAL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dev',
    elsewhere: ['start', 'up'],
    about: 'run a cluster on this machine, with each node in its own process',
    args: [],
    options: [
      {
        flags: '--nodes <n>',
        about: `number of nodes; a larger number adds nodes (default: the existing ones, or ${DEV_DEFAULT_NODES})`,
        parse: numberWithin(1, MAX_DEV_NODES),
      },
      {
        flags: '--httpport <port>',
        about: 'HTTP port of the first node; each further node has the next port',
        parse: numberWithin(1, 65_500),
        defaultValue: 3000,
      },
      {
        flags: '--port <port>',
        about: 'ZeroMQ port of the first node; each further node has this + 10',
        parse: numberWithin(1, 65_000),
        defaultValue: 7000,
      },
      { flags: '--data <dir>', about: 'directory of all nodes', defaultValue: '.mec-dev' },
      { flags: '--fresh', about: 'delete the data of earlier runs in that directory' },
      { flags: '--secure', about: 'make a new cluster secured, as "mec security init" does' },
    ],
    run: async (_, options) => {
      // The kept connections of the start-up check would keep the process alive for seconds.
      process.exit(await (await import('./dev.ts')).runDev(options as DevOptions));
    },
  },
  {
    name: 'simulate',
    about: 'run a whole cluster in one process and in virtual time, under every kind of fault',
    args: [],
    options: [
      {
        flags: '--seed <n>',
        about: 'the seed that decides the run (default: random)',
        parse: numberWithin(0, 999_999_999),
      },
      {
        flags: '--seeds <n>',
        about: 'number of seeds, starting with that one',
        parse: numberWithin(1, 1_000_000),
        defaultValue: 1,
      },
      {
        flags: '--nodes <n>',
        about: 'number of nodes (default: the seed decides)',
        parse: numberWithin(1, 9),
      },
      {
        flags: '--operations <n>',
        about: 'number of requests of the clients',
        parse: numberWithin(1, 100_000),
        defaultValue: 400,
      },
      { flags: '--faults <list>', about: 'use only these faults, separated by commas' },
      {
        flags: '--pending',
        about: 'include events that the cluster is known not to withstand yet',
      },
      {
        flags: '--only-faults <numbers>',
        about: 'use only these faults of the run, by number',
        parse: numbers,
      },
      {
        flags: '--only-operations <numbers>',
        about: 'use only these operations of the run, by number',
        parse: numbers,
      },
      {
        flags: '--shrink <seconds>',
        about: 'time limit of the search for a smaller run that also fails',
        parse: numberWithin(0, 86_400),
        defaultValue: 60,
      },
      { flags: '--trace', about: 'print every event' },
    ],
    run: async (_, options) => {
      const given = options as SimulateOptions;
      process.exitCode = await (await import('./simulate.ts')).runSimulate(given);
    },
  },
];
