/** Nodes that know each other by keys are a cluster, and let no other node in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecClient } from '../../src/client/client.ts';
import { readConfig } from '../../src/config/read.ts';
import { type EmbeddedNode, runParts } from '../../src/embed/start-node.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import type { NodeKeys } from '../../src/transport/node-keys.ts';
import { eventually, freePorts, pause } from '../fixtures/cluster.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import { drawKeyPair } from '../fixtures/key-pair.ts';

const HOST = '127.0.0.1';
/** Longer than a node of the cluster needs to join it. */
const REFUSED_MS = 3_000;
const NAMES = ['n1', 'n2', 'n3'];

interface Started {
  readonly node: EmbeddedNode;
  readonly log: ReturnType<typeof memoryLog>;
}

test('three nodes with keys serve each other, and no node without an accepted key', async (t) => {
  const first = await freePorts(3 * (NAMES.length + 2));
  const portOf = (at: number): number => first + 3 * at;
  const pairs = NAMES.map(() => drawKeyPair());
  const accepted = new Set(pairs.map(({ publicKey }) => publicKey));
  const keyAt: NodeKeys['keyAt'] = ({ port }) =>
    pairs[Math.floor((port - first) / 3)]?.publicKey ?? drawKeyPair().publicKey;
  const start = async (
    name: string,
    at: number,
    { own }: { own: NodeKeys['own'] | undefined },
  ): Promise<Started> => {
    const config = readConfig('a test', {
      name,
      port: portOf(at),
      httpport: portOf(at) + 2,
      node: NAMES.map((_, i) => ({ host: HOST, port: portOf(i) })),
    });
    const log = memoryLog();
    const isAccepted = (key: string): boolean => accepted.has(key);
    const keys = own && { own, isAccepted, keyAt };
    const parts = { config: { ...config, name }, log, openEngine: new MemoryDisk().open, keys };
    const node = await runParts(parts);
    t.after(() => node.close());
    return { node, log };
  };
  const nodes = await Promise.all(NAMES.map((name, at) => start(name, at, { own: pairs[at] })));
  const [n1] = nodes as [Started, Started, Started];
  const memberCount = (): number => n1.node.status().members.length;
  await eventually('they are a cluster', async () => memberCount() === 3 && isUp(n1.node));
  const strangers = [
    await start('open', 3, { own: undefined }),
    await start('unknown', 4, { own: drawKeyPair() }),
  ];
  await pause(REFUSED_MS);
  assert.equal(memberCount(), 3);
  for (const { node } of strangers) assert.equal(node.status().members.length, 1, node.name);
  assert.ok(n1.log.lines.some((line) => line.includes('node refused')));

  const client = new MecClient(nodes.map(({ node }) => node.url));
  const value = 'x'.repeat(900_000);
  await client.set('k', value);
  for (const { node } of nodes) {
    const read = await new MecClient(node.url).get('k');
    assert.ok(read.kind === 'value' && read.value === value, node.name);
  }
});

const isUp = (node: EmbeddedNode): boolean =>
  node.status().members.every(({ state }) => state === 'up');
