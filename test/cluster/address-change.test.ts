/**
 * A node that comes back at another address under load, then a hang and two lost disks, one after
 * the other: nothing is lost.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually, freePorts, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { atRest, Load, missing } from '../fixtures/load.ts';

const losesSight = (observer: TestNode, lost: TestNode): Promise<void> =>
  eventually(`${observer.name} loses sight of ${lost.name}`, async () => {
    const { peers } = await observer.status();
    return peers.find(({ node }) => node === lost.name)?.reach === 'unreachable';
  });

test('nothing is lost when an address changes, a node hangs, and a machine and a disk are replaced', async (t) => {
  const cluster = await TestCluster.start(t);
  const [n1, n2, n3] = cluster.nodes as [TestNode, TestNode, TestNode];
  let serving: readonly TestNode[] = cluster.nodes;
  const load = new Load(t, () => serving, { clients: 8, pauseMs: 2 });
  await load.progress(300);
  serving = [n1, n2];
  await n3.end('SIGKILL');
  await losesSight(n1, n3);
  await load.progress(300);
  n3.port = await freePorts(2);
  await n3.configure([n1, n2]);
  n3.start();
  await cluster.connected();
  serving = [n2, n3];
  n1.signal('SIGSTOP');
  await losesSight(n2, n1);
  // n1 must catch up with all of these writes.
  await load.progress(500);
  n1.signal('SIGCONT');
  await cluster.connected();
  serving = cluster.nodes;
  await load.progress(100);
  await load.stop();
  await atRest(cluster);
  await n2.end('SIGKILL');
  await rm(n2.root, { recursive: true });
  cluster.forget(n2);
  await eventually('n2 is declared gone', async () => {
    return (await send(`${n1.url}/cluster/remove/n2`, { method: 'POST' })).status === 200;
  });
  await atRest(cluster);
  await n3.end('SIGKILL');
  await rm(n3.root, { recursive: true });
  n3.start();
  await cluster.connected();
  for (const at of [0, 1]) assert.deepEqual(await missing(cluster, load.acknowledged, { at }), []);
});
