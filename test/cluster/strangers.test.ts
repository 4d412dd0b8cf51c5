/** Clusters on real processes that meet by mistake: they stay apart, and say so. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { send } from '../fixtures/http.ts';
import { eventually, PATIENCE_MS, pause, TestCluster, TestNode } from '../fixtures/cluster.ts';

const REFUSED = /node of another cluster refused/g;
/** Longer than nodes that would mix need to compare all that they have. */
const MIX_MS = 5_000;

const refusals = ({ log }: TestNode): number => log.match(REFUSED)?.length ?? 0;

const namesAt = async (node: TestNode): Promise<string[]> =>
  (await node.status()).members.map(({ name }) => name);

async function put(node: TestNode, key: string, body: string): Promise<void> {
  const { status, text } = await node.key(key, { method: 'PUT', body });
  assert.ok(status === 200 || status === 201, text);
}

/** A member ends. Its address is free then. */
const ENDS: Readonly<Record<string, (member: TestNode) => Promise<unknown>>> = {
  'is dead': (member) => member.end('SIGKILL'),
  'has left': async (member) => {
    assert.equal((await send(`${member.url}/cluster/leave`, { method: 'POST' })).status, 202);
    assert.equal(await member.ended(), 0, member.log);
  },
};

for (const [how, end] of Object.entries(ENDS))
  test(`a node at the address of a member that ${how} stays a cluster of its own`, async (t) => {
    const production = await TestCluster.start(t);
    const former = production.node(0);
    const members = [production.node(1), production.node(2)];
    await put(members[0] as TestNode, 'who', 'production');
    await end(former);
    const stranger = new TestNode(`${dirname(former.root)}/staging`, 'staging', {
      port: former.port,
    });
    t.after(() => stranger.end('SIGKILL'));
    await stranger.configure([]);
    stranger.start();
    await eventually('it serves', async () => (await stranger.status()).isReady);
    await put(stranger, 'who', 'staging');
    await put(stranger, 'secret', 's3cret');
    await eventually('all have refused', async () =>
      [stranger, ...members].every((node) => refusals(node) > 0),
    );
    await pause(MIX_MS);
    assert.deepEqual(await namesAt(stranger), ['staging']);
    assert.equal((await stranger.key('who')).text, 'staging');
    for (const node of members) {
      assert.deepEqual(await namesAt(node), ['n1', 'n2', 'n3']);
      assert.equal((await node.key('who')).text, 'production');
      assert.equal((await node.key('secret')).status, 404);
    }
    for (const node of [stranger, ...members]) assert.equal(refusals(node), 1, node.log);
  });

test('a wrong address in the configuration of a node mixes no clusters', async (t) => {
  const production = await TestCluster.start(t, { nodes: 2 });
  const staging = await TestCluster.start(t, { nodes: 2 });
  const [one, mistaken] = [production.node(0), staging.node(1)];
  await put(one, 'price', '100');
  await put(staging.node(0), 'price', 'TEST');
  await put(staging.node(0), 'test-key', 'TEST');
  await mistaken.end('SIGTERM');
  await mistaken.configure([one]);
  mistaken.start();
  await eventually(
    'both sides have refused',
    async () => refusals(one) > 0 && refusals(mistaken) > 0,
    PATIENCE_MS,
  );
  await staging.connected();
  await pause(MIX_MS);
  for (const cluster of [production, staging])
    for (const node of cluster.nodes) assert.deepEqual(await namesAt(node), ['n1', 'n2']);
  assert.deepEqual(await production.values('price'), ['100']);
  assert.deepEqual(await staging.values('price'), ['TEST']);
  assert.deepEqual(await production.values('test-key'), []);
  assert.deepEqual([refusals(one), refusals(mistaken)], [1, 1]);
});
