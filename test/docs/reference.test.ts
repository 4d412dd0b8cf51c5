/** Tables of the pages that repeat the source: keys of the configuration, and limits. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KIB, MIB } from '../../src/base/bytes.ts';
import { MAX_OBJECT_BYTES } from '../../src/base/limits.ts';
import { DEFAULT_MAX_VALUE_BYTES } from '../../src/cluster/limits.ts';
import { MAX_VALUE_BYTES } from '../../src/config/limits.ts';
import { MAX_SENT_TOKEN_CHARS } from '../../src/core/limits.ts';
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
} from '../../src/config/rules.ts';
import { MAX_KEY_BYTES } from '../../src/core/limits.ts';
import {
  HTTP_BODY_BYTES_PER_SECOND,
  HTTP_BODY_PERIOD_MS,
  HTTP_HEADERS_TIMEOUT_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  MAX_BATCH_BYTES,
  MAX_BATCH_OPERATIONS,
  MAX_BATCHES,
  MAX_CLIENT_ID_BYTES,
  MAX_HEADER_BYTES,
  MAX_HTTP_CONNECTIONS,
  MAX_HTTP_IN_FLIGHT,
  MAX_HTTP_PIPELINED,
  MAX_META_BYTES,
  MAX_STORED_HEADER_BYTES,
  SHARE_OF_ADDRESS,
} from '../../src/http/limits.ts';
import { MAX_SIBLINGS } from '../../src/storage/limits.ts';

const TABLES: Readonly<Record<string, Rules>> = {
  '': TOP_KEYS,
  'node.': NODE_KEYS,
  'quorum.': QUORUM_KEYS,
  'storage.': STORAGE_KEYS,
  'security.': SECURITY_KEYS,
  'jwt.': JWT_KEYS,
  'http.': HTTP_KEYS,
  'log.': LOG_KEYS,
  'policy.': POLICY_KEYS,
};

const textOf = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const page = textOf('docs/operations.md');

/** The rows of the tables of keys: the default by key. */
const rowsOf = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/^\| `([a-z.]+)` \| ([^|]+) \|.*\|$/gm)].map(([, key = '', value = '']) => [
      key,
      value,
    ]),
  );

/** Whether a text in a table means a default. The rule itself reads the part shown as code. */
function means(shown: string, { read, defaultValue }: Rules[string]): boolean {
  if (defaultValue === undefined) return !shown.includes('`') || shown.startsWith('as `');
  const text = /^`(.*)`$/.exec(shown)?.[1];
  if (text === undefined) return false;
  const isLiteral = /^(?:\d+|true|false|\[.*\])$/.test(text);
  const value = read(isLiteral ? JSON.parse(text) : text);
  return JSON.stringify(value) === JSON.stringify(defaultValue);
}

/** Keys that are missing, that there are not, or of which another default is shown. */
function differences(text: string): string[] {
  const rows = rowsOf(text);
  const keys = Object.entries(TABLES).flatMap(([table, rules]) =>
    Object.entries(rules).map(([name, rule]) => ({ key: `${table}${name}`, rule })),
  );
  const wrong = keys
    .filter(({ key, rule }) => !means(rows.get(key) ?? '`missing`', rule))
    .map(({ key }) => key);
  const known = new Set(keys.map(({ key }) => key));
  const strange = [...rows.keys()].filter(
    (key) => key.includes('.') && TABLES[`${key.split('.')[0]}.`] !== undefined,
  );
  return [...wrong, ...strange.filter((key) => !known.has(key))];
}

test('every key of the configuration is in a table, with its default', () => {
  assert.deepEqual(differences(page), []);
});

test('a key that is missing, unknown or with another default is found', () => {
  assert.deepEqual(differences(page.replace('| `weight` |', '| weight |')), ['weight']);
  assert.deepEqual(differences(page.replace('| `quorum.n` | `3`', '| `quorum.n` | `5`')), [
    'quorum.n',
  ]);
  assert.deepEqual(differences(page.replace('| `quorum.n` |', '| `quorum.m` |')), [
    'quorum.n',
    'quorum.m',
  ]);
});

/** A range such as `0.1 to 100` or `10 ms to 60 s`, and a length such as `up to 64 letters`. */
const RANGE = /(\d[\d.]*) ?([A-Za-z]*)[`"]* to [`"]*(\d[\d.]*) ?([A-Za-z]*)/;
const LENGTH = /up to (\d+) letters/;

/** The keys of which a page shows a range or length that the rule does not have. */
function wrongRanges(text: string): { readonly wrong: string[]; readonly checked: string[] } {
  const rows = text.matchAll(/^\| `([a-z.]+)` \| [^|]+ \| (.*) \|$/gm);
  const wrong: string[] = [];
  const checked: string[] = [];
  for (const [, key = '', meaning = ''] of rows) {
    const rule = (TABLES[`${key.split('.').slice(0, -1).join('.')}.`] ?? TOP_KEYS)[
      (key.split('.').at(-1) ?? '') as keyof typeof TOP_KEYS
    ];
    const [, least, leastUnit = '', most, mostUnit = ''] = RANGE.exec(meaning) ?? [];
    const length = LENGTH.exec(meaning)?.[1];
    const valueOf = (number: number, unit: string): unknown =>
      unit === '' ? number : `${number}${unit}`;
    const taken: unknown[] = [];
    const refused: unknown[] = [];
    if (least !== undefined && most !== undefined) {
      const step = least.includes('.') ? 0.01 : 1;
      taken.push(valueOf(Number(least), leastUnit), valueOf(Number(most), mostUnit));
      refused.push(valueOf(Number(least) - step, leastUnit), valueOf(Number(most) + 1, mostUnit));
    }
    if (length !== undefined) {
      taken.push('a'.repeat(Number(length)));
      refused.push('a'.repeat(Number(length) + 1));
    }
    if (rule === undefined || taken.length === 0) continue;
    checked.push(key);
    const isRight =
      taken.every((value) => rule.read(value) !== undefined) &&
      refused.every((value) => rule.read(value) === undefined);
    if (!isRight) wrong.push(key);
  }
  return { wrong, checked };
}

test('the ranges of the keys are those of the rules', () => {
  assert.deepEqual(wrongRanges(page), {
    wrong: [],
    checked: [
      'name',
      'weight',
      'quorum.n',
      'quorum.timeout',
      'http.maxvalue',
      'log.slow',
      'policy.ttl',
    ],
  });
});

test('a range that the rule does not have is found', () => {
  assert.deepEqual(wrongRanges(page.replace('0.1 to 100', '0.1 to 99')).wrong, ['weight']);
  assert.deepEqual(wrongRanges(page.replace('10 ms to 60 s', '9 ms to 60 s')).wrong, [
    'quorum.timeout',
  ]);
  assert.deepEqual(wrongRanges(page.replace('up to 64 letters', 'up to 65 letters')).wrong, [
    'name',
  ]);
});

const IN_MIB = { byDefault: DEFAULT_MAX_VALUE_BYTES / MIB, most: MAX_VALUE_BYTES / MIB };

const LEAST_RATE = `${HTTP_BODY_BYTES_PER_SECOND / KIB} KiB/s over ${HTTP_BODY_PERIOD_MS / 1000} s`;

/** The rows of the table of limits. */
const LIMITS: Readonly<Record<string, string>> = {
  'bytes of a key': String(MAX_KEY_BYTES),
  'bytes of a value': `\`maxvalue\`: ${IN_MIB.byDefault} MiB by default, ${IN_MIB.most} MiB at most`,
  'versions of a key': String(MAX_SIBLINGS),
  'bytes of all versions of a key': `${MAX_OBJECT_BYTES / MIB} MiB`,
  'metadata of a version, names and values': `${MAX_META_BYTES / KIB} KiB`,
  '`Content-Type`, `Content-Encoding`': `${MAX_STORED_HEADER_BYTES / KIB} KiB`,
  '`X-Mec-Client-ID`': `${MAX_CLIENT_ID_BYTES} bytes`,
  'token in an answer': `${MAX_SENT_TOKEN_CHARS / KIB} KiB`,
  'headers of a request': `${MAX_HEADER_BYTES / KIB} KiB`,
  'operations of a batch': String(MAX_BATCH_OPERATIONS),
  'bytes of a batch': `${MAX_BATCH_BYTES / MIB} MiB`,
  'batches at once at a node': String(MAX_BATCHES),
  'requests at once at a node': String(MAX_HTTP_IN_FLIGHT),
  'requests at once on a connection': String(MAX_HTTP_PIPELINED),
  'connections at a node': String(MAX_HTTP_CONNECTIONS),
  'time for the headers': `${HTTP_HEADERS_TIMEOUT_MS / 1000} s`,
  'time for a request': `${HTTP_REQUEST_TIMEOUT_MS / 1000} s`,
  'least rate of a body of more than 64 KiB': LEAST_RATE,
  'part of one address, also of the memory': `${SHARE_OF_ADDRESS * 100} %`,
};

test('the limits of HTTP are those of the source', () => {
  const section = /^## Limits$([^]*?)^## /m.exec(textOf('docs/http.md'))?.[1] ?? '';
  const rows = [...section.matchAll(/^\| ([A-Za-z0-9 `,-]+) \| (.+) \|$/gm)].slice(2);
  assert.deepEqual(Object.fromEntries(rows.map(([, name, value]) => [name, value])), LIMITS);
});

test('README is read in five minutes: it has at most 150 lines', () => {
  assert.ok(textOf('README.md').trimEnd().split('\n').length <= 150);
});

test('every example is linked from a page', () => {
  const examples = readdirSync(new URL('../../../examples', import.meta.url));
  const pages = ['docs/client.md', 'docs/operations.md', 'docs/concepts.md', 'docs/http.md']
    .map(textOf)
    .join('');
  assert.deepEqual(
    examples.filter((name) => !pages.includes(`../examples/${name})`)),
    [],
  );
});
