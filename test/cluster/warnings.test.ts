import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_WARNINGS } from '../../src/cluster/limits.ts';
import { Warnings } from '../../src/cluster/membership/warnings.ts';

function warningsOf(): { warnings: Warnings; lines: unknown[] } {
  const lines: unknown[] = [];
  const error = (_: string, fields?: object): void => void lines.push(fields);
  return { warnings: new Warnings({ debug() {}, info() {}, warn() {}, error }), lines };
}

test('a warning is written once', () => {
  const { warnings, lines } = warningsOf();
  for (const node of ['a', 'a', 'b', 'a']) warnings.write('a node does not belong here', { node });
  assert.deepEqual(lines, [{ node: 'a' }, { node: 'b' }]);
});

test('a new warning is written after any number of others, and one that still applies is not', () => {
  const { warnings, lines } = warningsOf();
  for (let i = 0; i < 3 * MAX_WARNINGS; i++) {
    warnings.write('a node does not belong here', { node: 'misconfigured' });
    warnings.write('a node does not belong here', { node: `made up ${i}` });
  }
  assert.equal(lines.length, 3 * MAX_WARNINGS + 1);
  assert.deepEqual(lines.at(-1), { node: `made up ${3 * MAX_WARNINGS - 1}` });
});
