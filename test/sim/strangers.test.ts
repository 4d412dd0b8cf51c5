/** Tests of nodes of other clusters: they are refused, and nothing is exchanged with them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRANGER_PROBE_MS } from '../../src/cluster/limits.ts';
import { ANY_VERSION, unpackFrame } from '../../src/transport/frame.ts';
import { metaRow } from '../../src/storage/keyspace.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const REFUSED = /node of another cluster refused/;
/** Longer than a node needs to probe all addresses that it knows, and to compare all clocks. */
const LONG_MS = 15_000;

const namesAt = ({ node }: SimNode): string[] => (node?.members ?? []).map(({ name }) => name);

async function put(lab: Lab, node: SimNode, key: string, value: string): Promise<void> {
  const answer = await lab.ask(node, 'PUT', key, { value });
  assert.equal(answer.status, 200, textOf(answer));
}

/** Adds a node that names no other, so that it is a cluster of its own, with a value of a key. */
async function addStranger(lab: Lab, like: SimNode, name?: string): Promise<SimNode> {
  const stranger = lab.cluster.add();
  stranger.configured = { ...like.address, nodes: [], ...(name === undefined ? {} : { name }) };
  stranger.start();
  await lab.until(() => stranger.node?.state === 'up');
  await put(lab, stranger, 'who', 'stranger');
  await put(lab, stranger, 'secret', 's3cret');
  return stranger;
}

/** Neither cluster has a member, a key or a value of the other one, and each has logged it once. */
async function assertApart(
  lab: Lab,
  members: readonly SimNode[],
  stranger: SimNode,
): Promise<void> {
  assert.equal(namesAt(stranger).length, 1);
  assert.equal(textOf(await lab.ask(stranger, 'GET', 'who')), 'stranger');
  for (const node of members) {
    assert.ok(!namesAt(node).includes(stranger.name), `${node.name} has it as a member`);
    assert.equal(textOf(await lab.ask(node, 'GET', 'who')), 'production');
    assert.equal((await lab.ask(node, 'GET', 'secret')).status, 404);
  }
}

for (const name of [undefined, 'n1']) {
  const whose = name === undefined ? 'another' : 'its';
  test(`a stranger at the address of a dead member is refused under ${whose} name`, async () => {
    const lab = new Lab(3);
    await lab.born();
    const [dead, ...members] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
    await put(lab, members[0], 'who', 'production');
    dead.crash();
    const stranger = await addStranger(lab, dead, name);
    await lab.wait(LONG_MS);
    await assertApart(lab, members, stranger);
    for (const node of [...members, stranger]) assert.equal(lab.logged(node, REFUSED).length, 1);
    for (const node of members)
      assert.match(
        node.node?.status().peers.find((peer) => peer.node === dead.name)?.refusal ?? '',
        /belongs to the cluster/,
      );
    stranger.crash();
    stranger.hasLeft = true;
    dead.start();
    await lab.rest();
    assert.equal(textOf(await lab.ask(dead, 'GET', 'who')), 'production');
  });
}

test('a stranger at the address of a member that has left is refused', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [leaver, ...members] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  await put(lab, members[0], 'who', 'production');
  leaver.node?.leave();
  await lab.until(() => leaver.hasLeft, 60_000);
  assert.ok(leaver.hasLeft);
  await lab.wait(LONG_MS);
  const stranger = await addStranger(lab, leaver);
  await lab.wait(LONG_MS);
  await assertApart(lab, members, stranger);
  // The members probe it because their configurations name its address.
  assert.equal(lab.logged(stranger, REFUSED).length, 1);
  for (const node of members)
    assert.ok(node.node?.status().peers.every((peer) => peer.node !== leaver.name));
});

test('requests that wait for a dead member do not reach a stranger at its address', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [dead, ...members] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  lab.network.conditions.areFramesKept = true;
  dead.crash();
  for (let i = 0; i < 8; i++) await put(lab, members[0], `k${i}`, 'v');
  const stranger = lab.cluster.add();
  stranger.configured = { ...dead.address, nodes: [] };
  stranger.start();
  await lab.wait(LONG_MS);
  for (let i = 0; i < 8; i++) assert.deepEqual(lab.held(stranger, `k${i}`), [], `k${i}`);
});

test('two clusters stay apart if a node of one names a node of the other one', async () => {
  const lab = new Lab(2);
  const { cluster } = lab;
  const production = [...cluster.nodes] as [SimNode, SimNode];
  await lab.born();
  const others = [cluster.add(), cluster.add()] as const;
  const nodes = others.map(({ address }) => address);
  for (const node of others) {
    node.configured = { nodes };
    node.start();
  }
  await lab.until(() => others.every(({ node }) => node?.state === 'up'));
  await lab.wait(LONG_MS);
  for (const node of production) await put(lab, node, `of-${node.name}`, 'production');
  for (const node of others) await put(lab, node, `of-${node.name}`, 'staging');
  await put(lab, production[0], 'both', 'production');
  await put(lab, others[0], 'both', 'staging');
  const [, mistaken] = others;
  mistaken.crash();
  mistaken.configured = { nodes: [production[0].address] };
  mistaken.start();
  await lab.wait(LONG_MS);
  for (const node of production) {
    assert.deepEqual(namesAt(node), ['n1', 'n2']);
    assert.equal(textOf(await lab.ask(node, 'GET', 'both')), 'production');
    assert.equal((await lab.ask(node, 'GET', 'of-n3')).status, 404);
  }
  for (const node of others) {
    assert.deepEqual(namesAt(node), ['n3', 'n4']);
    assert.equal(textOf(await lab.ask(node, 'GET', 'both')), 'staging');
    assert.equal((await lab.ask(node, 'GET', 'of-n1')).status, 404);
  }
  for (const node of [production[0], mistaken]) assert.equal(lab.logged(node, REFUSED).length, 1);
  let probes = 0;
  lab.network.onSend = (from, frame) => {
    const { items } = unpackFrame(frame, { protocol: ANY_VERSION });
    // A probe of an address of the configuration has no records.
    for (const { message } of items)
      if (from === mistaken.name && message.kind === 'probe' && message.wantsAll)
        probes += Number(message.records.length === 0);
  };
  await lab.wait(2 * STRANGER_PROBE_MS);
  assert.ok(probes > 0 && probes <= 2, `${probes} probes in a minute`);
});

test('a first node without entries that has lost its disk is refused, and is whole with them', async () => {
  const lab = new Lab(1);
  const { cluster } = lab;
  const [first] = cluster.nodes as [SimNode];
  first.configured = { nodes: [] };
  const members = [cluster.add(), cluster.add()] as const;
  for (const node of members) {
    node.configured = { nodes: [first.address] };
    node.start();
  }
  await lab.born();
  await put(lab, first, 'who', 'production');
  first.crash();
  first.disk.replace(new Map());
  first.start();
  await lab.until(() => first.node?.state === 'up');
  await lab.wait(LONG_MS);
  assert.deepEqual(namesAt(first), ['n1']);
  assert.equal((await lab.ask(first, 'GET', 'who')).status, 404);
  for (const node of members) {
    assert.deepEqual(namesAt(node), ['n1', 'n2', 'n3']);
    const answer = await lab.ask(node, 'GET', 'who', { query: 'pr=2' });
    assert.equal(textOf(answer), 'production');
  }
  for (const node of cluster.nodes) assert.equal(lab.logged(node, REFUSED).length, 1);
  first.crash();
  first.disk.replace(new Map());
  first.configured = { nodes: members.map(({ address }) => address) };
  first.start();
  await lab.rest();
  assert.equal(textOf(await lab.ask(first, 'GET', 'who')), 'production');
});

/** Two clusters of one node each, and a node that is not started yet and names both. */
async function betweenTwo(): Promise<{ lab: Lab; one: SimNode; other: SimNode; between: SimNode }> {
  const lab = new Lab(1);
  const { cluster } = lab;
  const [one] = cluster.nodes as [SimNode];
  const [other, between] = [cluster.add(), cluster.add()];
  other.configured = { nodes: [] };
  other.start();
  between.configured = { nodes: [one.address, other.address] };
  await lab.until(() => [one, other].every(({ node }) => node?.state === 'up'));
  await lab.wait(1_000);
  for (const node of [one, other]) await put(lab, node, 'who', node.name);
  return { lab, one, other, between };
}

test('a new node that names two clusters joins one of them', async () => {
  const { lab, one, other, between } = await betweenTwo();
  between.start();
  await lab.until(() => between.node?.state === 'up', 60_000);
  await lab.wait(LONG_MS);
  const sizes = [one, other].map((node) => namesAt(node).length).sort((a, b) => a - b);
  assert.deepEqual(sizes, [1, 2]);
  const joined = namesAt(one).length === 2 ? one : other;
  assert.deepEqual(namesAt(between), [joined.name, between.name].sort());
  const refusing = [between, joined === one ? other : one];
  for (const node of refusing) assert.equal(lab.logged(node, REFUSED).length, 1);
});

test('a new node belongs to no cluster before its disk has that', async () => {
  const { lab, one, other, between } = await betweenTwo();
  between.configured = { nodes: [one.address] };
  between.start();
  await lab.until(() => between.node !== undefined);
  between.disk.delayMs = 20_000;
  await lab.wait(3_000);
  assert.deepEqual(namesAt(one), [one.name], 'it has not joined yet');
  between.crash();
  between.disk.delayMs = 1;
  between.configured = { nodes: [other.address] };
  between.start();
  await lab.until(() => between.node?.state === 'up', 60_000);
  await lab.wait(LONG_MS);
  assert.deepEqual(namesAt(one), [one.name]);
  assert.deepEqual(namesAt(other), [other.name, between.name]);
});

test('a node that has begun to join a cluster joins it later, and no other one', async () => {
  const { lab, one, other, between } = await betweenTwo();
  between.configured = { nodes: [one.address] };
  between.start();
  await lab.until(() => lab.logged(between, /belongs to a cluster/).length > 0);
  between.crash();
  one.crash();
  between.configured = { nodes: [other.address] };
  between.start();
  await lab.wait(LONG_MS);
  assert.deepEqual(namesAt(other), [other.name]);
  assert.notEqual(between.node?.state, 'up');
  one.start();
  between.crash();
  between.configured = { nodes: [one.address] };
  between.start();
  await lab.until(() => between.node?.state === 'up', 60_000);
  assert.deepEqual(namesAt(one), [one.name, between.name]);
});

test('a new node at the address of a dead member joins only the cluster that it names', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [dead, ...members] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  dead.crash();
  const lost = lab.cluster.add();
  lost.configured = { ...dead.address, nodes: [{ host: 'sim', port: 1 }] };
  lost.start();
  await lab.wait(LONG_MS);
  // The other members tell all addresses that they know of its new life.
  members[0]?.crash();
  members[0]?.start();
  await lab.wait(LONG_MS);
  assert.deepEqual(namesAt(lost), [lost.name]);
  for (const node of members) assert.ok(!namesAt(node).includes(lost.name));
});

test('nodes that begin together without hearing each other are of one cluster', async () => {
  const lab = new Lab(5);
  const [one, other, , , down] = lab.cluster.nodes as [SimNode, SimNode, SimNode, SimNode, SimNode];
  down.crash();
  lab.cut(one, other);
  // Each is the first of a majority, and hears too late from the others that there are two.
  lab.network.conditions.delayMs = 300;
  await lab.until(() => [one, other].every(({ node }) => node?.state === 'up'), 60_000);
  await lab.wait(LONG_MS);
  const begun = lab.cluster.nodes.flatMap((node) => lab.logged(node, /a cluster begins/));
  assert.equal(begun.length, 2, 'each has begun the cluster');
  lab.network.conditions.delayMs = 1;
  lab.heal();
  down.start();
  await lab.rest();
  for (const node of lab.cluster.nodes) assert.deepEqual(lab.logged(node, REFUSED), []);
});

for (const which of ['one node', 'all nodes'] as const)
  test(`the id of the cluster is lost on ${which}`, async () => {
    const lab = new Lab(3);
    await lab.born();
    const { nodes } = lab.cluster;
    await put(lab, nodes[0] as SimNode, 'who', 'production');
    const ids = (): Set<string | undefined> =>
      new Set(nodes.map(({ node }) => node?.status().cluster?.id));
    const [before] = ids();
    const row = metaRow('cluster');
    for (const node of nodes) node.crash();
    for (const node of which === 'one node' ? nodes.slice(0, 1) : nodes) {
      const rows = new Map(node.disk.rows);
      const record = rows.get(row) ?? assert.fail('it is on the disk');
      // A root that an earlier version has written has no such row.
      if (which === 'all nodes') rows.delete(row);
      else
        rows.set(
          row,
          record.map((byte, i) => (i === record.length - 1 ? byte ^ 1 : byte)),
        );
      node.disk.replace(rows);
    }
    for (const node of nodes) node.start();
    await lab.rest();
    assert.equal(ids().size, 1);
    assert.equal(ids().has(before), which === 'one node');
    assert.equal(textOf(await lab.ask(nodes[0] as SimNode, 'GET', 'who')), 'production');
    await lab.wait(LONG_MS);
    for (const node of nodes) assert.deepEqual(lab.logged(node, REFUSED), []);
  });

test('a new node whose configuration names another cluster is refused, and ends', async () => {
  const lab = new Lab(2, { config: { cluster: 'production' } });
  await lab.born();
  const stranger = lab.cluster.add();
  stranger.configured = { cluster: 'staging' };
  stranger.start();
  await lab.wait(LONG_MS);
  assert.ok(lab.logged(stranger, /ends: .* names the cluster staging.* production/).length > 0);
  for (const node of lab.cluster.nodes.slice(0, 2)) assert.deepEqual(namesAt(node), ['n1', 'n2']);
  stranger.crash();
  stranger.configured = {};
  stranger.start();
  await lab.rest();
});
