/** The blocks of the pages as a reader sees them: on a terminal, and next to each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDot } from '../../src/core/causality/dot.ts';
import { etagOf } from '../../src/core/value/etag.ts';
import { blocksOf, type Page, readPages } from './page.ts';

/**
 * The calls of curl that print a progress meter on a terminal, because their output goes elsewhere.
 */
function noisyCurls({ path, text }: Page): string[] {
  const shell = blocksOf({ path, text }).filter(({ language }) => language === 'sh');
  const lines = shell.flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'));
  return lines.filter(
    (line) =>
      /\$\(curl |\bcurl .*(?: -[ow] | \| )/.test(line) && !/\bcurl (?:\S+ )*?-s /.test(line),
  );
}

test('no block prints a progress meter on a terminal', () => {
  assert.deepEqual(readPages().flatMap(noisyCurls), []);
});

test('a progress meter is found', () => {
  const pageOf = (code: string): Page => ({
    path: 'planted.md',
    text: `\`\`\`sh\n${code}\`\`\`\n`,
  });
  for (const code of [
    "curl -o /dev/null \\\n  -w '%{http_code}' http://127.0.0.1:3000/mec/k\n",
    'TAG=$(curl http://127.0.0.1:3000/mec/k)\n',
    'curl http://127.0.0.1:3000/mec/k | wc -c\n',
  ]) {
    assert.equal(noisyCurls(pageOf(code)).length, 1, code);
    assert.deepEqual(noisyCurls(pageOf(code.replace('curl', 'curl -s'))), []);
  }
});

/** The pairs of a dot and the ETag next to it that a page shows. */
const tagsOf = (text: string): [dot: string, tag: string][] => [
  ...[...text.matchAll(/^X-Mec-Dot: (\S+)\nETag: (\S+)$/gm)].map(
    ([, dot = '', tag = '']): [string, string] => [dot, tag],
  ),
  ...[...text.matchAll(/"etag":"\\("\w+)\\"","dot":"([^"]+)"/g)].map(
    ([, tag = '', dot = '']): [string, string] => [dot, `${tag}"`],
  ),
];

test('each dot on a page has the ETag that a node computes for it', () => {
  const pairs = readPages().flatMap(({ text }) => tagsOf(text));
  assert.ok(pairs.length >= 6, `only ${pairs.length} pairs`);
  for (const [name, tag] of pairs) {
    const dot = parseDot(name) ?? assert.fail(`${name} is no dot`);
    assert.equal(tag, etagOf([dot]), name);
  }
});

test('each node on the pages has one life, and each life is of one node', () => {
  const lives = new Set<string>();
  for (const { text } of readPages()) {
    for (const [token = ''] of text.matchAll(/(?<=^X-Mec-Vclock: )\S+(?=\.\.\.$)/gm))
      for (const [actor] of atob(token).matchAll(/n\d~[0-9a-z]{10}/g)) lives.add(actor);
    for (const [actor] of text.matchAll(/\bn\d~[0-9a-z]{10}\b/g)) lives.add(actor);
  }
  const parts = [...lives].map((actor) => actor.split('~'));
  assert.ok(lives.size > 1);
  for (const at of [0, 1])
    assert.equal(new Set(parts.map((part) => part[at])).size, lives.size, [...lives].join(' '));
});
