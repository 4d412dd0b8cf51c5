/** Nodes of neighbouring versions of the protocol in one cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROTOCOL, type ProtocolRange } from '../../src/transport/protocol.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const { newest } = PROTOCOL;
/** The release after this one: it still speaks the version of this one. */
const NEXT: ProtocolRange = { oldest: newest, newest: newest + 1 };
/** A release with no version in common with this one. */
const FAR: ProtocolRange = { oldest: newest + 2, newest: newest + 2 };

async function restart(lab: Lab, node: SimNode, protocol: ProtocolRange): Promise<void> {
  node.stop();
  await lab.until(() => !node.isUp);
  node.protocol = protocol;
  node.start();
  await lab.rest();
}

/** Writes at each node, and reads each value at the next. */
async function assertServes(lab: Lab, step: string): Promise<void> {
  const { nodes } = lab.cluster;
  for (const [i, node] of nodes.entries()) {
    const key = `${step}-${i}`;
    assert.equal((await lab.ask(node, 'PUT', key, { value: step })).status, 200, `PUT ${key}`);
    const answer = await lab.ask(nodes[(i + 1) % nodes.length] as SimNode, 'GET', key);
    assert.equal(textOf(answer), step, `GET ${key}`);
  }
}

/** The version in which each node sends data to each other, in the order of their names. */
const versions = (lab: Lab): (number | undefined)[][] =>
  lab.cluster.nodes.map(({ node }) =>
    Object.values(node?.status().peers ?? {}).map(({ data }) => data.version),
  );

/** The number of frames and messages that no node has understood. */
function garbage(lab: Lab): number {
  let count = 0;
  for (const { node } of lab.cluster.nodes) {
    const { incoming, peers } = node?.status() ?? {};
    count += (incoming?.data.garbage ?? 0) + (incoming?.membership.garbage ?? 0);
    for (const { data, probes } of Object.values(peers ?? {}))
      count += data.garbage + probes.garbage;
  }
  return count;
}

test('a cluster is upgraded node by node, and serves at every step', async () => {
  const lab = new Lab(3);
  await lab.born();
  await assertServes(lab, 'before');
  for (const node of lab.cluster.nodes) {
    await restart(lab, node, NEXT);
    await assertServes(lab, `with-${node.name}`);
    assert.equal(garbage(lab), 0, 'every frame is understood');
  }
  await lab.wait(2_000);
  assert.deepEqual(
    versions(lab).flat(),
    Array.from({ length: 6 }, () => newest + 1),
    'all speak the newest version',
  );
});

test('two nodes speak the newest version that both know', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [old, ...others] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  for (const node of others) await restart(lab, node, NEXT);
  await lab.wait(2_000);
  assert.deepEqual(versions(lab), [
    [newest, newest],
    [newest, newest + 1],
    [newest, newest + 1],
  ]);
  assert.equal(old.protocol, undefined);
});

test('a node that returns to the earlier release is addressed in its version', async () => {
  const lab = new Lab(3);
  await lab.born();
  for (const node of lab.cluster.nodes) await restart(lab, node, NEXT);
  await restart(lab, lab.cluster.nodes[0] as SimNode, PROTOCOL);
  await lab.wait(2_000);
  await assertServes(lab, 'after');
  assert.deepEqual(versions(lab)[1], [newest, newest + 1]);
});

test('a node with no version in common cannot join', async () => {
  const lab = new Lab(3);
  await lab.born();
  const stranger = lab.cluster.add();
  stranger.protocol = FAR;
  stranger.start();
  await lab.wait(10_000);
  const [node] = lab.cluster.nodes as [SimNode];
  assert.deepEqual(
    node.node?.status().members.map(({ name }) => name),
    lab.cluster.nodes.slice(0, 3).map(({ name }) => name),
  );
  assert.ok(garbage(lab) > 0, 'its frames are counted');
  stranger.stop();
  await lab.wait(1_000);
  const answer = await lab.ask(node, 'PUT', 'k', { value: 'v' });
  assert.equal(answer.status, 200, textOf(answer));
});
