/** A node on a real disk that was declared gone by mistake, and is taken back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, TestCluster } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { runMec } from '../fixtures/run-mec.ts';

test('mec rejoin takes a node back that was declared gone', async (t) => {
  const cluster = await TestCluster.start(t);
  const node = cluster.node(2);
  await node.key('k', { method: 'PUT', body: 'v' });
  const { configFile } = node;
  const running = await runMec(['rejoin', 'n3', configFile]);
  assert.equal(running.code, 2, 'its store is in use');
  await node.end('SIGKILL');
  await eventually('it is declared gone', async () => {
    const { status } = await send(`${cluster.node(0).url}/cluster/remove/n3`, { method: 'POST' });
    return status === 200;
  });
  await cluster.node(0).key('since', { method: 'PUT', body: 'v' });
  const other = await runMec(['rejoin', 'n2', configFile]);
  assert.equal(other.code, 2);
  assert.match(other.err, /is the configuration of n3, and not of n2/);
  const { code, out, err } = await runMec(['rejoin', 'n3', configFile]);
  assert.deepEqual([code, out], [0, 'n3 joins again when it is started\n'], err);
  node.start();
  await cluster.connected();
  for (const key of ['k', 'since']) assert.deepEqual(await cluster.values(key, 2), ['v']);
});
