/** Nodes change their keys while the cluster runs, and whatever is restarted in between. */
import assert from 'node:assert/strict';
import { readFile, rename } from 'node:fs/promises';
import { test } from 'node:test';
import type { EmbeddedNode } from '../../src/embed/start-node.ts';
import { eventually, pause } from '../fixtures/cluster.ts';
import type { Response } from '../fixtures/http.ts';
import { reachOf, SecuredCluster } from '../fixtures/secured-cluster.ts';
import { sendSecured } from '../fixtures/secured.ts';
import { SteadyLoad } from '../fixtures/steady-load.ts';

interface Rotation {
  readonly node: string;
  readonly isDone: boolean;
  readonly waitsFor: readonly string[];
}

async function rotate(secured: SecuredCluster, node: EmbeddedNode): Promise<Rotation> {
  const { status, text } = await secured.change(node, 'rotate', { key: 'node' });
  assert.equal(status, 200, text);
  return JSON.parse(text) as Rotation;
}

test('under load, all nodes get other keys, and no request fails', async (t) => {
  const secured = await SecuredCluster.init(t);
  const nodes = await secured.startAll(t);
  const before = await secured.countingKeys(nodes[0]);
  const client = secured.client(nodes);
  const load = new SteadyLoad(t, () => client, 4);
  for (const node of nodes) {
    await load.goesOn();
    const old = await readFile(secured.file(node.name, 'curve.key'), 'utf8');
    assert.equal((await rotate(secured, node)).node, node.name);
    // On a busy machine, a member may answer too late for the first step. It goes on by itself.
    await eventually('it has another key', async () => {
      const isOther = (await readFile(secured.file(node.name, 'curve.key'), 'utf8')) !== old;
      return isOther && (await secured.countingKeys(node)).size === 3;
    });
  }
  await load.goesOn();
  await load.end();
  for (const node of nodes) {
    await eventually('it knows all keys', async () => {
      const keys = [...(await secured.countingKeys(node)).keys()];
      return keys.length === 3 && keys.every((key) => !before.has(key));
    });
    const after = await secured.countingKeys(node);
    assert.deepEqual([...after.values()].sort(), ['n1', 'n2', 'n3']);
    for (const key of after.keys()) assert.ok(!before.has(key), key);
    for (const other of nodes)
      if (other !== node)
        await eventually(
          'they reach each other',
          async () => reachOf(node, other.name) === 'reachable',
        );
  }
});

test('a change waits for a node that is down, also over a restart', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1, n2, n3] = await secured.startAll(t);
  const before = await secured.countingKeys(n2);
  await n3.close();
  await eventually('n3 is down', async () => reachOf(n1, 'n3') === 'unreachable');
  const answer = await rotate(secured, n1);
  assert.deepEqual(answer, { node: 'n1', isDone: false, waitsFor: ['n3'] });
  const again = await rotate(secured, n1);
  assert.deepEqual(again.waitsFor, ['n3'], 'it is one change');
  assert.equal((await secured.countingKeys(n2)).size, 4);
  await n1.close();
  const back = await secured.start(t, 'n1');
  await eventually('it has its first key', async () => reachOf(back, 'n2') === 'reachable');
  assert.equal((await secured.countingKeys(n2)).size, 4);
  const n3Back = await secured.start(t, 'n3');
  for (const node of [back, n2, n3Back])
    await eventually('the first key does not count', async () => {
      const keys = await secured.countingKeys(node);
      return keys.size === 3 && [...keys].every(([key, name]) => name !== 'n1' || !before.has(key));
    });
  await eventually('n3 has it', async () => reachOf(n3Back, 'n1') === 'reachable');
});

test('a node that stopped before it revoked its first key is known by the second', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1, n2, n3] = await secured.startAll(t);
  await n3.close();
  await eventually('n3 is down', async () => reachOf(n1, 'n3') === 'unreachable');
  await rotate(secured, n1);
  await n1.close();
  const n3Back = await secured.start(t, 'n3');
  await eventually('n3 has both', async () => (await secured.countingKeys(n3Back)).size === 4);
  // All that the node has done before it was killed.
  await rename(secured.file('n1', 'curve.key.next'), secured.file('n1', 'curve.key'));
  const back = await secured.start(t, 'n1');
  for (const node of [back, n2, n3Back])
    await eventually('the first does not count', async () => {
      const keys = await secured.countingKeys(node);
      return keys.size === 3;
    });
  for (const node of [n2, n3Back])
    await eventually('they reach it', async () => reachOf(node, 'n1') === 'reachable');
});

test('a node whose key was revoked gets no other one', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1] = await secured.startAll(t);
  assert.equal((await secured.change(n1, 'revoke', { id: 'node/n1' })).status, 200);
  const { status, text } = await secured.change(n1, 'rotate', { key: 'node' });
  assert.equal(status, 400, text);
  assert.match(text, /revoked/);
  for (const key of ['other', 7, undefined])
    assert.equal((await secured.change(n1, 'rotate', { key })).status, 400);
});

test('tokens get another signature, and earlier ones still count', async (t) => {
  const secured = await SecuredCluster.init(t);
  const nodes = await secured.startAll(t);
  const [n1, n2] = nodes;
  await eventually('tokens are signed', async () => n1.status().tokens.isSigned);
  const put = async (node: EmbeddedNode, body: string, token?: string) => {
    const proof = { method: 'PUT', token: secured.admin, body };
    const headers = token === undefined ? {} : { headers: { 'X-Mec-Vclock': token } };
    let answer: Response | undefined;
    await eventually('an answer', async () => {
      answer = await sendSecured(`${node.url}/mec/k`, secured.ca, { ...proof, ...headers });
      return answer.status < 500;
    });
    return answer ?? assert.fail();
  };
  // Nodes that have not heard each other may each have drawn one.
  const keysBefore = n2.status().tokens.keys;
  const first = await put(n1, 'a');
  await eventually('n2 draws another key', async () => {
    const { status } = await secured.change(n2, 'rotate', { key: 'tokens' });
    return status === 200;
  });
  for (const node of nodes)
    await eventually('it has the key', async () => node.status().tokens.keys > keysBefore);
  let second = await put(n2, 'b', String(first.headers['x-mec-vclock']));
  assert.equal(second.status, 200, second.text);
  await eventually('the next key is settled', async () => {
    const { status } = await secured.change(n1, 'rotate', { key: 'tokens' });
    await pause(100);
    return status === 200;
  });
  second = await put(n1, 'c', String(second.headers['x-mec-vclock']));
  assert.equal(second.status, 200, second.text);
});
