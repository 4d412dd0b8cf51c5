/**
 * The rules for the keys of a configuration file. The types of the values follow from the rules.
 */
import { LOG_FORMATS, LOG_LEVELS } from '../base/stream-log.ts';
import { isHost } from '../base/address.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { MAX_KEY_BYTES, MAX_TIMEOUT_MS, MAX_TTL_SECONDS } from '../core/limits.ts';
import {
  DEFAULT_IDENTITY_RATE,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_N,
  DEFAULT_SECURITY_MAX_AGE_MS,
  DEFAULT_SLOW_MS,
  DEFAULT_TIMEOUT_MS,
} from '../cluster/limits.ts';
import { MAX_VALUE_BYTES } from './limits.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { SECURITY_MODES } from '../cluster/config.ts';
import { parseQuorum, type Quorum } from '../core/quorum/quorum.ts';

/**
 * The rule for one key. `read` converts a TOML value, and returns undefined if it is not
 * acceptable.
 */
interface ConfigRule<T> {
  readonly expected: string;
  readonly read: (value: unknown) => T | undefined;
  /** The value if the key is absent. */
  readonly defaultValue: T;
}

/** The rules for one table, by key. */
export type Rules = Readonly<Record<string, ConfigRule<unknown>>>;

/** The values of a table that was read by these rules. */
export type Values<R extends Rules> = {
  readonly [K in keyof R]: R[K] extends ConfigRule<infer T> ? T : never;
};

const optional = <T>(rule: Omit<ConfigRule<T>, 'defaultValue'>): ConfigRule<T | undefined> => ({
  ...rule,
  defaultValue: undefined,
});

/** A number with a unit, such as `"5s"` or `"1MiB"`; undefined if malformed. */
function readUnits(value: unknown, factors: Readonly<Record<string, number>>): number | undefined {
  const match = typeof value === 'string' ? /^(\d{1,12})\s*([A-Za-z]+)$/.exec(value.trim()) : null;
  const factor = match === null ? undefined : factors[match[2] as string];
  return factor === undefined ? undefined : Number((match as RegExpExecArray)[1]) * factor;
}

/** The units of times that may be long, ms. */
const LONG_TIMES = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const within = (n: number | undefined, least: number, most: number): number | undefined =>
  n !== undefined && Number.isSafeInteger(n) && n >= least && n <= most ? n : undefined;

const asNumber = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined;

/** Otherwise `localhost` and 127.0.0.1 would count as two nodes. */
function readHost(value: unknown): string | undefined {
  if (typeof value !== 'string' || !isHost(value) || value === '0.0.0.0' || value === '::')
    return undefined;
  return value === 'localhost' ? '127.0.0.1' : value;
}

const host: ConfigRule<string> = {
  expected: 'a host name or address that the other nodes can reach (not 0.0.0.0)',
  read: readHost,
  defaultValue: '127.0.0.1',
};
const dataPort: ConfigRule<number> = {
  expected: 'a port from 1 to 65534 (port + 1 is used as well)',
  read: (value) => within(asNumber(value), 1, 65_534),
  defaultValue: 7000,
};
const quorum: ConfigRule<Quorum> = {
  expected: 'a number from 1 to n, "one", "quorum" or "all"',
  read: (value) =>
    typeof value === 'string' || within(asNumber(value), 1, 9)
      ? parseQuorum(value as string)
      : undefined,
  defaultValue: 'quorum',
};

const plainName = optional({
  expected: 'up to 64 letters, digits, dots, dashes or underscores',
  read: (value) => (typeof value === 'string' && NODE_NAME_PATTERN.test(value) ? value : undefined),
});

/** The keys of `[[node]]`. A secured node knows the keys of another one by its name. */
export const NODE_KEYS = { name: plainName, host, port: optional(dataPort) };

/** The units of bytes. */
const SIZES = {
  B: 1,
  kB: 1000,
  KiB: 1024,
  MB: 1e6,
  MiB: 1024 ** 2,
  GB: 1e9,
  GiB: 1024 ** 3,
  TB: 1e12,
  TiB: 1024 ** 4,
};

/** A number of bytes with its unit, such as `"10GiB"`; undefined if malformed. */
export const readBytes = (text: string): number | undefined => readUnits(text, SIZES);

const maxvalue: ConfigRule<number> = {
  expected: `a size from "1B" to "${MAX_VALUE_BYTES / 1024 / 1024}MiB"`,
  read: (value) => within(readUnits(value, SIZES), 1, MAX_VALUE_BYTES),
  defaultValue: DEFAULT_MAX_VALUE_BYTES,
};
const replicas: ConfigRule<number> = {
  expected: 'a number of replicas from 1 to 9',
  read: (value) => within(asNumber(value), 1, 9),
  defaultValue: DEFAULT_N,
};

/** The keys of `[quorum]`. */
export const QUORUM_KEYS = {
  n: replicas,
  r: quorum,
  w: quorum,
  timeout: {
    expected: `a time from "10ms" to "${MAX_TIMEOUT_MS / 1000}s"`,
    read: (value) => within(readUnits(value, { ms: 1, s: 1000, m: 60_000 }), 10, MAX_TIMEOUT_MS),
    defaultValue: DEFAULT_TIMEOUT_MS,
  } satisfies ConfigRule<number>,
};

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const flag = (defaultValue: boolean): ConfigRule<boolean> => ({
  expected: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
  defaultValue,
});

/** The keys of `[storage]`. */
export const STORAGE_KEYS = {
  sync: flag(true),
  masterkey: optional({
    expected: 'the path of a file with a master key, and not the key',
    read: (value) => (isText(value) && !/^[0-9a-f]{64}$/i.test(value) ? value : undefined),
  }),
  masterkeycommand: optional({
    expected: 'a command that prints a master key',
    read: (value) => (isText(value) ? value : undefined),
  }),
};

function isOrigin(value: unknown): value is string {
  if (value === '*') return true;
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value;
}

const origins: ConfigRule<readonly string[]> = {
  expected: 'a list of origins such as "https://app.example" (without a path), or "*" for all',
  read: (value) => (Array.isArray(value) && value.every(isOrigin) ? value : undefined),
  defaultValue: [],
};

const isHostName = (value: unknown): value is string =>
  value === '*' || (typeof value === 'string' && isHost(value));

const hosts: ConfigRule<readonly string[]> = {
  expected: 'a list of host names such as "db.example" (without a port), or "*" for all',
  read: (value) => (Array.isArray(value) && value.every(isHostName) ? value : undefined),
  defaultValue: [],
};

/** Whether a text is an IP address, and how many bits it has. URLs have the same grammar. */
function bitsOf(address: string): number {
  const authority = address.includes(':') ? `[${address}]` : address;
  const url = `http://${authority}/`;
  if (!/^[0-9A-Fa-f.:]+$/.test(address) || !URL.canParse(url)) return 0;
  if (address.includes(':')) return 128;
  return new URL(url).hostname === address ? 32 : 0;
}

function isNetwork(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const [, address = '', prefix = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const bits = bitsOf(address);
  return bits > 0 && Number(prefix) <= bits;
}

const proxies: ConfigRule<readonly string[]> = {
  expected: 'a list of addresses and networks such as "10.0.0.7" and "10.1.0.0/16"',
  read: (value) => (Array.isArray(value) && value.every(isNetwork) ? value : undefined),
  defaultValue: [],
};

/** The keys of `[http]`. */
export const HTTP_KEYS = {
  maxvalue,
  origins,
  hosts,
  proxies,
  unsignedtokens: flag(true),
  ui: flag(true),
};

/** The rule for one of several words. */
const word = <Word extends string>(
  words: readonly Word[],
  defaultValue: Word,
): ConfigRule<Word> => ({
  expected: words.map((one) => `"${one}"`).join(' or '),
  read: (value) => words.find((one) => one === value),
  defaultValue,
});

/** The keys of `[security]`. */
export const SECURITY_KEYS = {
  mode: word(SECURITY_MODES, 'open'),
  maxage: {
    expected: 'a time from "1s" to "30d"',
    read: (value) => within(readUnits(value, LONG_TIMES), 1_000, 30 * 86_400_000),
    defaultValue: DEFAULT_SECURITY_MAX_AGE_MS,
  } satisfies ConfigRule<number>,
  rate: {
    expected: 'a number of requests a second from 1 to 1000000',
    read: (value) => within(asNumber(value), 1, 1_000_000),
    defaultValue: DEFAULT_IDENTITY_RATE,
  } satisfies ConfigRule<number>,
  byterate: optional({
    expected: 'bytes a second, from "1kB" to "10000MB"',
    read: (value) => within(readUnits(value, SIZES), 1000, 1e10),
  }),
};

const text = (expected: string): ConfigRule<string | undefined> =>
  optional({ expected, read: (value) => (isText(value) ? value : undefined) });

/** A URL that only its server can answer, or a path. */
function readKeySource(value: unknown): string | undefined {
  if (!isText(value) || !/^[a-z]+:/.test(value)) return isText(value) ? value : undefined;
  const { protocol, hostname } = URL.canParse(value) ? new URL(value) : { protocol: '' };
  const isHere = hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost';
  return protocol === 'https:' || (protocol === 'http:' && isHere) ? value : undefined;
}

/** The keys of `[jwt]`. */
export const JWT_KEYS = {
  issuer: text('the claim "iss" of all tokens'),
  audience: text('the claim "aud" of all tokens'),
  keys: optional({
    expected: 'the path of a file, or a URL with https, of a JSON Web Key Set',
    read: readKeySource,
  }),
  claim: {
    expected: 'the name of a claim',
    read: (value) => (isText(value) ? value : undefined),
    defaultValue: 'sub',
  } satisfies ConfigRule<string>,
  prefix: {
    expected: 'up to 32 letters, digits, dots, dashes or underscores',
    read: (value) =>
      typeof value === 'string' && /^[\w.-]{0,32}$/.test(value) ? value : undefined,
    defaultValue: 'jwt-',
  } satisfies ConfigRule<string>,
};

/** The keys of `[log]`. */
export const LOG_KEYS = {
  format: word(LOG_FORMATS, 'text'),
  level: word(LOG_LEVELS, 'info'),
  slow: {
    expected: `a time from "1ms" to "${MAX_TIMEOUT_MS / 1000}s", or "never"`,
    read: (value) =>
      value === 'never'
        ? Infinity
        : within(readUnits(value, { ms: 1, s: 1000, m: 60_000 }), 1, MAX_TIMEOUT_MS),
    defaultValue: DEFAULT_SLOW_MS,
  } satisfies ConfigRule<number>,
  keys: flag(false),
};

/** The keys outside of all tables. */
export const TOP_KEYS = {
  name: plainName,
  cluster: plainName,
  host,
  port: dataPort,
  httpport: {
    expected: 'a port from 1 to 65535',
    read: (value) => within(asNumber(value), 1, 65_535),
    defaultValue: 3000,
  } satisfies ConfigRule<number>,
  root: {
    expected: 'the path of a directory',
    read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
    defaultValue: 'mec-data',
  } satisfies ConfigRule<string>,
  zone: optional({
    expected: 'a text of 1 to 64 characters',
    read: (value) =>
      typeof value === 'string' && value !== '' && value.length <= 64 ? value : undefined,
  }),
  weight: {
    expected: 'a number from 0.1 to 100',
    read: (value) =>
      typeof value === 'number' && value >= 0.1 && value <= 100 ? value : undefined,
    defaultValue: 1,
  } satisfies ConfigRule<number>,
};

const isKeyStart = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && utf8ToBytes(value).length <= MAX_KEY_BYTES;

const siblings: ConfigRule<'keep' | 'last-write-wins'> = {
  expected: '"keep" or "last-write-wins"',
  read: (value) => (value === 'keep' || value === 'last-write-wins' ? value : undefined),
  defaultValue: 'keep',
};

/** The keys of `[[policy]]`. */
export const POLICY_KEYS = {
  prefix: optional({
    expected: `the first 1 to ${MAX_KEY_BYTES} bytes of keys`,
    read: (value) => (isKeyStart(value) ? value : undefined),
  }),
  siblings,
  ttl: optional({
    expected: 'a time from "1s" to "3650d"',
    read: (value) => within(readUnits(value, LONG_TIMES), 1000, MAX_TTL_SECONDS * 1000),
  }),
  n: optional(replicas),
  r: optional(quorum),
  w: optional(quorum),
  maxvalue: optional(maxvalue),
};

/** The keys of the file of a client. */
export const CLIENT_KEYS = {
  url: optional({
    expected: 'URLs of nodes, separated by commas',
    read: (value) => (isText(value) ? value : undefined),
  }),
  ca: optional({
    expected: 'the path of a certificate',
    read: (value) => (isText(value) ? value : undefined),
  }),
  token: optional({
    expected: 'a token, mec_ID_SECRET',
    read: (value) => (isText(value) ? value : undefined),
  }),
};
