/** Tokens with many dots of actors that no member knows. No replica ever forgets such a dot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { encodeToken } from '../../src/core/causality/token.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, neighbours } from '../fixtures/lab.ts';

/** Ranges of dots in one token. */
const RANGES = 3_500;

/** A token of many dots with gaps. */
function oddToken(key: string, actor: string): Record<string, string> {
  const context = new CausalContext();
  const dots = Array.from({ length: RANGES }, (_, i) => 2 * i + 2);
  context.addRanges(
    actor,
    dots.flatMap((dot) => [dot, dot]),
  );
  return { 'x-mec-vclock': encodeToken(context, key) };
}

test('odd tokens make neither their key nor its partition useless', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [key, other] = neighbours(2) as [string, string];
  const [a, b, c] = lab.order(key) as [SimNode, SimNode, SimNode];
  const statuses: number[] = [];
  for (let i = 0; i < 22; i++) {
    const headers = oddToken(key, `phone${i}`);
    statuses.push((await lab.ask(a, 'PUT', key, { value: String(i), headers })).status);
  }
  assert.deepEqual(new Set(statuses), new Set([200, 400]));
  await lab.wait(60_000);
  for (const node of [a, b, c]) assert.equal((await lab.ask(node, 'GET', key)).status, 300);
  // Sync still exchanges the partition.
  lab.cut(a, c);
  lab.cut(b, c);
  lab.cut(a, b);
  assert.equal((await lab.ask(a, 'PUT', other, { value: 'later', query: 'w=1' })).status, 200);
  lab.heal();
  await lab.wait(60_000);
  assert.deepEqual(lab.held(c, other), ['later']);
  for (const node of [a, b]) {
    assert.equal((await lab.ask(node, 'PUT', key, { value: 'plain' })).status, 200, node.name);
  }
});
