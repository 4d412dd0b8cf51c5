/** Tests of sessions: a client never reads an older state than before, even if the key was gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MecClient } from '../../src/client/client.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import { Lab, labClient, settled, textOf } from '../fixtures/lab.ts';

const KEY = 'k1';

/** Makes a key with one value on three nodes, and cuts off the last node. */
async function parted(): Promise<{
  lab: Lab;
  nodes: [SimNode, SimNode, SimNode];
  written: HttpAnswer['headers'];
}> {
  const lab = new Lab(3);
  await lab.born();
  const nodes = lab.order(KEY) as [SimNode, SimNode, SimNode];
  const [a, b, c] = nodes;
  const { headers } = await lab.ask(a, 'PUT', KEY, { value: 'old' });
  await lab.rest();
  lab.cut(c, a);
  lab.cut(c, b);
  return { lab, nodes, written: headers };
}

const remove = (lab: Lab, node: SimNode, token = ''): ReturnType<Lab['ask']> =>
  lab.ask(node, 'DELETE', KEY, { headers: { 'x-mec-vclock': token } });

test('X-Mec-Gone with the token of a 404 hides the deleted version of a stale replica', async () => {
  const { lab, nodes, written } = await parted();
  const [a, b, c] = nodes;
  assert.equal((await remove(lab, b, written['X-Mec-Vclock'])).status, 204);
  const seen = { 'x-mec-seen': written['X-Mec-Dot'] ?? '' };
  const missing = await lab.ask(a, 'GET', KEY, { headers: seen });
  assert.equal(missing.status, 404);
  const gone = { ...seen, 'x-mec-gone': missing.headers['X-Mec-Vclock'] ?? '' };
  const stale = await lab.ask(c, 'GET', KEY, { query: 'r=one', headers: seen });
  assert.deepEqual([stale.status, textOf(stale)], [200, 'old'], 'the replica is stale');
  const again = await lab.ask(c, 'GET', KEY, { query: 'r=one', headers: gone });
  assert.equal(again.status, 404);
  // A write that has not seen the delete is shown. The deleted value is not.
  assert.equal((await lab.ask(c, 'PUT', KEY, { value: 'new', query: 'w=one' })).status, 200);
  assert.equal(textOf(await lab.ask(c, 'GET', KEY, { query: 'r=one', headers: gone })), 'new');
  for (const bad of ['x', `${gone['x-mec-gone']},`, Array(5).fill(gone['x-mec-gone']).join()])
    assert.equal(
      (await lab.ask(c, 'GET', KEY, { headers: { 'x-mec-gone': bad } })).status,
      400,
      bad,
    );
});

test('X-Mec-Gone hides a deleted version although its writer has begun a new life', async () => {
  const { lab, nodes, written } = await parted();
  const [a, b, c] = nodes;
  // The owners that go on know the writer of the old value by another name.
  for (const node of [a, b]) {
    node.crash();
    node.start();
    await lab.until(() => node.node?.status().isReady === true);
  }
  await lab.wait(5_000);
  assert.equal((await remove(lab, b, written['X-Mec-Vclock'])).status, 204);
  const seen = { 'x-mec-seen': written['X-Mec-Dot'] ?? '' };
  const missing = await lab.ask(a, 'GET', KEY, { headers: seen });
  assert.equal(missing.status, 404);
  const gone = { ...seen, 'x-mec-gone': missing.headers['X-Mec-Vclock'] ?? '' };
  assert.equal((await lab.ask(c, 'GET', KEY, { query: 'r=one', headers: gone })).status, 404);
});

test('the token of a 404 includes the tokens that its read has sent', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [a, b, c] = lab.order(KEY) as [SimNode, SimNode, SimNode];
  lab.cut(c, a);
  lab.cut(c, b);
  const written = await lab.ask(a, 'PUT', KEY, { value: 'old' });
  await lab.wait(1_000);
  lab.cut(a, b);
  const token = written.headers['X-Mec-Vclock'] ?? '';
  const query = 'r=one&w=one';
  assert.equal(
    (await lab.ask(a, 'DELETE', KEY, { query, headers: { 'x-mec-vclock': token } })).status,
    204,
  );
  const headers: Record<string, string> = {};
  // The second has never known the key, the third still has it.
  for (const node of [a, c, b]) {
    const read = await lab.ask(node, 'GET', KEY, { query: 'r=one', headers });
    assert.equal(read.status, 404, node.name);
    headers['x-mec-gone'] = read.headers['X-Mec-Vclock'] ?? '';
  }
  assert.equal(
    (await lab.ask(b, 'GET', KEY, { query: 'r=one' })).status,
    200,
    'the last replica is stale',
  );
});

const valuesOf = async (lab: Lab, client: MecClient<string>): Promise<string[]> => {
  const read = await settled(lab, client.get(KEY, { r: 'one' }));
  if (read.kind === 'missing') return [];
  return read.kind === 'value' ? [read.value] : read.siblings.map(({ value }) => value);
};

test('the client sends X-Mec-Gone by itself', async () => {
  const { lab, nodes, written } = await parted();
  const [a, b, c] = nodes;
  const client = labClient(lab, nodes);
  assert.deepEqual(await valuesOf(lab, client), ['old']);
  c.crash();
  assert.equal((await remove(lab, b, written['X-Mec-Vclock'])).status, 204);
  assert.deepEqual(await valuesOf(lab, client), []);
  a.crash();
  b.crash();
  c.start();
  await lab.until(() => c.node !== undefined);
  assert.deepEqual(await valuesOf(lab, labClient(lab, nodes)), ['old'], 'the replica is stale');
  assert.deepEqual(await valuesOf(lab, client), []);
  assert.equal((await lab.ask(c, 'PUT', KEY, { value: 'new', query: 'w=one' })).status, 200);
  assert.deepEqual(await valuesOf(lab, client), ['new']);
  assert.deepEqual(
    await valuesOf(lab, client),
    ['new'],
    'nor does it show both after it has read another',
  );
  lab.heal();
  a.start();
  b.start();
  await lab.rest();
  assert.deepEqual(await valuesOf(lab, client), ['new']);
});

test('the token of a write keeps the token that the writer sent, even with a dead actor', async () => {
  const { lab, nodes } = await parted();
  const [a, , c] = nodes;
  a.crash();
  a.start();
  await lab.wait(3_000);
  // C does not know the life of this writer.
  const read = await lab.ask(a, 'GET', KEY);
  const tokenOf = ({ headers }: HttpAnswer): Record<string, string> => ({
    'x-mec-vclock': headers['X-Mec-Vclock'] ?? '',
  });
  const first = await lab.ask(a, 'PUT', KEY, { value: 'first', headers: tokenOf(read) });
  const second = await lab.ask(c, 'PUT', KEY, {
    value: 'second',
    query: 'w=one',
    headers: tokenOf(first),
  });
  const third = await lab.ask(a, 'PUT', KEY, { value: 'third', headers: tokenOf(second) });
  assert.deepEqual([first.status, second.status, third.status], [200, 200, 200]);
  const last = await lab.ask(a, 'GET', KEY);
  assert.deepEqual([last.status, textOf(last)], [200, 'third']);
});

test('the token of a read keeps the versions that were replaced, even of a dead actor', async () => {
  const { lab, nodes } = await parted();
  const [a, , c] = nodes;
  a.crash();
  a.start();
  await lab.wait(3_000);
  const tokenOf = ({ headers }: HttpAnswer): Record<string, string> => ({
    'x-mec-vclock': headers['X-Mec-Vclock'] ?? '',
  });
  const read = await lab.ask(a, 'GET', KEY);
  // C does not know the life of this writer.
  const first = await lab.ask(a, 'PUT', KEY, { value: 'first', headers: tokenOf(read) });
  const terms = { query: 'w=one', headers: tokenOf(first) };
  const second = await lab.ask(c, 'PUT', KEY, { value: 'second', ...terms });
  assert.deepEqual([first.status, second.status], [200, 200]);
  const seen = await lab.ask(c, 'GET', KEY, { query: 'r=one' });
  assert.equal(textOf(seen), 'second');
  const third = await lab.ask(a, 'PUT', KEY, { value: 'third', headers: tokenOf(seen) });
  assert.equal(third.status, 200);
  const last = await lab.ask(a, 'GET', KEY);
  assert.deepEqual([last.status, textOf(last)], [200, 'third']);
});
