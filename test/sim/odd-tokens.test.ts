/** Tokens with many dots of actors that no member knows. No replica ever forgets such a dot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { encodeToken } from '../../src/core/causality/token.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, neighbours } from '../fixtures/lab.ts';

/** Ranges of dots in one token. */
const RANGES = 3_500;

/** A token of many dots with gaps. */
function oddToken(key: string, actor: string): Record<string, string> {
  const dots = Array.from({ length: RANGES }, (_, i) => 2 * i + 2).flatMap((dot) => [dot, dot]);
  // No node sends such a token: it is made from one that has a single dot.
  const real = decode(Buffer.from(encodeToken(CausalContext.ofBase(actor, 1), key), 'base64'));
  const token = { ...(real as object), [actor]: { Dots: dots } };
  return { 'x-mec-vclock': Buffer.from(encode(token)).toString('base64') };
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

test('the token of an answer is taken back, whatever tokens the key has seen', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [key] = neighbours(1) as [string];
  const [a, b] = lab.order(key) as [SimNode, SimNode];
  for (const actor of ['phone1', 'phone2']) {
    const headers = oddToken(key, actor);
    assert.equal((await lab.ask(a, 'PUT', key, { value: actor, headers })).status, 200);
  }
  await lab.wait(5_000);
  const token = (await lab.ask(b, 'GET', key)).headers['X-Mec-Vclock'] ?? '';
  const headers = { 'x-mec-vclock': token };
  assert.equal((await lab.ask(b, 'PUT', key, { value: 'honest', headers })).status, 200);
  const read = await lab.ask(b, 'GET', key);
  assert.equal(read.status, 200, 'the write has replaced what its writer has seen');
  const last = { 'x-mec-vclock': read.headers['X-Mec-Vclock'] ?? '' };
  assert.equal((await lab.ask(b, 'DELETE', key, { headers: last })).status, 204);
});
