/** docs/comparison.md has a section for each database, with links to its own documentation. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const page = readFileSync(new URL('../../../docs/comparison.md', import.meta.url), 'utf8');

/** The beginning of the addresses of each database's own documentation. */
const OWN_PAGES: Readonly<Record<string, string>> = {
  'Riak KV': 'https://github.com/OpenRiak/',
  Cassandra: 'https://cassandra.apache.org/doc/',
  DynamoDB: 'https://docs.aws.amazon.com/amazondynamodb/',
  etcd: 'https://etcd.io/docs/',
  CouchDB: 'https://docs.couchdb.org/',
};

/** The databases of the table "At a glance", except MecDB. */
function databasesOf(text: string): string[] {
  const table = /^## At a glance\n([^]*?)^## /m.exec(text)?.[1] ?? '';
  return [...table.matchAll(/^\| ([A-Za-z ]+) \|/gm)]
    .map(([, name]) => name as string)
    .filter((name) => name !== 'MecDB');
}

/** The databases without a section that links to their own documentation. */
function withoutSource(text: string): string[] {
  const sections = text.split(/^## /m);
  return databasesOf(text).filter((name) => {
    const section = sections.find((part) => name.startsWith(part.split('\n')[0] ?? ' '));
    return section === undefined || !section.includes(OWN_PAGES[name] ?? 'no page is known');
  });
}

test('each database of the comparison has a section with links to its own documentation', () => {
  assert.deepEqual(databasesOf(page), Object.keys(OWN_PAGES));
  assert.deepEqual(withoutSource(page), []);
});

test('a database without a section, or without a link to its own documentation, is found', () => {
  assert.deepEqual(withoutSource(page.replace('## etcd', '## Others')), ['etcd']);
  assert.deepEqual(withoutSource(page.replaceAll('https://docs.couchdb.org', 'https://x')), [
    'CouchDB',
  ]);
});
