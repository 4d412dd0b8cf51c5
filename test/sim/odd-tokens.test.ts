/**
 * Contexts with many dots of actors that no member knows. No replica ever forgets such a dot. Nodes
 * of earlier releases kept and forwarded what a token without a signature named.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { packContent } from '../../src/core/value/content.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, neighbours, settled } from '../fixtures/lab.ts';

/** Ranges of dots in one context. */
const RANGES = 3_500;

/** Writes a key with a context of many dots with gaps, and returns the outcome. */
function writeOdd(lab: Lab, { node }: SimNode, key: string, actor: string): Promise<string> {
  const dots = Array.from({ length: RANGES }, (_, i) => ({ actor, counter: 2 * i + 2 }));
  const content = { value: Buffer.from(actor), contentType: 'text/plain', timestampMicros: 1 };
  const written = node?.put(key, packContent(content), { token: CausalContext.ofDots(dots) });
  const outcome = written?.then(
    () => 'done',
    (error: unknown) => (error instanceof MecError ? error.code : String(error)),
  );
  return settled(lab, outcome ?? assert.fail('the node is down'));
}

test('odd tokens make neither their key nor its partition useless', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [key, other] = neighbours(2) as [string, string];
  const [a, b, c] = lab.order(key) as [SimNode, SimNode, SimNode];
  const outcomes = new Set<string>();
  for (let i = 0; i < 22; i++) {
    outcomes.add(await writeOdd(lab, a, key, `phone${i}`));
  }
  assert.deepEqual(outcomes, new Set(['done', 'bad-vclock']));
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

test('the token of an answer is taken back, whatever tokens the key has seen', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [key] = neighbours(1) as [string];
  const [a, b] = lab.order(key) as [SimNode, SimNode];
  for (const actor of ['phone1', 'phone2'])
    assert.equal(await writeOdd(lab, a, key, actor), 'done');
  await lab.wait(5_000);
  const token = (await lab.ask(b, 'GET', key)).headers['X-Mec-Vclock'] ?? '';
  const headers = { 'x-mec-vclock': token };
  assert.equal((await lab.ask(b, 'PUT', key, { value: 'honest', headers })).status, 200);
  const read = await lab.ask(b, 'GET', key);
  assert.equal(read.status, 200, 'the write has replaced what its writer has seen');
  const last = { 'x-mec-vclock': read.headers['X-Mec-Vclock'] ?? '' };
  assert.equal((await lab.ask(b, 'DELETE', key, { headers: last })).status, 204);
});
