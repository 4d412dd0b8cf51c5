/** Real processes go from no keys to keys, one after the other, and clients notice nothing. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { clientFile, nodeWorld } from '../../src/adapters/secured.ts';
import { MecClient } from '../../src/client/client.ts';
import { systemWorld } from '../../src/client/world.ts';
import { Ledger } from '../../src/core/security/ledger.ts';
import { granted, nodeKeyRecord } from '../../src/core/security/ledger-change.ts';
import { ALL_VERBS } from '../../src/core/security/verb.ts';
import { keysForCluster } from '../../src/embed/make-cluster.ts';
import { startNode } from '../../src/index.ts';
import { eventually, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { InventedPeer } from '../fixtures/invented-peer.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { sendSecured } from '../fixtures/secured.ts';
import { SteadyLoad } from '../fixtures/steady-load.ts';

const modeOf = (mode: string): string => `[security]\nmode = "${mode}"\n`;

/** A running cluster without keys, and its keys in a directory. */
async function prepared(t: TestContext): Promise<{ cluster: TestCluster; dir: string }> {
  const cluster = await TestCluster.start(t);
  const parent = await mkdtemp(join(tmpdir(), 'mec-migrating-'));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const dir = join(parent, 'keys');
  const url = cluster.nodes.map((node) => node.url).join();
  const { code, err } = await runMec(['security', 'init', '--running', '--url', url, '--dir', dir]);
  assert.equal(code, 0, err);
  for (const { name, root } of cluster.nodes)
    await cp(join(dir, name, 'security'), join(root, 'security'), { recursive: true });
  return { cluster, dir };
}

/** Starts a node again, in another mode. */
async function restart(cluster: TestCluster, node: TestNode, mode: string): Promise<void> {
  const others = cluster.nodes.filter((other) => other !== node);
  await node.configure([]);
  const named = others.map(
    ({ name, host, port }) => `[[node]]\nname = "${name}"\nhost = "${host}"\nport = ${port}\n`,
  );
  const text = await readFile(node.configFile, 'utf8');
  await writeFile(node.configFile, `${text}${modeOf(mode)}${named.join('')}`);
  await node.end('SIGTERM');
  node.start();
}

const https = ({ url }: TestNode): string => url.replace('http:', 'https:');

test('a cluster gets its keys under load, and no request fails', async (t) => {
  const { cluster, dir } = await prepared(t);
  const ca = await readFile(join(dir, 'ca.crt'), 'utf8');
  const { token, urls } = clientFile(join(dir, 'client.toml'));
  assert.deepEqual(urls, cluster.nodes.map(https));
  const ready = async (node: TestNode, isSecured: boolean): Promise<void> =>
    eventually(`${node.name} is ready`, async () => {
      assert.equal(node.ending, undefined, node.log);
      const url = `${isSecured ? https(node) : node.url}/ready`;
      const { status } = isSecured ? await sendSecured(url, ca) : await send(url);
      return status === 200;
    });
  const plain = new MecClient<number>(
    cluster.nodes.map(({ url }) => url),
    { world: systemWorld },
  );
  const secured = new MecClient<number>(urls, { token, world: nodeWorld({ ca }) });
  let client = plain;
  /** Otherwise a quorum of one kind would hide that the other one is cut off. */
  const connected = async (): Promise<void> => {
    for (const node of cluster.nodes)
      await eventually(`${node.name} reaches all`, async () => {
        const { text } = await sendSecured(`${https(node)}/status`, ca, { token });
        const { peers } = JSON.parse(text) as { peers: readonly { reach: string }[] };
        return peers.length === 2 && peers.every(({ reach }) => reach === 'reachable');
      });
  };
  const load = new SteadyLoad(t, () => client, 2);
  await load.goesOn();
  for (const node of cluster.nodes) {
    await restart(cluster, node, 'migrating');
    await ready(node, false);
    await ready(node, true);
    await cluster.connected();
    await load.goesOn();
  }
  client = secured;
  await load.goesOn();
  for (const node of cluster.nodes) {
    await restart(cluster, node, 'on');
    await ready(node, true);
    await connected();
    await load.goesOn();
  }
  await load.end();
  for (const node of cluster.nodes) {
    await assert.rejects(send(`${node.url}/ping`), 'the port takes nothing without TLS');
    const { text } = await sendSecured(`${https(node)}/status`, ca, { token });
    const { security, members } = JSON.parse(text) as {
      security: string;
      members: { state: string }[];
    };
    assert.equal(security, 'on');
    assert.ok(members.every(({ state }) => state === 'up'));
  }
});

test('while a cluster gets its keys, no program without a proof changes identities', async (t) => {
  const { cluster, dir } = await prepared(t);
  const ca = await readFile(join(dir, 'ca.crt'), 'utf8');
  const { token } = clientFile(join(dir, 'client.toml'));
  const [node] = cluster.nodes as [TestNode];
  await restart(cluster, node, 'migrating');
  await eventually('it is ready', async () => (await send(`${node.url}/ready`)).status === 200);
  const body = JSON.stringify({ identity: 'eve', prefix: '', verbs: ['admin'] });
  const grant = '/cluster/security/grants';
  const plain = await send(node.url + grant, { method: 'POST', body });
  assert.equal(plain.status, 403, plain.text);
  const unproved = await sendSecured(https(node) + grant, ca, { method: 'POST', body });
  assert.equal(unproved.status, 401);
  const early = await sendSecured(https(node) + grant, ca, { method: 'POST', body, token });
  assert.equal(early.status, 503, early.text);
  assert.equal((await send(`${node.url}/mec/k`, { method: 'PUT', body: 'v' })).status, 200);
  const read = await sendSecured(`${https(node)}/mec/k`, ca, { token });
  assert.equal(read.text, 'v');
  // The ports between nodes are open, too.
  const evil = await InventedPeer.start(t);
  const ledger = new Ledger();
  const eve = granted(ledger, { identity: 'eve', prefix: '', verbs: ALL_VERBS });
  const records = [eve, nodeKeyRecord('evil', 'e'.repeat(64))];
  const request = { kind: 'ledger', from: 'n2', hash: 'x', records } as const;
  assert.equal((await evil.ask(node.port + 1, request)).kind, 'failed');
  const shown = await sendSecured(`${https(node)}/cluster/security`, ca, { token });
  assert.equal(shown.status, 200);
  for (const name of ['eve', 'evil']) assert.ok(!shown.text.includes(name), shown.text);
});

test('a node that migrates cannot go back by a line, nor stay for ever', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'mec-marks-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const keys = join(dir, 'keys');
  await keysForCluster({ dir: keys }, [{ name: 'n1', host: '127.0.0.1' }], ['https://127.0.0.1:1']);
  const root = join(keys, 'n1');
  const mark = join(root, 'security', 'mode');
  const run = async (mode: 'open' | 'migrating' | 'on'): Promise<string> => {
    const node = await startNode({ name: 'n1', root, security: { mode } });
    await node.close();
    return (await readFile(mark, 'utf8')).trim();
  };
  assert.equal(await run('open'), 'ready');
  const migrating = await run('migrating');
  assert.match(migrating, /^migrating \d{4}-/);
  assert.equal(await run('migrating'), migrating, 'the begin stays');
  await assert.rejects(run('open'), /of a secured node; set mode = "migrating"/);
  const since = async (days: number): Promise<void> =>
    writeFile(mark, `migrating ${new Date(Date.now() - days * 86_400_000).toISOString()}\n`);
  await since(6.9);
  await run('migrating');
  await since(7.1);
  await assert.rejects(run('migrating'), /since \d{4}-.*7 days/);
  await writeFile(mark, 'migrating x\n');
  await assert.rejects(run('migrating'), /since x/);
  assert.equal(await run('on'), 'on');
  await assert.rejects(run('migrating'), /of a secured node; set mode = "on"/);
});
