/** The keys of tokens in a cluster: all nodes take the tokens of each, and no changed ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { decodeToken } from '../../src/core/causality/token.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { beforeJoin, Lab, neighbours, textOf } from '../fixtures/lab.ts';

const [KEY] = neighbours(1) as [string];

const isSigned = ({ node }: SimNode): boolean => node?.status().tokens.isSigned === true;

async function signing(count = 3): Promise<Lab> {
  const lab = new Lab(count);
  await lab.born();
  await lab.until(() => lab.cluster.nodes.every(isSigned));
  return lab;
}

/** Writes a key at a node, and returns the token. */
async function written(lab: Lab, at: SimNode, key = KEY): Promise<string> {
  const put = await lab.ask(at, 'PUT', key, { value: 'v', query: 'replace=true' });
  assert.equal(put.status, 200);
  return put.headers['X-Mec-Vclock'] ?? '';
}

/** The status of a write with a token, and the reason of a refusal. */
async function write(lab: Lab, at: SimNode, token: string, key = KEY): Promise<unknown[]> {
  const headers = { 'x-mec-vclock': token };
  const answer = await lab.ask(at, 'PUT', key, { value: 'next', headers });
  if (answer.status === 200) return [200];
  const { code, reason } = JSON.parse(textOf(answer)) as Record<string, unknown>;
  return [answer.status, code, reason];
}

/** A token with another byte at a place, which counts from the end if it is negative. */
function altered(token: string, at: number): string {
  const bytes = Buffer.from(token, 'base64');
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] as number) ^ 1;
  return bytes.toString('base64');
}

test('each node takes the tokens of each, and refuses changed ones', async () => {
  const lab = await signing();
  for (const from of lab.cluster.nodes) {
    for (const to of lab.cluster.nodes) {
      const token = await written(lab, from);
      assert.notEqual(decodeToken(token, KEY).signature, undefined);
      assert.deepEqual(await write(lab, to, altered(token, -1)), [400, 'bad-vclock', 'forged']);
      const strange = altered(token, -17);
      assert.deepEqual(await write(lab, to, strange), [400, 'bad-vclock', 'unknown-key']);
      assert.deepEqual(await write(lab, to, token), [200]);
    }
  }
  const counts = lab.cluster.nodes.map(({ node }) => node?.status().tokens.keys);
  assert.deepEqual(counts, [1, 1, 1], 'one node has drawn for all');
});

test('a new cluster gives no token without a signature', async () => {
  const lab = new Lab(3);
  const statuses: number[] = [];
  const writeAt = async (at: SimNode): Promise<void> => {
    const put = await lab.ask(at, 'PUT', KEY, { value: 'v', query: 'replace=true&w=1' });
    statuses.push(put.status);
    if (put.status !== 200) return;
    const token = put.headers['X-Mec-Vclock'] ?? '';
    assert.notEqual(decodeToken(token, KEY).signature, undefined, statuses.join(' '));
  };
  while (!lab.cluster.nodes.every(isSigned) || !statuses.includes(200)) {
    await lab.wait(20);
    const running = lab.cluster.nodes.filter(({ node }) => node !== undefined);
    for (const at of running) await writeAt(at);
    assert.ok(lab.world.nowMs < 60_000);
  }
  assert.ok(statuses.includes(503), 'it has asked before there was a key');
});

test('a token counts after all nodes were started again, and after one has lost its disk', async () => {
  const lab = await signing();
  const [a, b, c] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  const token = await written(lab, a);
  for (const node of lab.cluster.nodes) node.crash();
  for (const node of lab.cluster.nodes) node.start();
  const isReady = ({ node }: SimNode): boolean =>
    node !== undefined && node.whyNotReady() === undefined;
  await lab.until(() => lab.cluster.nodes.every(isReady), 60_000);
  assert.deepEqual(await write(lab, b, token), [200]);
  const later = await written(lab, b);
  c.crash();
  c.disk.replace(new Map());
  c.start();
  const answers: unknown[][] = [];
  await lab.until(() => c.node !== undefined);
  while (answers.at(-1)?.[0] !== 200 && answers.length < 200) {
    answers.push(await write(lab, c, later).catch(() => [0]));
    await lab.wait(100);
  }
  assert.ok(answers.length > 1, 'it has asked before the node was ready');
  assert.deepEqual([...new Set(answers.map(([status]) => status))].at(-1), 200);
  assert.ok(!answers.some(([status]) => status === 400), JSON.stringify(answers));
});

test('a node that joins takes and gives signed tokens', async () => {
  const { lab, members, newcomer } = await beforeJoin(3);
  await lab.until(() => members.every(isSigned));
  const token = await written(lab, members[0] as SimNode);
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 120_000);
  assert.ok(isSigned(newcomer));
  assert.deepEqual(await write(lab, newcomer, token), [200]);
  const next = await written(lab, newcomer);
  assert.deepEqual(await write(lab, members[1] as SimNode, next), [200]);
});

test('a new key signs only when the last member has it', async () => {
  const lab = await signing();
  const [a, b, c] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  const keyOf = (token: string): string => {
    const { signature } = decodeToken(token, KEY);
    return Buffer.from(signature as Uint8Array).toString('hex', 0, 4);
  };
  const before = keyOf(await written(lab, a));
  c.crash();
  for (const node of lab.cluster.nodes) node.skewMs += 31 * 86_400_000;
  await lab.until(() => [a, b].every(({ node }) => node?.status().tokens.keys === 2), 60_000);
  await lab.wait(10_000);
  const old = await written(lab, b);
  assert.equal(keyOf(old), before, 'the third member does not have the new key');
  c.start();
  await lab.until(
    () => lab.cluster.nodes.every(({ node }) => node?.status().tokens.keys === 2),
    60_000,
  );
  await lab.wait(10_000);
  for (const at of lab.cluster.nodes) {
    assert.notEqual(keyOf(await written(lab, at)), before);
    assert.deepEqual(await write(lab, at, old), [200], 'tokens of the old key still count');
  }
});

test('a node on an older disk refuses no token before it has heard which keys there are', async () => {
  const lab = await signing();
  const { nodes } = lab.cluster;
  const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
  const older = new Map(c.disk.rows);
  for (const node of nodes) node.skewMs += 31 * 86_400_000;
  await lab.until(() => nodes.every(({ node }) => node?.status().tokens.keys === 2), 60_000);
  await lab.wait(10_000);
  const token = await written(lab, a);
  c.crash();
  c.disk.replace(older);
  for (const other of [a, b]) lab.cut(c, other);
  c.start();
  await lab.until(() => c.node?.status().tokens.keys === 1);
  await lab.wait(10_000);
  assert.deepEqual(await write(lab, c, token), [503, 'not-ready', undefined]);
  lab.heal();
  await lab.until(() => c.node?.status().tokens.keys === 2, 60_000);
  await lab.wait(5_000);
  assert.deepEqual(await write(lab, c, token), [200]);
});

test('tokens without a signature claim little, and nothing if the configuration says so', async () => {
  const lab = await signing();
  const tokenOf = (count: number): string => {
    const actors = Array.from({ length: count }, (_, i) => [`phone${i}`, { Counter: 1 }]);
    return Buffer.from(encode(Object.fromEntries(actors))).toString('base64');
  };
  const isPhone = (name: string): boolean => name.startsWith('phone');
  const [a, b] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  assert.deepEqual(await write(lab, a, tokenOf(100)), [200]);
  await lab.rest();
  for (const { node } of lab.cluster.nodes)
    assert.deepEqual([...(node?.peek(KEY).context.actors() ?? [])].filter(isPhone), []);
  const refusal = [400, 'bad-vclock', 'unsigned'];
  const { config } = b.node ?? assert.fail();
  b.node?.reload({ ...config, http: { ...config.http, unsignedTokens: false } });
  assert.deepEqual(await write(lab, b, tokenOf(1)), refusal);
  assert.deepEqual(await write(lab, b, await written(lab, a)), [200]);
});

test('a reader may say what it has seen with an old token, but not with a changed one', async () => {
  const lab = await signing();
  const [a] = lab.cluster.nodes as [SimNode];
  const token = await written(lab, a);
  const read = async (gone: string): Promise<number> =>
    (await lab.ask(a, 'GET', KEY, { headers: { 'x-mec-gone': gone } })).status;
  assert.equal(await read(token), 404);
  assert.equal(await read(altered(token, -17)), 404, 'its key may be forgotten');
  assert.equal(await read(altered(token, -1)), 400);
});
