/** The files of the page: their size, and the rules that the document gives to a browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadPages } from '../../src/ui/pages.ts';
import { documentOf } from '../../src/ui/document.ts';
import { readPageFiles } from '../../src/ui/files.ts';

/** The page arrives within a second over a slow line. */
const MAX_PAGE_BYTES = 60_000;

const files = readPageFiles() ?? assert.fail('the build has made no page');

test('the whole page has at most 60 kB compressed', (t) => {
  const sizes = [...files.byName].map(([name, { gzipped }]) => [name, gzipped.length] as const);
  const document = documentOf(files, { files: '/ui', routes: '' }).length;
  const all = sizes.reduce((sum, [, size]) => sum + size, document);
  t.diagnostic(`${all} bytes in ${sizes.length + 1} files`);
  assert.ok(all <= MAX_PAGE_BYTES, `${all} bytes`);
});

test('the page loads nothing from another origin', () => {
  const places = /\bhttps?:\/\/(?!www\.w3\.org\/(?:2000\/svg|1999\/xhtml|1998\/Math\/MathML))/;
  for (const [name, { body }] of files.byName)
    assert.equal(places.exec(Buffer.from(body).toString()), null, name);
});

test('the document has no script, style or handler of its own', () => {
  const document = documentOf(files, { files: '/ui', routes: '' });
  assert.doesNotMatch(document, /<style|\sstyle=|\son\w+=|<script(?![^>]* src=)|javascript:/i);
});

test('the files have a path that changes with them, and the document is asked for again', () => {
  const pages = loadPages() ?? assert.fail('there are no pages');
  const headersOf = (path: string): Record<string, string> | undefined =>
    pages.answer({ path, headers: { 'accept-encoding': 'gzip' } })?.headers;
  assert.equal(headersOf('/ui')?.['Cache-Control'], 'no-cache');
  assert.match(headersOf(`/ui/${files.hash}/main.js`)?.['Cache-Control'] ?? '', /immutable/);
  for (const path of [
    '/ui/000000000000/main.js',
    `/ui/${files.hash}/`,
    `/ui/${files.hash}/../main.js`,
    `/ui/${files.hash}/tsconfig.json`,
    `/ui/${files.hash}/__proto__`,
    '/ui/main.js',
  ])
    assert.equal(headersOf(path), undefined, path);
});
