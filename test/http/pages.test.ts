/** The route `/` and the page, as a node serves them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type EmbeddedCluster, startCluster } from '../../src/embed/start-cluster.ts';
import { startNode } from '../../src/index.ts';
import type * as facts from '../../src/ui/page/facts.ts';
import type { KeyExplanation } from '../../src/cluster/insight/key-explanation.ts';
import type { PulseOfAll, SlowOfAll } from '../../src/cluster/insight/sight.ts';
import type { TopOfAll } from '../../src/cluster/insight/top.ts';
import type { Health } from '../../src/cluster/insight/verdict.ts';
import { eventually } from '../fixtures/cluster.ts';
import { type Response, send } from '../fixtures/http.ts';

const BROWSER = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

let cluster: EmbeddedCluster;
const at = (path: string, node = 0): string => `${cluster.urls[node]}${path}`;

/** Compiles only if the nodes answer what the page reads. */
const READ = {
  status: (answer: PulseOfAll): facts.Pulses => answer,
  health: (answer: Health): facts.ClusterVerdict => answer,
  explain: (answer: KeyExplanation): facts.Explanation => answer,
  top: (answer: TopOfAll): facts.Top => answer,
  slow: (answer: SlowOfAll): facts.Slow => answer,
};

const codeOf = ({ text }: Response): string => (JSON.parse(text) as { code: string }).code;

describe('the page of a node', () => {
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test('a browser gets the page at /, and a program gets JSON', async () => {
    const page = await send(at('/'), { headers: BROWSER });
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.match(page.text, /<script type="module" src="\/ui\/[0-9a-f]{12}\/main\.js">/);
    for (const Accept of ['*/*', 'application/json']) {
      const about = await send(at('/'), { headers: { Accept } });
      const { name, links } = JSON.parse(about.text) as { name: string; links: object };
      assert.deepEqual([name, 'dashboard' in links], ['n1', true]);
      assert.equal(about.headers['vary'], 'Accept');
    }
    assert.equal((await send(at('/ui'))).text, page.text);
    assert.equal((await send(at('/'), { method: 'HEAD', headers: BROWSER })).status, 200);
    const refused = await send(at('/ui'), { method: 'POST' });
    assert.equal(refused.status, 405);
    assert.equal(codeOf(await send(at('/ui/nothing.js'))), 'no-such-route');
  });

  test('the document forbids its browser all but its own files', async () => {
    const { headers } = await send(at('/ui'));
    const policy = String(headers['content-security-policy']);
    for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"])
      assert.ok(policy.includes(rule), rule);
    assert.doesNotMatch(policy, /unsafe|https?:|data:|\*/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    const value = await send(at('/mec/page'), {
      method: 'PUT',
      body: '<script>',
      headers: { 'Content-Type': 'text/html' },
    });
    assert.equal(value.status, 200);
    const stored = String((await send(at('/mec/page'))).headers['content-security-policy']);
    assert.match(stored, /sandbox/);
  });

  test('a file is sent compressed if the request accepts that', async () => {
    const path = /\/ui\/[0-9a-f]+\/main\.js/.exec((await send(at('/ui'))).text)?.[0] ?? '';
    const plain = await send(at(path));
    const packed = await send(at(path), { headers: { 'Accept-Encoding': 'br, gzip' } });
    assert.equal(plain.headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.equal(gunzipSync(packed.body).toString(), plain.text);
    const refused = await send(at(path), { headers: { 'Accept-Encoding': 'gzip;q=0' } });
    assert.equal(refused.headers['content-encoding'], undefined);
  });

  test('/cluster/status has the pulse of every node, and names the silent ones', async () => {
    for (let i = 0; i < 5; i++)
      await send(at(`/mec/k${i}?w=all`, i % 3), { method: 'PUT', body: 'v' });
    const read = async (): Promise<facts.Pulses> =>
      READ.status(JSON.parse((await send(at('/cluster/status'))).text) as PulseOfAll);
    const puts = ({ nodes }: facts.Pulses): number =>
      nodes
        .flatMap(({ operations }) => operations['put']?.counts ?? [])
        .reduce((sum, n) => sum + n, 0);
    await eventually('all writes are counted', async () => puts(await read()) >= 5);
    const { members, nodes, silent, bucketsMs } = await read();
    assert.deepEqual(members.map(({ name }) => name).sort(), ['n1', 'n2', 'n3']);
    assert.deepEqual(silent, []);
    for (const { isReady, partitions, peers, operations } of nodes) {
      assert.deepEqual([isReady, partitions], [true, 'o'.repeat(256)]);
      assert.deepEqual(
        peers.map(({ reach }) => reach),
        ['reachable', 'reachable'],
      );
      assert.equal(operations['get']?.counts.length, bucketsMs.length + 1);
    }
    cluster.partition([0], [1, 2]);
    await eventually('the others are silent', async () => (await read()).silent.length === 2);
    assert.deepEqual(
      (await read()).nodes.map(({ name }) => name),
      ['n1'],
    );
    cluster.heal();
    await cluster.whole();
  });

  test('the other answers are what the page reads', async () => {
    const ask = async <T>(path: string): Promise<T> => JSON.parse((await send(at(path))).text) as T;
    assert.equal(READ.health(await ask('/health')).status, 'ok');
    assert.equal(READ.explain(await ask('/cluster/explain/none')).versions.length, 0);
    assert.equal(READ.top(await ask('/cluster/top?by=bytes')).by, 'bytes');
    assert.ok(Array.isArray(READ.slow(await ask('/cluster/slow')).operations));
  });
});

test('with http.ui = false a node has no page', async (t) => {
  const node = await startNode({ http: { ui: false } });
  t.after(() => node.close());
  const home = await send(node.url, { headers: BROWSER });
  const { links } = JSON.parse(home.text) as { links: object };
  assert.equal('dashboard' in links, false);
  const missing = await send(`${node.url}/ui`);
  assert.deepEqual([missing.status, codeOf(missing)], [404, 'no-such-route']);
  assert.match(missing.text, /http\.ui is false/);
});
