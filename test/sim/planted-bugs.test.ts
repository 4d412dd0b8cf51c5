/**
 * Tests that each planted bug can be planted: if its line has changed, only a full run would show.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAULTS } from '../../src/sim/faults.ts';
import { BUGS } from './planted-bugs.ts';

test('each line of a planted bug is in the compiled source', () => {
  const compiled = new URL('../../', import.meta.url);
  for (const bug of BUGS) {
    for (const { file, good } of [bug, ...(bug.also ?? [])]) {
      const text = readFileSync(new URL(file, compiled), 'utf8');
      assert.ok(text.includes(good), `${bug.name}: "${good}" is not in ${file}`);
    }
  }
});

test('each planted bug has a name of its own, and faults that exist', () => {
  assert.equal(new Set(BUGS.map(({ name }) => name)).size, BUGS.length);
  for (const { name, draw } of BUGS) {
    for (const fault of (draw?.['faults'] ?? []) as string[])
      assert.ok(fault in FAULTS, `${name}: ${fault}`);
  }
});
