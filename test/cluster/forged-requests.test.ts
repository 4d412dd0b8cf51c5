/** Requests that no node would send, on real processes. They harm no other client of the node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MIB } from '../../src/base/bytes.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { MemberList } from '../../src/core/placement/member-list.ts';
import { partitionOf } from '../../src/core/placement/partition.ts';
import { Ownership } from '../../src/cluster/membership/ownership.ts';
import { packContent } from '../../src/core/value/content.ts';
import type { Request } from '../../src/transport/message.ts';
import { plantCanaries } from '../fixtures/canaries.ts';
import { eventually, pause, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { InventedPeer } from '../fixtures/invented-peer.ts';
import { Pings } from '../fuzz/pings.ts';
import { recordOf } from '../fixtures/member-record.ts';

interface Scene {
  readonly cluster: TestCluster;
  readonly peer: InventedPeer;
  readonly readCanaries: () => Promise<void>;
}

async function begin(t: TestContext, nodes = 3): Promise<Scene> {
  const cluster = await TestCluster.start(t, { nodes });
  const readCanaries = await plantCanaries(cluster);
  const peer = await InventedPeer.start(t);
  await peer.learnCluster(cluster.node(0));
  return { cluster, peer, readCanaries };
}

const rssOf = async (node: TestNode): Promise<number> => (await node.status()).memory.rssBytes;

const text = new TextEncoder();

const forward = (id: string, more: Partial<Request & { kind: 'forward' }> = {}): Request => ({
  kind: 'forward',
  id,
  process: 'unknown',
  notAfterMs: 1e15,
  key: 'k',
  token: undefined,
  body: packContent({ value: text.encode('v'), contentType: 'text/plain', timestampMicros: 1 }),
  r: 1,
  w: 1,
  timeoutMs: 1_000,
  pr: undefined,
  pw: undefined,
  condition: undefined,
  caller: undefined,
  ...more,
});

/** A store of one version, under a dot that no node has made. */
const storeOf = (key: string, counter: number, body: Uint8Array): Request => {
  const dot = { actor: 'evil~evilprocess', counter };
  const object = { context: CausalContext.ofDots([dot]), versions: [{ ...dot, body }] };
  const rest = { grant: undefined, memory: undefined, ownersHash: undefined, caller: undefined };
  return { kind: 'store', key, object, dots: [dot], ...rest };
};

test('forwards that ask to be remembered for ever do not fill the memory of forwards', async (t) => {
  const { cluster, peer, readCanaries } = await begin(t, 4);
  for (const { port } of cluster.nodes) {
    const reply = await peer.ask(port + 1, { kind: 'ping' });
    assert.equal(reply.kind, 'pong');
    const process = reply.kind === 'pong' ? reply.process : '';
    const requests = Array.from({ length: 66_000 }, (_, i) =>
      forward(`evil/${i}`, { process, r: 'bogus' }),
    );
    await peer.flood(port + 1, requests);
    await peer.settled(port + 1);
  }
  // Each node has to forward the writes of some keys, because three of the four own a key.
  const options = { method: 'PUT', body: 'v', headers: { 'If-None-Match': '*' } };
  for (let i = 0; i < 30; i++) {
    const { status, text: answer } = await cluster.node(i % 4).key(`lock-${i}`, options);
    assert.equal(status, 200, answer);
  }
  await readCanaries();
});

test('long texts in messages are kept neither in memory nor in the log', async (t) => {
  const { cluster, peer, readCanaries } = await begin(t);
  const node = cluster.node(0);
  const before = await rssOf(node);
  const long = (i: number): string => `${i}`.padEnd(MIB, 'x');
  for (let i = 0; i < 120; i++) {
    const gossip = { hash: 1, isInformed: true, records: [], suspects: [] };
    const from = { ...peer.identity, n: 5, host: long(i) };
    await peer.flood(node.port, [{ kind: 'probe', from, wantsAll: false, ...gossip }]);
    await peer.flood(node.port + 1, [forward(long(i))]);
  }
  for (const port of [node.port, node.port + 1]) await peer.settled(port);
  assert.ok(node.log.length < MIB, `${node.log.length} characters`);
  const grown = (await rssOf(node)) - before;
  assert.ok(grown < 150 * MIB, `${grown} bytes`);
  await readCanaries();
});

test('a thousand wrong nodes do not keep a later one out of the log', async (t) => {
  const { cluster, peer } = await begin(t);
  const node = cluster.node(0);
  for (let i = 0; i < 1_100; i++) {
    const from = { ...peer.identity, name: `wrong-${i}`, n: 5 };
    await peer.probe(node, { from });
  }
  // The log writes a line of one event at most once a second.
  await eventually('a new mistake is logged', async () => {
    await peer.probe(node, { from: { ...peer.identity, name: `last-${Date.now()}`, n: 7 } });
    return /a node does not belong here.*node=last-/.test(node.log);
  });
});

test('a key or a content that HTTP refuses is not stored for a peer', async (t) => {
  const { cluster, peer, readCanaries } = await begin(t);
  const good = packContent({ value: text.encode('good'), contentType: 'a/b', timestampMicros: 1 });
  const split = 'text/plain\r\nSet-Cookie: a=b';
  const bad = [
    storeOf('', 1, good),
    storeOf('x'.repeat(5_000), 2, good),
    storeOf('torn', 3, Uint8Array.of(1, 2, 3)),
    storeOf('split', 4, packContent({ value: good, contentType: split, timestampMicros: 1 })),
  ];
  for (const { port } of cluster.nodes) await peer.flood(port + 1, bad);
  for (const { port } of cluster.nodes) await peer.settled(port + 1);
  const node = cluster.node(1);
  const { text: list } = await send(`${node.url}/mec?limit=1000`);
  const { keys } = JSON.parse(list) as { keys: string[] };
  assert.deepEqual(
    keys.filter((key) => !key.startsWith('canary-')),
    [],
  );
  for (const key of ['torn', 'split']) {
    assert.equal((await node.key(key)).status, 404);
    assert.equal((await node.key(key, { method: 'PUT', body: 'v' })).status, 200);
    assert.deepEqual(await cluster.values(key), ['v']);
  }
  await readCanaries();
});

test('replies to callers that read nothing take bounded memory, and delay no one', async (t) => {
  const { cluster, peer } = await begin(t);
  const node = cluster.node(0);
  const body = Buffer.alloc(MIB, 'x');
  assert.equal((await node.key('large', { method: 'PUT', body })).status, 200);
  const before = await rssOf(node);
  const read = { have: [], floors: [], ownersHash: undefined, caller: undefined };
  const requests = Array.from({ length: 3_000 }, (): Request => ({
    kind: 'read',
    key: 'large',
    ...read,
  }));
  const pings = new Pings([node]);
  await peer.floodWithoutReading(node.port + 1, requests, 6);
  let grown = 0;
  for (let i = 0; i < 100; i++) {
    grown = Math.max(grown, (await rssOf(node)) - before);
    await pause(20);
  }
  const { longestWorkMs } = await pings.stop();
  assert.ok(longestWorkMs < 1_500, `a ping waited for ${longestWorkMs} ms of work`);
  assert.ok(grown < 700 * MIB, `${grown / MIB} MiB`);
  assert.ok((await node.status()).incoming.data.dropped > 0);
});

/** Returns a request for the grant of a key, as a coordinator of these members sends it. */
function grantsIn(names: readonly string[]): (key: string) => Request {
  const ownership = new Ownership('n1', 3);
  const list = new MemberList();
  for (const name of names) list.merge(recordOf(name));
  ownership.place(list);
  const rest = { have: [], idempotencyKey: undefined, floors: [], caller: undefined };
  return (key) => {
    const view = ownership.view(partitionOf(key)).name;
    return { kind: 'grant', ballot: 'evil', key, view, ...rest };
  };
}

test('a peer that asks for grants again and again does not keep them', async (t) => {
  const { cluster, peer, readCanaries } = await begin(t);
  const node = cluster.node(0);
  // Without the rule, a write may still be lucky. Not all of these are.
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  const grants = keys.map(grantsIn(cluster.nodes.map(({ name }) => name)));
  for (const grant of grants) assert.equal((await peer.ask(node.port + 1, grant)).kind, 'granted');
  const state = { isOn: true };
  const squatting = (async () => {
    while (state.isOn) {
      for (const { port } of cluster.nodes) await peer.flood(port + 1, grants);
      await pause(20);
    }
  })();
  await pause(1_000);
  const options = { method: 'PUT', body: 'v', headers: { 'If-None-Match': '*' } };
  const answers = await Promise.all(keys.map((key) => node.key(key, options)));
  state.isOn = false;
  await squatting;
  for (const { status, text: answer } of answers) assert.equal(status, 200, answer);
  await readCanaries();
});
