/** Tests of a member that was declared gone by mistake, and is taken back with its data. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { prepareRejoin } from '../../src/cluster/membership/rejoin.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Life } from '../../src/sim/world.ts';
import { Store } from '../../src/storage/store.ts';
import { Lab, settled, stateAt, textOf } from '../fixtures/lab.ts';

/** Longer than a node needs to take a silent one for unreachable. */
const SILENT_MS = 6_000;

/** Prepares the disk of a stopped node, as the command does. */
async function rejoin(lab: Lab, { name, disk }: SimNode): Promise<void> {
  const life = new Life(lab.world, name);
  const prepare = async (): Promise<void> => {
    const store = await Store.open({
      env: { clock: life.clock, random: lab.world.dice, log: life.log },
      nodeName: name,
      life: 'prepares',
      openEngine: async () => disk.open(lab.world, life),
      sync: true,
      maxLogEntries: SYNC_LIMITS.maxLogEntries,
    });
    await prepareRejoin(store, name);
    await store.close();
  };
  await settled(lab, prepare());
  life.end();
}

async function put(lab: Lab, node: SimNode, key: string, query = ''): Promise<void> {
  const answer = await lab.ask(node, 'PUT', key, { value: 'v', query });
  assert.equal(answer.status, 200, textOf(answer));
}

for (const isTold of [false, true]) {
  const when = isTold ? 'after it has heard of it' : 'before its next start';
  test(`a member that was declared gone by mistake is taken back ${when}`, async () => {
    const lab = new Lab(4);
    await lab.born();
    const [node, ...others] = lab.cluster.nodes as [SimNode, ...SimNode[]];
    for (const other of others) lab.cut(node, other);
    await lab.wait(SILENT_MS);
    for (let i = 0; i < 10; i++) await put(lab, node, `alone${i}`, 'w=1');
    others[0]?.node?.remove(node.name);
    await lab.until(() => others.every((other) => stateAt(other, node) === 'gone'));
    for (let i = 0; i < 10; i++) await put(lab, others[i % 3] as SimNode, `since${i}`);
    if (isTold) {
      lab.heal();
      await lab.until(() => node.node?.state === 'gone');
    }
    node.crash();
    lab.heal();
    await rejoin(lab, node);
    node.start();
    await lab.rest();
    for (const at of lab.cluster.nodes) {
      assert.equal(stateAt(at, node), 'up');
      for (let i = 0; i < 10; i++)
        for (const key of [`alone${i}`, `since${i}`])
          assert.equal(textOf(await lab.ask(at, 'GET', key)), 'v', `${key} at ${at.name}`);
    }
  });
}

test('a replica that is taken back does not count before it has caught up', async () => {
  const lab = new Lab(4);
  await lab.born();
  const [node, ...others] = lab.cluster.nodes as [SimNode, ...SimNode[]];
  for (let i = 0; i < 10; i++) await put(lab, node, `before${i}`, 'w=all');
  node.crash();
  await lab.wait(SILENT_MS);
  others[0]?.node?.remove(node.name);
  await lab.until(() => others.every((other) => stateAt(other, node) === 'gone'));
  for (let i = 0; i < 10; i++) await put(lab, others[i % 3] as SimNode, `since${i}`);
  await rejoin(lab, node);
  for (const other of others) lab.cut(node, other);
  node.start();
  await lab.wait(SILENT_MS);
  const { pending = 0 } = node.node?.status().partitions ?? {};
  assert.ok(pending > 0);
  assert.equal(node.node?.syncStatus.incomplete, pending);
  for (let i = 0; i < 10; i++)
    assert.notEqual((await lab.ask(node, 'GET', `since${i}`, { query: 'r=1' })).status, 404);
});

test('members that have declared each other gone serve again when all are taken back', async () => {
  const lab = new Lab(3);
  await lab.born();
  const { nodes } = lab.cluster;
  const [one, ...others] = nodes as [SimNode, SimNode, SimNode];
  for (const other of others) lab.cut(one, other);
  await lab.wait(SILENT_MS);
  for (const other of others) one.node?.remove(other.name);
  others[0]?.node?.remove(one.name);
  await lab.wait(1_000);
  await put(lab, one, 'at-one');
  await put(lab, others[0], 'at-others');
  lab.heal();
  await lab.wait(60_000);
  assert.deepEqual(
    nodes.map(({ node }) => node?.state),
    ['gone', 'gone', 'gone'],
    'none is left to take over',
  );
  for (const node of nodes) node.crash();
  for (const node of nodes) await rejoin(lab, node);
  for (const node of nodes) node.start();
  await lab.rest();
  for (const node of nodes)
    for (const key of ['at-one', 'at-others'])
      assert.equal(textOf(await lab.ask(node, 'GET', key)), 'v', `${key} at ${node.name}`);
});

test('a node without data is not taken back', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [node] = lab.cluster.nodes as [SimNode];
  node.crash();
  node.disk.replace(new Map());
  await assert.rejects(rejoin(lab, node), /no data of a member n1; start it on an empty root/);
});
