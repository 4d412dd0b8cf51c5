/** Embedded clusters with security: real sockets, keys, TLS and rights. */
import assert from 'node:assert/strict';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { clientFile } from '../../src/adapters/secured.ts';
import { MecClient } from '../../src/client/client.ts';
import { type EmbeddedCluster, startCluster, startNode } from '../../src/index.ts';

const ON = { security: { mode: 'on' } } as const;

function clientOf(cluster: EmbeddedCluster): MecClient<string> {
  const { urls, ...options } = clientFile(cluster.clientFile ?? assert.fail('no client file'));
  assert.deepEqual(urls, cluster.urls);
  return new MecClient<string>(urls, options);
}

test('a secured cluster in memory serves its administrator, and leaves nothing', async () => {
  const cluster = await startCluster(ON);
  const file = cluster.clientFile ?? assert.fail('no client file');
  assert.ok(cluster.urls.every((url) => url.startsWith('https:')));
  const client = clientOf(cluster);
  await client.put('k', 'v', { w: 'all' });
  const read = await client.get('k', { r: 'all' });
  assert.ok(read.kind === 'value' && read.value === 'v');
  const { world } = clientFile(file);
  await assert.rejects(new MecClient(cluster.urls, { world }).get('k'), {
    code: 'unauthenticated',
  });
  cluster.partition([0], [1, 2]);
  await client.put('k', 'w', { token: read.token });
  cluster.heal();
  await cluster.whole();
  await cluster.close();
  await assert.rejects(access(dirname(file)), { code: 'ENOENT' });
});

test('a secured cluster on disk keeps its keys, data and token', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'mec-embedded-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const first = await startCluster({ ...ON, root });
  const { token } = clientFile(first.clientFile ?? '');
  await clientOf(first).put('k', 'v', { w: 'all' });
  await first.close();
  const second = await startCluster({ ...ON, root });
  assert.equal(clientFile(second.clientFile ?? '').token, token);
  const read = await clientOf(second).get('k');
  await second.close();
  assert.ok(read.kind === 'value' && read.value === 'v');
  await assert.rejects(startCluster({ root }), /secured node/);
});

test('an embedded node without the keys of a cluster is not let in', async (t) => {
  const cluster = await startCluster(ON);
  t.after(() => cluster.close());
  const [{ config } = assert.fail()] = cluster.nodes;
  const { host, port } = config;
  const stranger = await startNode({ node: [{ host, port }] });
  t.after(() => stranger.close());
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  assert.equal(stranger.status().members.length, 1);
  assert.equal(cluster.nodes[0]?.status().members.length, 3);
});
