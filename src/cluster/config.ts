/**
 * The configuration file: TOML, checked against one table. A mistake stops the start with one line that names the
 * file, the line where it is known, the key, what was expected, and the nearest known key.
 */
import { parse, TomlError } from 'smol-toml';
import type { Address } from '../base/env.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { StartError } from '../base/errors.ts';
import {
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_N,
  DEFAULT_TIMEOUT_MS,
  MAX_KEY_BYTES,
  MAX_POLICIES,
  MAX_TIMEOUT_MS,
  MAX_TTL_SECONDS,
  MAX_VALUE_BYTES,
} from '../base/limits.ts';
import { NODE_NAME_PATTERN } from '../core/actor.ts';
import { parseQuorum, type Quorum } from '../core/quorum.ts';
import type { Policy } from './policies.ts';

/** Everything that a node can be told. */
export interface Config {
  /** Unique in the cluster. */
  readonly name: string;
  /** Address to bind, and the one by which the other nodes know this one. */
  readonly host: string;
  /** Membership; `port + 1` carries data. */
  readonly port: number;
  readonly httpport: number;
  /** Data directory. */
  readonly root: string;
  /** What may fail together with this node, as a rack; no two owners of a key share one while there are enough. */
  readonly zone: string | undefined;
  /** How much this node is to hold, relative to the others. */
  readonly weight: number;
  /** Where to look for the cluster (this node may be among them). */
  readonly nodes: readonly Address[];
  readonly quorum: { readonly n: number; readonly r: Quorum; readonly w: Quorum; readonly timeoutMs: number };
  readonly storage: { readonly sync: boolean };
  readonly http: {
    readonly maxValueBytes: number;
    /** Whose pages may speak to this node from a browser, `https://app.example`, or `*` for all. */
    readonly origins: readonly string[];
  };
  /** For the keys with a prefix. */
  readonly policies: readonly Policy[];
}

/** A configuration file as it was read; `name` may be left to the launcher. */
export type ConfigFile = Omit<Config, 'name'> & { readonly name: string | undefined };

/** How one key is read: the value that a TOML value means, or undefined where it is not acceptable. */
interface Rule {
  readonly expected: string;
  readonly read: (value: unknown) => unknown;
  readonly fallback: unknown;
}

/** A number of units as text, `"5s"` or `"1MiB"`, or undefined. */
function readUnits(value: unknown, factors: Readonly<Record<string, number>>): number | undefined {
  const match = typeof value === 'string' ? /^(\d{1,12})\s*([A-Za-z]+)$/.exec(value.trim()) : null;
  const factor = match === null ? undefined : factors[match[2] as string];
  return factor === undefined ? undefined : Number((match as RegExpExecArray)[1]) * factor;
}

const within = (n: number | undefined, least: number, most: number): number | undefined =>
  n !== undefined && Number.isSafeInteger(n) && n >= least && n <= most ? n : undefined;

const asNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

const HOST_PATTERN = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9A-Fa-f:]+$/;

/** `localhost` and 127.0.0.1 must not count as two nodes. */
function readHost(value: unknown): string | undefined {
  if (typeof value !== 'string' || !HOST_PATTERN.test(value) || value === '0.0.0.0' || value === '::') return undefined;
  return value === 'localhost' ? '127.0.0.1' : value;
}

const host: Rule = {
  expected: 'a host name or address that the other nodes can reach (not 0.0.0.0)',
  read: readHost,
  fallback: '127.0.0.1',
};
const dataPort: Rule = {
  expected: 'a port from 1 to 65534 (port + 1 is used as well)',
  read: (value) => within(asNumber(value), 1, 65_534),
  fallback: 7000,
};
const quorum: Rule = {
  expected: 'a number from 1 to n, "one", "quorum" or "all"',
  read: (value) =>
    typeof value === 'string' || within(asNumber(value), 1, 9) ? parseQuorum(value as string) : undefined,
  fallback: 'quorum',
};

const NODE_KEYS: Readonly<Record<string, Rule>> = {
  host,
  port: { ...dataPort, fallback: undefined },
};

const maxvalue: Rule = {
  expected: `a size from "1B" to "${MAX_VALUE_BYTES / 1024 / 1024}MiB"`,
  read: (value) =>
    within(readUnits(value, { B: 1, kB: 1000, KiB: 1024, MB: 1e6, MiB: 1024 * 1024 }), 1, MAX_VALUE_BYTES),
  fallback: DEFAULT_MAX_VALUE_BYTES,
};
const replicas: Rule = {
  expected: 'a number of replicas from 1 to 9',
  read: (value) => within(asNumber(value), 1, 9),
  fallback: DEFAULT_N,
};

const isKeyStart = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && utf8ToBytes(value).length <= MAX_KEY_BYTES;

const POLICY_KEYS: Readonly<Record<string, Rule>> = {
  prefix: {
    expected: `the first 1 to ${MAX_KEY_BYTES} bytes of keys`,
    read: (value) => (isKeyStart(value) ? value : undefined),
    fallback: undefined,
  },
  siblings: {
    expected: '"keep" or "last-write-wins"',
    read: (value) => (value === 'keep' || value === 'last-write-wins' ? value : undefined),
    fallback: 'keep',
  },
  ttl: {
    expected: 'a time from "1s" to "3650d"',
    read: (value) =>
      within(
        readUnits(value, { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }),
        1000,
        MAX_TTL_SECONDS * 1000,
      ),
    fallback: undefined,
  },
  n: { ...replicas, fallback: undefined },
  r: { ...quorum, fallback: undefined },
  w: { ...quorum, fallback: undefined },
  maxvalue: { ...maxvalue, fallback: undefined },
};

const TABLES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  '': {
    name: {
      expected: 'up to 64 letters, digits, dots, dashes or underscores',
      read: (value) => (typeof value === 'string' && NODE_NAME_PATTERN.test(value) ? value : undefined),
      fallback: undefined,
    },
    host,
    port: dataPort,
    httpport: {
      expected: 'a port from 1 to 65535',
      read: (value) => within(asNumber(value), 1, 65_535),
      fallback: 3000,
    },
    root: {
      expected: 'the path of a directory',
      read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
      fallback: 'mec-data',
    },
    zone: {
      expected: 'a text of 1 to 64 characters',
      read: (value) => (typeof value === 'string' && value !== '' && value.length <= 64 ? value : undefined),
      fallback: undefined,
    },
    weight: {
      expected: 'a number from 0.1 to 100',
      read: (value) => (typeof value === 'number' && value >= 0.1 && value <= 100 ? value : undefined),
      fallback: 1,
    },
  },
  quorum: {
    n: replicas,
    r: quorum,
    w: quorum,
    timeout: {
      expected: `a time from "10ms" to "${MAX_TIMEOUT_MS / 1000}s"`,
      read: (value) => within(readUnits(value, { ms: 1, s: 1000, m: 60_000 }), 10, MAX_TIMEOUT_MS),
      fallback: DEFAULT_TIMEOUT_MS,
    },
  },
  storage: {
    sync: {
      expected: 'true or false',
      read: (value) => (typeof value === 'boolean' ? value : undefined),
      fallback: true,
    },
  },
  http: {
    maxvalue,
    origins: {
      expected: 'a list of origins such as "https://app.example" (without a path), or "*" for all',
      read: (value) => (Array.isArray(value) && value.every(isOrigin) ? value : undefined),
      fallback: [],
    },
  },
};

function isOrigin(value: unknown): boolean {
  if (value === '*') return true;
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value;
}

type Table = Record<string, unknown>;

const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** Reads one configuration file, to name it in complaints. */
class Reader {
  readonly #file: string;
  readonly #lines: readonly string[];

  constructor(file: string, text: string) {
    this.#file = file;
    this.#lines = text.split('\n');
  }

  complain(key: string, complaint: string): StartError {
    const last = key.slice(key.lastIndexOf('.') + 1);
    const starts = [`${last}=`, `"${last}"=`, `[${last}]`, `[[${last}]]`];
    const index = this.#lines.findIndex((line) => starts.some((start) => line.replaceAll(/\s/g, '').startsWith(start)));
    return new StartError(`${this.#file}${index < 0 ? '' : `:${index + 1}`}: ${key}: ${complaint}`);
  }

  /** The values of a table's keys, each checked, or its default. */
  read(prefix: string, table: Table, rules: Readonly<Record<string, Rule>>, others: readonly string[] = []): Table {
    const known = [...Object.keys(rules), ...others];
    for (const key of Object.keys(table)) {
      if (!known.includes(key))
        throw this.complain(prefix + key, `unknown key; did you mean "${nearest(key, known)}"?`);
    }
    const values: Table = {};
    for (const [key, rule] of Object.entries(rules)) {
      const given = table[key];
      const value = given === undefined ? rule.fallback : rule.read(given);
      if (given !== undefined && value === undefined)
        throw this.complain(prefix + key, `expected ${rule.expected}, got ${JSON.stringify(given)}`);
      values[key] = value;
    }
    return values;
  }

  nodes(value: unknown): Address[] {
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every(isTable))
      throw this.complain('node', 'expected [[node]] tables with host and port');
    return value.map((table) => {
      const node = this.read('node.', table, NODE_KEYS);
      if (node['port'] === undefined) throw this.complain('node.port', `missing; expected ${dataPort.expected}`);
      return node as unknown as Address;
    });
  }
}

/** The policies of a document, whose `[quorum]` has `n`. */
function readPolicies(reader: Reader, value: unknown, n: number): Policy[] {
  const tables = value ?? [];
  if (!Array.isArray(tables) || !tables.every(isTable) || tables.length > MAX_POLICIES)
    throw reader.complain('policy', `expected at most ${MAX_POLICIES} [[policy]] tables with prefix`);
  const policies = tables.map((table) => {
    const { prefix, siblings, ttl, n: own, maxvalue: most, ...quorums } = reader.read('policy.', table, POLICY_KEYS);
    if (prefix === undefined)
      throw reader.complain('policy.prefix', `missing; expected ${POLICY_KEYS['prefix']?.expected}`);
    // Whole partitions are replicated, and a partition holds keys of all prefixes.
    if (own !== undefined && own !== n)
      throw reader.complain('policy.n', `all keys have the n of [quorum], which is ${n}; set r and w instead`);
    for (const [name, size] of Object.entries(quorums)) {
      if (typeof size === 'number' && size > n)
        throw reader.complain(`policy.${name}`, `${size} is more than n, which is ${n}`);
    }
    return { prefix, siblings, ttlMs: ttl, ...quorums, maxValueBytes: most } as unknown as Policy;
  });
  const prefixes = policies.map(({ prefix }) => prefix);
  const double = prefixes.find((prefix, i) => prefixes.indexOf(prefix) < i);
  if (double !== undefined) throw reader.complain('policy.prefix', `two policies for ${JSON.stringify(double)}`);
  return policies;
}

/** Parses and checks the text of a configuration file; throws `StartError` with one line. */
export function parseConfig(file: string, text: string): ConfigFile {
  return checkConfig(parseToml(file, text), new Reader(file, text));
}

/** Checks configuration that is given as an object, with the keys and values of the file; throws `StartError` with one line. */
export function readConfig(source: string, document: Readonly<Record<string, unknown>>): ConfigFile {
  const given = Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
  return checkConfig(given, new Reader(source, ''));
}

function checkConfig(document: Table, reader: Reader): ConfigFile {
  const sections = Object.keys(TABLES).filter((name) => name !== '');
  const top = reader.read('', document, TABLES[''] as Record<string, Rule>, [...sections, 'node', 'policy']);
  const read = (name: string): Table => {
    const table = document[name] ?? {};
    if (!isTable(table)) throw reader.complain(name, `expected a table [${name}]`);
    return reader.read(`${name}.`, table, TABLES[name] as Record<string, Rule>);
  };
  const { timeout, ...quorums } = read('quorum');
  const { maxvalue, origins } = read('http');
  const config = {
    ...top,
    nodes: reader.nodes(document['node']),
    quorum: { ...quorums, timeoutMs: timeout },
    storage: read('storage'),
    http: { maxValueBytes: maxvalue, origins },
    policies: readPolicies(reader, document['policy'], quorums['n'] as number),
  } as unknown as ConfigFile;
  for (const name of ['r', 'w'] as const) {
    const size = config.quorum[name];
    if (typeof size === 'number' && size > config.quorum.n) {
      throw reader.complain(`quorum.${name}`, `${size} is more than n, which is ${config.quorum.n}`);
    }
  }
  if (config.httpport === config.port || config.httpport === config.port + 1) {
    throw reader.complain('httpport', `${config.httpport} is taken by port and port + 1`);
  }
  return config;
}

function parseToml(file: string, text: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]?.replace('Invalid TOML document: ', '') ?? '';
    throw new StartError(`${file}:${error.line}: not valid TOML: ${reason}`, { cause: error });
  }
}

/** The known word with the fewest edits (Levenshtein) to the given one. */
function nearest(word: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({ candidate, edits: editDistance(word.toLowerCase(), candidate) }));
  return distances.sort((a, b) => a.edits - b.edits)[0]?.candidate ?? '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] as number) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substitute));
    }
    row = next;
  }
  return row[b.length] as number;
}
