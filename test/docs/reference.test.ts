/** The tables of keys in docs/operations.md: each key of a configuration file, with its default. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  HTTP_KEYS,
  NODE_KEYS,
  POLICY_KEYS,
  QUORUM_KEYS,
  type Rules,
  STORAGE_KEYS,
  TOP_KEYS,
} from '../../src/config/rules.ts';

const TABLES: Readonly<Record<string, Rules>> = {
  '': TOP_KEYS,
  'node.': NODE_KEYS,
  'quorum.': QUORUM_KEYS,
  'storage.': STORAGE_KEYS,
  'http.': HTTP_KEYS,
  'policy.': POLICY_KEYS,
};

const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');

/** The rows of the tables of keys: the default by key. */
const rowsOf = (text: string): Map<string, string> =>
  new Map([...text.matchAll(/^\| `([a-z.]+)` \| ([^|]+) \|.*\|$/gm)].map(([, key = '', value = '']) => [key, value]));

/** Whether a text in a table means a default: what it shows as code is read by the rule itself. */
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
  const wrong = keys.filter(({ key, rule }) => !means(rows.get(key) ?? '`missing`', rule)).map(({ key }) => key);
  const known = new Set(keys.map(({ key }) => key));
  const strange = [...rows.keys()].filter((key) => key.includes('.') && TABLES[`${key.split('.')[0]}.`] !== undefined);
  return [...wrong, ...strange.filter((key) => !known.has(key))];
}

test('every key of the configuration is in a table, with its default', () => {
  assert.deepEqual(differences(page), []);
});

test('a key that is missing, that there is not, or with another default is found', () => {
  assert.deepEqual(differences(page.replace('| `weight` |', '| weight |')), ['weight']);
  assert.deepEqual(differences(page.replace('| `quorum.n` | `3`', '| `quorum.n` | `5`')), ['quorum.n']);
  assert.deepEqual(differences(page.replace('| `quorum.n` |', '| `quorum.m` |')), ['quorum.n', 'quorum.m']);
});
