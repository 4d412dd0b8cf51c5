/** The commands that use a cluster as a client. */
import { MAX_TTL_SECONDS } from '../core/limits.ts';
import {
  type CommandSpec,
  namedValue,
  numberWithin,
  oneOf,
  type OptionSpec,
  quorumOf,
} from './command.ts';
import { DEFAULT_URL } from './default-url.ts';
import { EXIT_HELP } from './exit-codes.ts';

const QUORUM = 'a number, one, quorum or all';

/** Which nodes a command asks. */
const URL_OPTION: OptionSpec = {
  flags: '--url <urls>',
  about: 'nodes to ask, separated by commas; one is enough',
  env: 'MEC_URL',
  defaultValue: DEFAULT_URL,
};

/** The options of every command that talks to a cluster, other than its nodes. */
export const ANSWER_OPTIONS: readonly OptionSpec[] = [
  { flags: '--json', about: 'print results and errors as JSON' },
  {
    flags: '--client <file>',
    about: 'file with nodes, authority and token, as "mec security init" makes it',
    env: 'MEC_CLIENT',
  },
  {
    flags: '--timeout <ms>',
    about: 'time limit in milliseconds',
    parse: numberWithin(1, 600_000),
    defaultValue: 10_000,
  },
];

/** The options of every command that asks nodes which may stand for each other. */
export const REMOTE_OPTIONS: readonly OptionSpec[] = [URL_OPTION, ...ANSWER_OPTIONS];

const TOKEN_FILE: OptionSpec = {
  flags: '--token-file <file>',
  about: 'read the token from this file if it exists, and write the new one to it',
};
const VCLOCK: OptionSpec = {
  flags: '--vclock <token>',
  about: 'the token that "get --json" or "put --json" printed',
};
const R: OptionSpec = {
  flags: '--r <quorum>',
  about: `number of replicas that must answer a read: ${QUORUM}`,
  parse: quorumOf,
};
const W: OptionSpec = {
  flags: '--w <quorum>',
  about: `number of disks that must have the write: ${QUORUM}`,
  parse: quorumOf,
};
const TYPE: OptionSpec = {
  flags: '--type <content-type>',
  about: 'content type (default: by the name of the file; text/plain for text)',
};

/** All client commands. */
export const CLIENT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'get',
    elsewhere: ['read', 'cat'],
    about: 'print the value of a key',
    args: [['<key>', '']],
    options: [
      { flags: '--siblings', about: 'print all values if there are several' },
      { flags: '--raw', about: 'print control characters to a terminal, too, which obeys them' },
      { flags: '--token-file <file>', about: 'write the token to this file, for a later put' },
      R,
      ...REMOTE_OPTIONS,
    ],
    notes: EXIT_HELP,
    run: async (args, options) => (await import('./keys.ts')).runGet(args, options),
  },
  {
    name: 'put',
    elsewhere: ['set', 'write'],
    about: 'write a value; it replaces the values that the token includes',
    args: [
      ['<key>', ''],
      ['[value]', 'text, @FILE for a file, - for stdin; @@… for a text that begins with @'],
    ],
    options: [
      VCLOCK,
      TOKEN_FILE,
      { flags: '--replace', about: 'replace whatever is there' },
      TYPE,
      {
        flags: '--encoding <coding>',
        about: 'encoding that the bytes already have, such as gzip; stored with the value',
      },
      {
        flags: '--ttl <seconds>',
        about: 'number of seconds after which the value expires',
        parse: numberWithin(1, MAX_TTL_SECONDS),
      },
      {
        flags: '--meta <name=value>',
        about: 'metadata, stored with the value; may be repeated',
        parse: namedValue,
      },
      R,
      W,
      ...REMOTE_OPTIONS,
    ],
    notes: EXIT_HELP,
    run: async (args, options) => (await import('./keys.ts')).runPut(args, options),
  },
  {
    name: 'delete',
    elsewhere: ['del', 'rm', 'remove', 'unset'],
    about: 'delete the values that the token includes; without a token, the current ones',
    args: [['<key>', '']],
    options: [VCLOCK, TOKEN_FILE, R, W, ...REMOTE_OPTIONS],
    notes: EXIT_HELP,
    run: async (args, options) => (await import('./keys.ts')).runDelete(args, options),
  },
  {
    name: 'list',
    elsewhere: ['ls', 'keys', 'scan'],
    about: 'print the keys in order, one per line',
    args: [['[prefix]', 'only keys that begin with this']],
    options: [
      { flags: '--after <key>', about: 'only keys after this one' },
      {
        flags: '--limit <n>',
        about: 'largest number of keys',
        parse: numberWithin(1, 999_999_999),
      },
      R,
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./keys.ts')).runList(args, options),
  },
  {
    name: 'resolve',
    about: 'show the values of a key side by side, and replace them by one',
    args: [['<key>', '']],
    options: [
      {
        flags: '--take <which>',
        about: 'choose one: by number, by the beginning of its dot, or "newest"',
      },
      { flags: '--value <value>', about: 'write this instead: text, @FILE, or - for stdin' },
      { flags: '--edit', about: 'open $EDITOR on all of them' },
      TYPE,
      R,
      W,
      ...REMOTE_OPTIONS,
    ],
    notes: `\nWithout an option it asks on a terminal, and otherwise only shows the values.${EXIT_HELP}`,
    run: async (args, options) => (await import('./resolve.ts')).runResolve(args, options),
  },
  {
    name: 'export',
    elsewhere: ['dump', 'backup'],
    about: 'write keys with all their values as lines of JSON',
    args: [['[prefix]', 'only keys that begin with this']],
    options: [
      {
        flags: '--out <file>',
        about: 'write to this file; if it exists, continue after its last whole line',
      },
      R,
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./transfer.ts')).runExport(args, options),
  },
  {
    name: 'import',
    elsewhere: ['load', 'restore'],
    about: 'read the lines of an export; existing values are not written again',
    args: [['[file]', 'default: stdin']],
    options: [
      {
        flags: '--existing <what>',
        about:
          'if a key has other values: add siblings (beside), skip the key (skip), or replace them (replace)',
        parse: oneOf('beside', 'skip', 'replace'),
        defaultValue: 'beside',
      },
      R,
      W,
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./transfer.ts')).runImport(args, options),
  },
];
