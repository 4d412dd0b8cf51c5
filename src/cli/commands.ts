/** The commands that speak to a cluster as a client. */
import { MAX_TTL_SECONDS } from '../cluster/limits.ts';
import { type CommandSpec, namedValue, numberWithin, oneOf, type OptionSpec, quorumOf } from './command.ts';
import { EXIT_HELP } from './exit-codes.ts';

/** Where a cluster is looked for, unless told. */
const DEFAULT_URL = 'http://127.0.0.1:3000';

const QUORUM = 'a number, one, quorum or all';

/** The options of all of them. */
export const REMOTE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--url <urls>',
    about: 'nodes to ask, separated by commas; any one will do',
    env: 'MEC_URL',
    defaultValue: DEFAULT_URL,
  },
  { flags: '--json', about: 'print JSON, errors too' },
  { flags: '--timeout <ms>', about: 'how long to try', parse: numberWithin(1, 600_000), defaultValue: 10_000 },
];

const TOKEN_FILE: OptionSpec = {
  flags: '--token-file <file>',
  about: 'take the token from there, if it is there, and keep the new one there',
};
const VCLOCK: OptionSpec = { flags: '--vclock <token>', about: 'what you have seen, as a get or put printed it' };
const W: OptionSpec = { flags: '--w <quorum>', about: `how many disks must have it: ${QUORUM}`, parse: quorumOf };
const TYPE: OptionSpec = {
  flags: '--type <content-type>',
  about: 'else it is guessed: a file by its name, text as text/plain',
};

/** All of them. */
export const CLIENT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'get',
    about: 'print the value of a key',
    args: [['<key>', '']],
    options: [
      { flags: '--siblings', about: 'print all values, where there are several' },
      { flags: '--token-file <file>', about: 'keep the token there, for the put that follows' },
      { flags: '--r <quorum>', about: `how many replicas must answer: ${QUORUM}`, parse: quorumOf },
      ...REMOTE_OPTIONS,
    ],
    notes: EXIT_HELP,
    run: async (args, options) => (await import('./keys.ts')).runGet(args, options),
  },
  {
    name: 'put',
    about: 'write a value; it replaces what the token has seen, and stands beside all else',
    args: [
      ['<key>', ''],
      ['[value]', '@FILE for a file, - for stdin; @@… begins with one @'],
    ],
    options: [
      VCLOCK,
      TOKEN_FILE,
      { flags: '--replace', about: 'read first, and replace what is there now' },
      TYPE,
      { flags: '--encoding <coding>', about: 'how the bytes are encoded already, as gzip: kept with the value' },
      { flags: '--ttl <seconds>', about: 'let it expire', parse: numberWithin(1, MAX_TTL_SECONDS) },
      { flags: '--meta <name=value>', about: 'kept beside the value; may be repeated', parse: namedValue },
      W,
      ...REMOTE_OPTIONS,
    ],
    notes: EXIT_HELP,
    run: async (args, options) => (await import('./keys.ts')).runPut(args, options),
  },
  {
    name: 'delete',
    about: 'delete what the token has seen; without one, what is there now',
    args: [['<key>', '']],
    options: [VCLOCK, TOKEN_FILE, W, ...REMOTE_OPTIONS],
    notes: EXIT_HELP,
    run: async (args, options) => (await import('./keys.ts')).runDelete(args, options),
  },
  {
    name: 'list',
    about: 'print the keys in order, one a line',
    args: [['[prefix]', 'only keys that begin so']],
    options: [
      { flags: '--after <key>', about: 'only keys behind this one' },
      { flags: '--limit <n>', about: 'only so many', parse: numberWithin(1, 999_999_999) },
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./keys.ts')).runList(args, options),
  },
  {
    name: 'resolve',
    about: 'show the values of a key side by side, and make one of them',
    args: [['<key>', '']],
    options: [
      { flags: '--take <which>', about: 'take one: its number as shown, the beginning of its dot, or "newest"' },
      { flags: '--value <value>', about: 'take this instead: text, @FILE, or - for stdin' },
      { flags: '--edit', about: 'open $EDITOR on all of them' },
      TYPE,
      ...REMOTE_OPTIONS,
    ],
    notes: `\nWithout an option it asks, on a terminal; elsewhere it only shows.${EXIT_HELP}`,
    run: async (args, options) => (await import('./resolve.ts')).runResolve(args, options),
  },
  {
    name: 'export',
    about: 'write keys with all their values as lines of JSON',
    args: [['[prefix]', 'only keys that begin so']],
    options: [
      { flags: '--out <file>', about: 'into this file; where it exists, go on behind its last whole line' },
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./transfer.ts')).runExport(args, options),
  },
  {
    name: 'import',
    about: 'read lines as export writes them; what is there already is left, so it may be run again',
    args: [['[file]', 'else stdin']],
    options: [
      {
        flags: '--existing <what>',
        about: 'a key with other values: keep all values (beside), leave it (skip), or replace them (replace)',
        parse: oneOf('beside', 'skip', 'replace'),
        defaultValue: 'beside',
      },
      ...REMOTE_OPTIONS,
    ],
    run: async (args, options) => (await import('./transfer.ts')).runImport(args, options),
  },
];
