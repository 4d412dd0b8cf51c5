/** Golden scenarios: each file in `test/scenarios` has one situation and its expected outcome. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runScenario } from '../../src/sim/scenario.ts';

const folder = new URL('../../../test/scenarios/', import.meta.url);

for (const name of readdirSync(folder).sort()) {
  test(name.replace('.txt', '').replaceAll('-', ' '), async () => {
    assert.deepEqual(await runScenario(readFileSync(new URL(name, folder), 'utf8')), []);
  });
}

test('a scenario with another outcome fails, and names the lines', async () => {
  const failures = await runScenario(
    'nodes 3\nn1 put k a\nn1 get k = b\nn1 put k x ! timeout\nfly n1\nown k = a\n',
  );
  assert.equal(failures.length, 4);
  assert.match(failures[0] ?? '', /^line 3: n1 get k = b: but there is a$/);
  assert.match(failures[1] ?? '', /^line 4: .*it did not fail$/);
});
