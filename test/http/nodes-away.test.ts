/** Requests while nodes are down or hang. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually, TestCluster } from '../fixtures/cluster.ts';
import { type Response, send } from '../fixtures/http.ts';

const problemOf = ({ text }: Response): Record<string, unknown> =>
  JSON.parse(text) as Record<string, unknown>;

test('pr and pw do not count fallbacks', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 4 });
  const names = Array.from({ length: 24 }, (_, i) => `owned-${i}`);
  for (const key of names) {
    const written = await cluster.node(0).key(key, { method: 'PUT', body: 'x' });
    assert.equal(written.status, 200);
  }
  await cluster.node(3).end('SIGKILL');
  for (const index of [0, 1, 2]) {
    await eventually('n4 is missed', async () =>
      (await cluster.node(index).status()).peers.some(({ reach }) => reach === 'unreachable'),
    );
  }
  const counts = { pr: 0, pw: 0 };
  for (const key of names) {
    assert.equal((await cluster.node(0).key(`${key}?r=3`)).status, 200, 'with a fallback');
    assert.equal((await cluster.node(0).key(`${key}?r=1&pr=2`)).status, 200);
    assert.equal(
      (await cluster.node(1).key(`${key}?w=1&pw=2`, { method: 'PUT', body: 'y' })).status,
      200,
    );
    for (const [name, method] of [
      ['pr', 'GET'],
      ['pw', 'PUT'],
    ] as const) {
      const strict = await cluster
        .node(0)
        .key(`${key}?${name}=all`, { method, body: method === 'PUT' ? 'z' : undefined });
      assert.ok(
        strict.status === 200 || strict.status === 300 || strict.status === 503,
        strict.text,
      );
      if (strict.status !== 503) continue;
      counts[name] += 1;
      const { code, have, need } = problemOf(strict);
      assert.deepEqual([code, need], ['quorum-not-met', 3]);
      assert.ok(Number(have) < 3);
    }
  }
  assert.ok(counts.pr > 5 && counts.pr < 24 && counts.pr === counts.pw, JSON.stringify(counts));
});

test('/ready is 503 until the node has caught up', async (t) => {
  const cluster = await TestCluster.start(t);
  const ready = (): Promise<Response> => send(`${cluster.node(2).url}/ready`);
  await eventually('ready', async () => (await ready()).status === 200);
  await cluster.node(0).key('k', { method: 'PUT', body: 'x' });
  await cluster.node(2).end('SIGKILL');
  await rm(cluster.node(2).root, { recursive: true });
  cluster.node(0).signal('SIGSTOP');
  cluster.node(1).signal('SIGSTOP');
  cluster.node(2).start();
  await eventually(
    'it lives',
    async () => (await send(`${cluster.node(2).url}/ping`)).status === 200,
  );
  const refused = await ready();
  assert.deepEqual([refused.status, problemOf(refused)['code']], [503, 'not-ready'], refused.text);
  cluster.node(0).signal('SIGCONT');
  cluster.node(1).signal('SIGCONT');
  await eventually('ready again', async () => (await ready()).status === 200);
  assert.equal((await cluster.node(2).key('k?r=1')).text, 'x');
});
