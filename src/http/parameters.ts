/** The query parameters of requests, as a table of rules. */
import type { HttpRequest } from './exchange.ts';
import { isReserved } from '../core/value/key.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { MAX_KEY_BYTES, MAX_LIST_KEYS, MAX_TIMEOUT_MS } from '../core/limits.ts';
import { parseQuorum, type Quorum } from '../core/quorum/quorum.ts';

/** The parameters of a request. A parameter that it does not set is absent. */
export interface Parameters {
  /** The name of the client, and no parameter of the query. */
  caller?: string | undefined;
  r?: Quorum;
  w?: Quorum;
  pr?: Quorum;
  pw?: Quorum;
  timeoutMs?: number;
  returnbody?: boolean;
  replace?: boolean;
  count?: boolean;
  vtag?: string;
  raw?: boolean;
  prefix?: string;
  after?: string;
  limit?: number;
}

interface ParameterRule {
  readonly expected: string;
  /** Sets the parameter. Returns false if the text is not acceptable. */
  readonly set: (parameters: Parameters, text: string, n: number) => boolean;
}

const quorum = (name: 'r' | 'w' | 'pr' | 'pw'): ParameterRule => ({
  expected: 'a number from 1 to n, "one", "quorum" or "all"',
  set: (parameters, text, n) => {
    const size = parseQuorum(text);
    if (size !== undefined) parameters[name] = size;
    return size !== undefined && !(Number(size) > n);
  },
});

const keyPart = (name: 'prefix' | 'after'): ParameterRule => ({
  expected: `at most ${MAX_KEY_BYTES} bytes of percent-encoded UTF-8 that do not begin with U+0000`,
  set: (parameters, text) => {
    parameters[name] = text;
    return utf8ToBytes(text).length <= MAX_KEY_BYTES && !isReserved(text);
  },
});

const wholeNumber = (name: 'timeoutMs' | 'limit', most: number, unit: string): ParameterRule => ({
  expected: `${unit} from 1 to ${most}`,
  set: (parameters, text) => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
    parameters[name] = value;
    return value >= 1 && value <= most;
  },
});

const truth = (name: 'returnbody' | 'replace' | 'raw' | 'count'): ParameterRule => ({
  expected: 'true or false',
  set: (parameters, text) => {
    parameters[name] = text === 'true';
    return text === 'true' || text === 'false';
  },
});

const RULES: Readonly<Record<string, ParameterRule>> = {
  r: quorum('r'),
  w: quorum('w'),
  pr: quorum('pr'),
  pw: quorum('pw'),
  timeout: wholeNumber('timeoutMs', MAX_TIMEOUT_MS, 'milliseconds'),
  returnbody: truth('returnbody'),
  replace: truth('replace'),
  raw: truth('raw'),
  count: truth('count'),
  vtag: {
    expected: 'the ETag of a sibling',
    set: (parameters, text) => {
      const [, tag] = /^"?([0-9a-f]{16})(?:-[rjm])?"?$/.exec(text) ?? [];
      if (tag !== undefined) parameters.vtag = tag;
      return tag !== undefined;
    },
  },
  prefix: keyPart('prefix'),
  after: keyPart('after'),
  limit: wholeNumber('limit', MAX_LIST_KEYS, 'a number'),
};

const QUORUMS = ['r', 'w', 'pr', 'pw', 'timeout'];

/** The parameters of each kind of request. */
const PARAMETERS_OF = {
  read: [...QUORUMS, 'vtag', 'raw'],
  write: [...QUORUMS, 'returnbody', 'replace'],
  remove: QUORUMS,
  batch: ['timeout'],
  list: ['prefix', 'after', 'limit', 'count', 'r', 'timeout'],
} as const satisfies Record<string, readonly string[]>;

/**
 * Parses a query. Throws `bad-parameter` if a parameter is unknown for this kind of request,
 * appears twice, or is invalid. `n` is the number of replicas.
 */
export function parametersOf(
  { query, caller }: Pick<HttpRequest, 'query' | 'caller'>,
  kind: keyof typeof PARAMETERS_OF,
  n: number,
): Parameters {
  const parameters: Parameters = { caller };
  if (query === '') return parameters;
  const known: readonly string[] = PARAMETERS_OF[kind];
  const seen = new Set<string>();
  for (const pair of query.split('&')) {
    const split = pair.indexOf('=');
    const name = decode(split < 0 ? pair : pair.slice(0, split));
    const text = decode(split < 0 ? '' : pair.slice(split + 1));
    if (name === undefined || text === undefined)
      throw refuse(pair, 'The query is not percent-encoded UTF-8');
    const rule = known.includes(name) ? RULES[name] : undefined;
    if (rule === undefined) {
      throw refuse(
        name,
        `The parameter ${JSON.stringify(name)} is unknown; this request takes ${known.join(', ')}`,
      );
    }
    if (seen.has(name)) throw refuse(name, `The parameter ${name} appears twice`);
    seen.add(name);
    if (!rule.set(parameters, text, n))
      throw refuse(name, `The parameter ${name} must be ${rule.expected}`);
  }
  return parameters;
}

const refuse = (parameter: string, detail: string): MecError =>
  new MecError('bad-parameter', { parameter, detail });

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
