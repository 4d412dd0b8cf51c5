/** The commands for operators, which show a cluster and change its members. */
import { type CommandSpec, minutesOf, numberWithin, oneOf, plainName } from './command.ts';
import { HEALTH_EXIT_HELP } from './exit-codes.ts';
import { ANSWER_OPTIONS, REMOTE_OPTIONS } from './commands.ts';

/** All commands for operators. */
export const CLUSTER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'status',
    about: 'print the nodes of the cluster, with their state and data',
    args: [],
    options: [
      { flags: '--watch', about: 'print it every second, until Ctrl-C' },
      ...REMOTE_OPTIONS,
    ],
    notes: HEALTH_EXIT_HELP,
    run: async (_, options) => (await import('./cluster.ts')).runStatus(options),
  },
  {
    name: 'doctor',
    about: 'check a configuration, its machine and the cluster, and print what to do',
    args: [['[file]', 'the configuration of a node on this machine']],
    options: REMOTE_OPTIONS,
    notes: HEALTH_EXIT_HELP,
    run: async (args, options) => (await import('./doctor.ts')).runDoctor(args, options),
  },
  {
    name: 'locate',
    alias: 'ring',
    about: 'print the nodes that hold a key, and the versions that each has',
    args: [['<key>', '']],
    options: REMOTE_OPTIONS,
    run: async (args, options) => (await import('./cluster.ts')).runLocate(args, options),
  },
  {
    name: 'explain',
    about: 'print why a key has its values, where they are, and what a write would do',
    args: [['<key>', '']],
    options: [
      { flags: '--token <token>', about: 'the token of the write; without it, a write has none' },
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./explain.ts')).runExplain(args, options),
  },
  {
    name: 'top',
    about: 'print the keys with the most reads, writes, bytes or values',
    args: [],
    options: [
      {
        flags: '--by <order>',
        about: 'reads and writes of the last minutes, bytes, or siblings',
        parse: oneOf('reads', 'writes', 'bytes', 'siblings'),
        defaultValue: 'reads',
      },
      ...REMOTE_OPTIONS,
    ],
    run: async (_, options) => (await import('./explain.ts')).runTop(options),
  },
  {
    name: 'security',
    about: 'make and change the identities of a secured cluster',
    args: [
      [
        '<action>',
        'init, status, grant, quota, import, token, signer, revoke, rotate, rekey, reload, renew, ' +
          'certify, off or recover',
      ],
      [
        '[words...]',
        'grant IDENTITY PREFIX VERBS; quota TENANT SIZE; import FILE; token IDENTITY; ' +
          'certify IDENTITY; revoke ID; rotate [tokens]',
      ],
    ],
    options: [
      {
        flags: '--nodes <n>',
        about: 'init: number of nodes',
        parse: numberWithin(1, 32),
        defaultValue: 3,
      },
      { flags: '--running', about: 'init: make keys for the cluster at --url, which has none' },
      {
        flags: '--dir <dir>',
        about: 'directory that init makes, with the authority',
        defaultValue: 'mec-cluster',
      },
      {
        flags: '--cluster <name>',
        about: 'init: name of the cluster; certify: the one that its nodes got later',
        parse: plainName,
      },
      { flags: '--host <host>', about: 'init: host of all nodes', defaultValue: '127.0.0.1' },
      {
        flags: '--port <port>',
        about: 'init: ZeroMQ port of the first node; each further node has this + 10',
        parse: numberWithin(1, 65_000),
        defaultValue: 7000,
      },
      {
        flags: '--httpport <port>',
        about: 'init: HTTPS port of the first node; each further node has the next port',
        parse: numberWithin(1, 65_500),
        defaultValue: 3000,
      },
      {
        flags: '--days <n>',
        about: 'token, signer: days until it expires (default: 90)',
        parse: numberWithin(1, 3_660),
      },
      { flags: '--exact', about: 'grant: rights on the key PREFIX only' },
      { flags: '--key <file>', about: 'signer: a public key of Ed25519, as PEM' },
      {
        flags: '--node <file>',
        about: 'renew, rekey, off, recover: configuration of a node on this machine',
      },
      {
        flags: '--masterkey <file>',
        about: 'rekey: file of the next master key (default: another data key)',
      },
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./security.ts')).runSecurity(args, options),
  },
  {
    name: 'join-token',
    about: 'make a token with which one node may join a secured cluster',
    args: [],
    options: [
      {
        flags: '--dir <dir>',
        about: 'directory of the authority, as "mec security init" makes it',
        defaultValue: 'mec-cluster',
      },
      { flags: '--name <name>', about: 'the only name that the node may have' },
      {
        flags: '--cancel <id>',
        about: 'end a token that is not used yet: its part between the second dot and the third',
      },
      {
        flags: '--ttl <time>',
        about: 'time until the token ends, such as 30m or 2h; at most 24h',
        parse: minutesOf,
        defaultValue: 60,
      },
      ...REMOTE_OPTIONS,
    ],
    run: async (_, options) => (await import('./join.ts')).runJoinToken(options),
  },
  {
    name: 'join',
    about: 'join a secured cluster with the token in MEC_TOKEN, and run the node',
    args: [],
    options: [
      { flags: '--url <url>', about: 'the node that has made the token', defaultValue: '' },
      { flags: '--name <name>', about: 'name of the new node', defaultValue: '' },
      { flags: '--dir <dir>', about: 'directory for its files', defaultValue: '.' },
      { flags: '--host <host>', about: 'host of the new node', defaultValue: '127.0.0.1' },
      {
        flags: '--port <port>',
        about: 'its ZeroMQ port; the next one is its, too',
        parse: numberWithin(1, 65_534),
        defaultValue: 7000,
      },
      {
        flags: '--httpport <port>',
        about: 'its HTTPS port',
        parse: numberWithin(1, 65_535),
        defaultValue: 3000,
      },
      { flags: '--prepare', about: 'write the files, and run nothing' },
      {
        flags: '--timeout <ms>',
        about: 'time limit of the request in milliseconds',
        parse: numberWithin(1, 600_000),
        defaultValue: 10_000,
      },
    ],
    run: async (_, options) => (await import('./join.ts')).runJoin(options),
  },
  {
    name: 'leave',
    about: 'remove a node for good: the other nodes take over its data, then it ends',
    args: [['[name]', 'the node that leaves']],
    options: [
      {
        flags: '--url <url>',
        about: 'nodes to ask, by default those of MEC_URL; without a name, the node that leaves',
      },
      { flags: '--yes', about: 'without a name: do not ask' },
      {
        flags: '--force <name>',
        about: 'remove a node that will never return; data that only it had is lost',
      },
      { flags: '--no-wait', about: 'do not wait until the node has left' },
      ...ANSWER_OPTIONS,
    ],
    run: async (args, options) => (await import('./leave.ts')).runLeave(args, options),
  },
  {
    name: 'merge',
    about: 'make one cluster of two: that of the node at --url, and that at --into',
    args: [],
    options: [
      { flags: '--into <url>', about: 'a node of the larger cluster' },
      { flags: '--url <url>', about: 'a node of the smaller cluster' },
      ...ANSWER_OPTIONS,
    ],
    run: async (_, options) => (await import('./merge.ts')).runMerge(options),
  },
  {
    name: 'rejoin',
    about: 'take back a stopped node that was declared gone by mistake, with its data',
    args: [
      ['<name>', 'the node'],
      ['<file>', 'its configuration'],
    ],
    options: [],
    run: async (args) => (await import('./rejoin.ts')).runRejoin(args),
  },
];
