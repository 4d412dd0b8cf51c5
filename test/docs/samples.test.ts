/** The blocks of the pages as a reader sees them: on a terminal, and next to each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
