/** Time to live and policies by prefix, against real clusters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { kindRange, objectRow } from '../../src/storage/keyspace.ts';
import { openLevelEngine } from '../../src/storage/level.ts';
import { recordToVersions } from '../../src/storage/records.ts';
import { eventually, pause, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { parseMultipart, tokenOf } from '../fixtures/http.ts';
import { atRest } from '../fixtures/load.ts';

const PUT = { method: 'PUT', body: 'x' };
const ttl = (seconds: number): Record<string, string> => ({ 'X-Mec-TTL': String(seconds) });

async function statuses(cluster: TestCluster, key: string, query = ''): Promise<number[]> {
  return Promise.all(cluster.nodes.map(async (node) => (await node.key(key + query)).status));
}

/** The rows of a stopped node's store, by kind. */
async function rowsOf(node: TestNode): Promise<Record<string, number>> {
  const engine = await openLevelEngine(node.root);
  const counts: Record<string, number> = {};
  for (const kind of ['e', 'l', 'o', 'r'] as const)
    counts[kind] = (await engine.keys({ ...kindRange(kind), limit: 100 })).length;
  await engine.abandon();
  return counts;
}

/** The number of versions of a key in a stopped node's store. */
async function versionsOf(node: TestNode, key: string): Promise<number> {
  const engine = await openLevelEngine(node.root);
  const row = objectRow(partitionOf(key), key);
  const record = engine.get(row);
  await engine.abandon();
  return record === undefined ? 0 : recordToVersions(record, row).length;
}

test('an expired version is hidden at once on every node, and later removed from the store', async (t) => {
  const cluster = await TestCluster.start(t);
  const before = Date.now();
  const written = await cluster.node(0).key('a', { ...PUT, headers: ttl(4) });
  assert.equal(written.status, 200, written.text);
  const read = await cluster.node(1).key('a');
  const expires = Date.parse(String(read.headers['x-mec-expires']));
  assert.ok(
    expires > before + 2_900 && expires <= Date.now() + 4_000,
    String(read.headers['x-mec-expires']),
  );
  assert.equal((await cluster.node(1).key('plain', PUT)).status, 200);
  assert.equal((await cluster.node(1).key('plain')).headers['x-mec-expires'], undefined);
  // A later write with the token survives, and so does a concurrent one.
  const renewed = await cluster.node(2).key('renewed', { ...PUT, headers: ttl(2) });
  await cluster
    .node(0)
    .key('renewed', { ...PUT, body: 'later', headers: { 'X-Mec-Vclock': tokenOf(renewed) } });
  await cluster.node(0).key('beside', { ...PUT, headers: ttl(2) });
  await cluster.node(1).key('beside', { ...PUT, body: 'concurrent' });
  assert.equal(parseMultipart(await cluster.node(2).key('beside')).length, 2);
  await cluster.node(2).end('SIGKILL');
  assert.equal((await cluster.node(0).key('a')).status, 200);
  await eventually('it expires', async () => (await cluster.node(0).key('a')).status === 404);
  assert.ok(Date.now() >= before + 4_000, 'not too early');
  assert.equal((await cluster.node(1).key('a')).status, 404);
  assert.equal((await cluster.node(1).key('a', { method: 'DELETE' })).status, 404);
  cluster.node(2).start();
  await eventually('n3 serves', async () => (await cluster.node(2).key('plain')).status === 200);
  assert.deepEqual(await statuses(cluster, 'a', '?r=1'), [404, 404, 404]);
  for (const at of [0, 1, 2]) {
    assert.deepEqual(await cluster.values('renewed', at), ['later']);
    assert.deepEqual(await cluster.values('beside', at), ['concurrent']);
  }
  await cluster.connected();
  await atRest(cluster);
  for (const at of [0, 1, 2]) assert.deepEqual(await cluster.values('a', at), []);
  for (const node of cluster.nodes) await node.end('SIGTERM');
  for (const node of cluster.nodes)
    assert.deepEqual(await rowsOf(node), { e: 0, l: 0, o: 3, r: 0 }, node.name);
});

test('an invalid time to live is refused by name', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const date = (ms: number): string => new Date(Date.now() + ms).toUTCString();
  for (const [headers, parameter] of [
    [{ 'X-Mec-TTL': '0' }, 'X-Mec-TTL'],
    [{ 'X-Mec-TTL': '-1' }, 'X-Mec-TTL'],
    [{ 'X-Mec-TTL': '1.5' }, 'X-Mec-TTL'],
    [{ 'X-Mec-TTL': '315360001' }, 'X-Mec-TTL'],
    [{ 'X-Mec-TTL': '' }, 'X-Mec-TTL'],
    [{ 'X-Mec-Expires': date(-5_000) }, 'X-Mec-Expires'],
    [{ 'X-Mec-Expires': 'tomorrow' }, 'X-Mec-Expires'],
    [{ 'X-Mec-Expires': '2030-01-01' }, 'X-Mec-Expires'],
    [{ 'X-Mec-Expires': date(5_000), 'X-Mec-TTL': '5' }, 'X-Mec-TTL'],
  ] as [Record<string, string>, string][]) {
    const refused = await cluster.node(0).key('k', { ...PUT, headers });
    assert.equal(refused.status, 400, JSON.stringify(headers));
    assert.equal((JSON.parse(refused.text) as { parameter: string }).parameter, parameter);
  }
  assert.equal((await cluster.node(0).key('k')).status, 404);
  const at = date(60_000);
  await cluster.node(0).key('k', { ...PUT, headers: { 'X-Mec-Expires': at } });
  assert.equal((await cluster.node(0).key('k')).headers['x-mec-expires'], at);
});

const POLICIES = `
[[policy]]
prefix = "last/"
siblings = "last-write-wins"
[[policy]]
prefix = "session:"
ttl = "2s"
r = 1
w = "all"
maxvalue = "10B"
[[policy]]
prefix = "session:long:"
ttl = "1h"
`;

test('the policy with the longest prefix applies, unless the request overrides it', async (t) => {
  const cluster = await TestCluster.start(t, { extra: POLICIES });
  assert.equal(
    (await cluster.node(0).key('session:a', { ...PUT, body: '12345678901' })).status,
    413,
  );
  assert.equal((await cluster.node(0).key('session:a', PUT)).status, 200);
  assert.equal(
    (await cluster.node(0).key('session:long:a', { ...PUT, body: '12345678901' })).status,
    200,
  );
  assert.equal((await cluster.node(0).key('session:b', { ...PUT, headers: ttl(60) })).status, 200);
  await pause(2_000);
  assert.deepEqual(await statuses(cluster, 'session:a'), [404, 404, 404]);
  assert.deepEqual(await statuses(cluster, 'session:b'), [200, 200, 200]);
  const long = (await cluster.node(1).key('session:long:a')).headers['x-mec-expires'];
  assert.ok(Date.parse(String(long)) > Date.now() + 3_500_000);
  await cluster.node(2).end('SIGKILL');
  await eventually('n3 is missed', async () =>
    (await cluster.node(0).status()).peers.some(({ reach }) => reach === 'unreachable'),
  );
  const refused = await cluster.node(0).key('session:c', PUT);
  assert.equal(refused.status, 503, 'w = "all"');
  assert.equal((await cluster.node(0).key('session:c?w=quorum', PUT)).status, 200);
  assert.equal((await cluster.node(0).key('other', PUT)).status, 200);
});

test('last write wins shows the newest value on every node, and no older one later', async (t) => {
  const cluster = await TestCluster.start(t, { extra: POLICIES });
  for (let i = 0; i < 20; i++) {
    const key = `last/${i}`;
    const answers = await Promise.all(
      [0, 1, 2, 0, 1, 2].map((at, n) => cluster.node(at).key(key, { ...PUT, body: `${n}` })),
    );
    for (const { status, headers } of answers) {
      assert.equal(status, 200);
      assert.equal(headers['x-mec-siblings'], undefined);
    }
    const reads = await Promise.all(cluster.nodes.map((node) => node.key(key)));
    assert.deepEqual(
      reads.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.equal(new Set(reads.map(({ text }) => text)).size, 1, 'all nodes pick the same');
    // Without a token, and although the times of concurrent versions may be later.
    await cluster.node(i % 3).key(key, { ...PUT, body: 'last' });
    for (const at of [0, 1, 2]) assert.deepEqual(await cluster.values(key, at), ['last']);
  }
  await Promise.all(
    [0, 1, 2].map((at) => cluster.node(at).key('last/mortal', { ...PUT, body: 'immortal' })),
  );
  await cluster.node(0).key('last/mortal', { ...PUT, headers: ttl(1) });
  await pause(1_100);
  assert.deepEqual(await statuses(cluster, 'last/mortal'), [404, 404, 404]);
  await atRest(cluster);
  assert.deepEqual(await statuses(cluster, 'last/mortal', '?r=1'), [404, 404, 404]);
  // A key that was read has one version at the end.
  await Promise.all([0, 1, 2].map((at) => cluster.node(at).key('last/trimmed', PUT)));
  for (const node of cluster.nodes) await node.key('last/trimmed');
  // A key that was never read has one too: each write replaces the versions of its coordinator.
  for (const at of [0, 1, 2]) await cluster.node(at).key('last/replaced', PUT);
  await atRest(cluster);
  for (const node of cluster.nodes) await node.end('SIGTERM');
  for (const node of cluster.nodes) {
    assert.equal(await versionsOf(node, 'last/trimmed'), 1);
    assert.equal(await versionsOf(node, 'last/replaced'), 1);
  }
});
