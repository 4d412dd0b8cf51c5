/** docs/troubleshooting.md has every code of `/health`, with the texts of the source. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { HEALTH_KINDS } from '../../src/cluster/insight/health-codes.ts';

const page = readFileSync(new URL('../../../docs/troubleshooting.md', import.meta.url), 'utf8');

/** The rows of the table in the section about health codes. */
function rowsOf(text: string): string[] {
  const section = /^## Health codes$([^]*?)^## /m.exec(text)?.[1] ?? '';
  return [...section.matchAll(/^\| `.*$/gm)].map(([row]) => row);
}

const expected = Object.entries(HEALTH_KINDS).map(
  ([code, { severity, what, todo }]) => `| \`${code}\` | ${severity} | ${what} | ${todo} |`,
);

test('every code of a verdict is in the table, with its severity and its texts', () => {
  assert.deepEqual(rowsOf(page), expected);
});

test('a code that is missing is found, and one with another text', () => {
  assert.notDeepEqual(rowsOf(page.replace('| `disk-full` |', '| disk-full |')), expected);
  assert.notDeepEqual(rowsOf(page.replace('Make room on the disk.', 'Wait.')), expected);
});
