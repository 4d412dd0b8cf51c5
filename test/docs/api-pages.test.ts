/** The API pages have everything that the package exports, each with a sentence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declarationOf, ENTRIES, itemsOf, pageOf } from './api-pages.ts';
import * as client from '../../src/client/index.ts';
import * as merge from '../../src/client/merge/index.ts';

test('every export has a section with its sentence and its whole declaration', () => {
  for (const { from, file } of Object.values(ENTRIES)) {
    const items = itemsOf(file);
    const page = pageOf(from, items);
    for (const { name, doc, declaration } of items) {
      assert.match(doc, /^[A-Z`].*[.:]/s, `${name} has no sentence`);
      assert.ok(page.includes(`\n## ${name}\n`), name);
      for (const [open, close] of ['{}', '()']) {
        const count = (bracket = ''): number => declaration.split(bracket).length;
        assert.equal(count(open), count(close), `${name}: ${declaration}`);
      }
    }
  }
});

test('every export of an entry point is on its page', () => {
  const names = (entry: string): string[] => itemsOf(entry).map(({ name }) => name);
  for (const name of Object.keys(client))
    assert.ok(names('client/index.d.ts').includes(name), name);
  for (const name of Object.keys(merge))
    assert.ok(names('client/merge/index.d.ts').includes(name), name);
});

test('a declaration ends with its own brace or semicolon', () => {
  const text =
    '/** A. */\nexport interface A {\n    b(): { c: 1 };\n}\n/** D. */\nexport type D = 1 | 2;\nexport {};\n';
  assert.deepEqual(declarationOf(text, 'A'), {
    name: 'A',
    doc: 'A.',
    declaration: 'export interface A {\n    b(): { c: 1 };\n}',
  });
  assert.deepEqual(declarationOf(text, 'D'), {
    name: 'D',
    doc: 'D.',
    declaration: 'export type D = 1 | 2;',
  });
  assert.throws(() => declarationOf(text, 'E'), /no declaration of E/);
});
