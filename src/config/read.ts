/**
 * Reads a configuration file: TOML, checked against the rules. A mistake stops the start with one
 * line. It names the file, the line if known, the key, the expected value, and the nearest known
 * key.
 */
import { parse, TomlError } from 'smol-toml';
import { StartError } from '../base/errors.ts';
import { MAX_POLICIES } from './limits.ts';
import type { Config, JwtRules, NamedAddress } from '../cluster/config.ts';
import type { Policy } from '../cluster/policies.ts';
import { nearest } from '../base/nearest.ts';
import { repeated } from '../base/secret.ts';
import {
  HTTP_KEYS,
  JWT_KEYS,
  LOG_KEYS,
  NODE_KEYS,
  POLICY_KEYS,
  QUORUM_KEYS,
  type Rules,
  SECURITY_KEYS,
  STORAGE_KEYS,
  TOP_KEYS,
  type Values,
} from './rules.ts';

/** A configuration file as read. The launcher may fill in `name`. */
export type ConfigFile = Omit<Config, 'name'> & { readonly name: string | undefined };

type TomlTable = Record<string, unknown>;

const isTable = (value: unknown): value is TomlTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** Reads one configuration file, whose name is part of every error. */
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
    const index = this.#lines.findIndex((line) =>
      starts.some((start) => line.replaceAll(/\s/g, '').startsWith(start)),
    );
    return new StartError(`${this.#file}${index < 0 ? '' : `:${index + 1}`}: ${key}: ${complaint}`);
  }

  /** The values of a table's keys, each checked, or the default if absent. Throws `StartError`. */
  read<R extends Rules>(
    prefix: string,
    table: TomlTable,
    rules: R,
    others: readonly string[] = [],
  ): Values<R> {
    const known = [...Object.keys(rules), ...others];
    for (const key of Object.keys(table)) {
      if (known.includes(key)) continue;
      // A port of HTTP is no key of its table: it is `httpport`, above all tables.
      const joined = prefix.replace('.', '') + key;
      const meant = Object.hasOwn(TOP_KEYS, joined) ? joined : nearest(key, known);
      throw this.complain(prefix + repeated(key), `unknown key; did you mean "${meant}"?`);
    }
    const values: TomlTable = {};
    for (const [key, rule] of Object.entries(rules)) {
      const given = table[key];
      const value = given === undefined ? rule.defaultValue : rule.read(given);
      if (given !== undefined && value === undefined)
        throw this.complain(
          prefix + key,
          `expected ${rule.expected}, got ${repeated(JSON.stringify(given))}`,
        );
      values[key] = value;
    }
    return values as Values<R>;
  }

  nodes(value: unknown): NamedAddress[] {
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every(isTable))
      throw this.complain('node', 'expected [[node]] tables, each with host and port');
    return value.map((table) => {
      const { name, host, port } = this.read('node.', table, NODE_KEYS);
      if (port === undefined)
        throw this.complain('node.port', `missing; expected ${NODE_KEYS.port.expected}`);
      return { host, port, ...(name !== undefined && { name }) };
    });
  }

  /** Throws `StartError` if `r` or `w` is larger than `n`. */
  checkSizes(table: string, quorums: Readonly<Record<'r' | 'w', unknown>>, n: number): void {
    for (const name of ['r', 'w'] as const) {
      const size = quorums[name];
      if (typeof size === 'number' && size > n)
        throw this.complain(`${table}.${name}`, `${size} is more than n (${n})`);
    }
  }
}

/** The policies of a document. `n` is the number of replicas in its `[quorum]`. */
function readPolicies(reader: Reader, value: unknown, n: number): Policy[] {
  const tables = value ?? [];
  if (!Array.isArray(tables) || !tables.every(isTable) || tables.length > MAX_POLICIES)
    throw reader.complain(
      'policy',
      `expected at most ${MAX_POLICIES} [[policy]] tables, each with a prefix`,
    );
  const policies = tables.map((table): Policy => {
    const {
      prefix,
      siblings,
      ttl,
      n: own,
      r,
      w,
      maxvalue,
    } = reader.read('policy.', table, POLICY_KEYS);
    if (prefix === undefined)
      throw reader.complain('policy.prefix', `missing; expected ${POLICY_KEYS.prefix.expected}`);
    // A partition, which is replicated as a whole, holds keys of all prefixes.
    if (own !== undefined && own !== n)
      throw reader.complain('policy.n', `must be the n of [quorum] (${n}); set r and w instead`);
    reader.checkSizes('policy', { r, w }, n);
    return { prefix, siblings, ttlMs: ttl, r, w, maxValueBytes: maxvalue };
  });
  const prefixes = policies.map(({ prefix }) => prefix);
  const double = prefixes.find((prefix, i) => prefixes.indexOf(prefix) < i);
  if (double !== undefined)
    throw reader.complain(
      'policy.prefix',
      `${JSON.stringify(double)} has two policies; merge them into one`,
    );
  return policies;
}

/** The rules in `[jwt]`. Throws `StartError` if one is missing that has no default. */
function jwtRules(reader: Reader, values: Values<typeof JWT_KEYS>): JwtRules {
  const { issuer, audience, keys, ...rest } = values;
  if (issuer !== undefined && audience !== undefined && keys !== undefined)
    return { issuer, audience, keys, ...rest };
  const missing = (['issuer', 'audience', 'keys'] as const).find(
    (key) => values[key] === undefined,
  );
  const key = missing ?? 'issuer';
  throw reader.complain(`jwt.${key}`, `missing; expected ${JWT_KEYS[key].expected}`);
}

/** The values of a file without tables. Throws `StartError` with one line. */
export const readTable = <R extends Rules>(file: string, text: string, rules: R): Values<R> =>
  new Reader(file, text).read('', parseToml(file, text), rules);

/** Parses and checks the text of a configuration file. Throws `StartError` with one line. */
export function parseConfig(file: string, text: string): ConfigFile {
  return checkConfig(parseToml(file, text), new Reader(file, text));
}

/**
 * Checks a configuration given as an object, with the keys and values of the file. Throws
 * `StartError` with one line that begins with `source`.
 */
export function readConfig(
  source: string,
  document: Readonly<Record<string, unknown>>,
): ConfigFile {
  const given = Object.fromEntries(
    Object.entries(document).filter(([, value]) => value !== undefined),
  );
  return checkConfig(given, new Reader(source, ''));
}

function checkConfig(document: TomlTable, reader: Reader): ConfigFile {
  const top = reader.read('', document, TOP_KEYS, [
    'quorum',
    'storage',
    'security',
    'jwt',
    'http',
    'log',
    'node',
    'policy',
  ]);
  const section = <R extends Rules>(name: string, rules: R): Values<R> => {
    const table = document[name] ?? {};
    if (!isTable(table)) throw reader.complain(name, `expected a table [${name}]`);
    return reader.read(`${name}.`, table, rules);
  };
  const { timeout, n, r, w } = section('quorum', QUORUM_KEYS);
  const { maxvalue, unsignedtokens, ...http } = section('http', HTTP_KEYS);
  const { sync, masterkey, masterkeycommand } = section('storage', STORAGE_KEYS);
  const { mode, maxage, rate, byterate } = section('security', SECURITY_KEYS);
  const jwt =
    document['jwt'] === undefined ? undefined : jwtRules(reader, section('jwt', JWT_KEYS));
  const { format, level, slow, keys } = section('log', LOG_KEYS);
  const config = {
    ...top,
    nodes: reader.nodes(document['node']),
    quorum: { n, r, w, timeoutMs: timeout },
    storage: { sync, masterKeyFile: masterkey, masterKeyCommand: masterkeycommand },
    security: {
      mode,
      maxAgeMs: maxage,
      requestsPerSecond: rate,
      bytesPerSecond: byterate,
      ...(jwt && { jwt }),
    },
    http: { maxValueBytes: maxvalue, unsignedTokens: unsignedtokens, ...http },
    log: { format, level, slowMs: slow, keys },
    policies: readPolicies(reader, document['policy'], n),
  };
  reader.checkSizes('quorum', { r, w }, n);
  if (masterkey !== undefined && masterkeycommand !== undefined)
    throw reader.complain(
      'storage.masterkeycommand',
      'there is a masterkey, too; keep one of them',
    );
  const { port, httpport } = config;
  if (httpport === port || httpport === port + 1) {
    throw reader.complain(
      'httpport',
      `${httpport} is already port or port + 1; choose another port`,
    );
  }
  return config;
}

function parseToml(file: string, text: string): TomlTable {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Without its cause, which has lines of the file: the token of a client may be in one.
    throw new StartError(syntaxComplaint(file, text, error));
  }
}

/** One line about a mistake in the syntax, with the key if the line with the mistake has one. */
function syntaxComplaint(file: string, text: string, error: TomlError): string {
  const { line, column, message } = error;
  const reason = message.split('\n')[0]?.replace('Invalid TOML document: ', '') ?? '';
  const mistaken = text.split('\n')[line - 1] ?? '';
  const [, start = '', key = ''] = /^(\s*([\w.-]+)\s*=\s*)/.exec(mistaken) ?? [];
  const isAtValue = key !== '' && start.length === column - 1;
  const isBareText = isAtValue && /^[a-z]/i.test(mistaken.slice(start.length));
  return (
    `${file}:${line}:${column}: ${key === '' ? '' : `${repeated(key)}: `}not valid TOML: ${reason}` +
    (isBareText ? '; a text must be in quotes' : '')
  );
}
