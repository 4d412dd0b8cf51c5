/** Tokens with writes that no node ever made, at every node of a real cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestCluster } from '../fixtures/cluster.ts';
import { madeUpToken } from '../fixtures/made-up-token.ts';

const TOKENS_EACH = 5;

test('a made-up token is refused at every node, and costs no node its name', async (t) => {
  const { nodes } = await TestCluster.start(t, { nodes: 3 });
  const key = 'register';
  const nameOf = async (node: (typeof nodes)[number]): Promise<string> => {
    const put = await node.key(`${key}?replace=true`, { method: 'PUT', body: 'honest' });
    return String(put.headers['x-mec-dot']).replace(/:\d+$/, '');
  };
  const before = await Promise.all(nodes.map(nameOf));
  for (let i = 0; i < TOKENS_EACH; i++) {
    for (const at of nodes) {
      for (const name of before) {
        const headers = madeUpToken({ [name]: 1_000 + i });
        const answer = await at.key(key, { method: 'PUT', body: 'forged', headers });
        const { code } = JSON.parse(answer.body.toString()) as { readonly code: string };
        assert.deepEqual([answer.status, code], [400, 'bad-vclock'], `${name} at ${at.name}`);
      }
    }
  }
  assert.deepEqual(await Promise.all(nodes.map(nameOf)), before);
  for (const { log } of nodes) assert.doesNotMatch(log, /actor given up/);
});
