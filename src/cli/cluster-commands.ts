/** The commands of operators: they look at a cluster, and change who belongs to it. */
import type { CommandSpec } from './command.ts';
import { REMOTE_OPTIONS } from './commands.ts';

/** All of them. */
export const CLUSTER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'status',
    about: 'print who is in the cluster, how they are, and what they hold',
    args: [],
    options: [{ flags: '--watch', about: 'print it anew every second, until Ctrl-C' }, ...REMOTE_OPTIONS],
    run: async (_, options) => (await import('./cluster.ts')).runStatus(options),
  },
  {
    name: 'locate',
    alias: 'ring',
    about: 'print which nodes hold a key, and what each says of it',
    args: [['<key>', '']],
    options: REMOTE_OPTIONS,
    run: async (args, options) => (await import('./cluster.ts')).runLocate(args, options),
  },
  {
    name: 'leave',
    about: 'let the one node at --url leave: others take over what it holds, then it ends',
    args: [],
    options: [
      { flags: '--force <name>', about: 'declare a node dead that will never return; what only it held is lost' },
      { flags: '--no-wait', about: 'do not wait until it has left' },
      ...REMOTE_OPTIONS,
    ],
    run: async (_, options) => (await import('./cluster.ts')).runLeave(options),
  },
];
