/** Secured nodes know each other by keys, and let no other node in. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock, systemRandom } from '../../src/base/system.ts';
import { drawSecretKey } from '../../src/base/x25519.ts';
import { initCluster } from '../../src/cli/security-init.ts';
import type { EmbeddedNode } from '../../src/embed/start-node.ts';
import { startNode } from '../../src/index.ts';
import { packMessage } from '../../src/transport/codec.ts';
import { packFrame } from '../../src/transport/frame.ts';
import { zeromqNetwork } from '../../src/transport/zeromq-network.ts';
import { eventually, freePorts, pause } from '../fixtures/cluster.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import { sendSecured } from '../fixtures/secured.ts';

const HOST = '127.0.0.1';
const NAMES = ['n1', 'n2', 'n3'];
/** As `mec security init` places nodes. */
const PORT_STEP = 10;
/** Longer than a node of the cluster needs to be heard. */
const REFUSED_MS = 3_000;

/** Three secured nodes. */
class Secured {
  readonly #directory: string;
  readonly #port: number;
  readonly admin: string;
  readonly ca: string;

  private constructor(parts: { directory: string; port: number; admin: string; ca: string }) {
    this.#directory = parts.directory;
    this.#port = parts.port;
    this.admin = parts.admin;
    this.ca = parts.ca;
  }

  static async init(t: TestContext): Promise<Secured> {
    const parent = await mkdtemp(join(tmpdir(), 'mec-keys-'));
    t.after(() => rm(parent, { recursive: true, force: true }));
    const directory = join(parent, 'cluster');
    const port = await freePorts(4 * PORT_STEP);
    const httpport = port + 3 * PORT_STEP;
    const made = await initCluster({ nodes: 3, dir: directory, host: HOST, port, httpport });
    const ca = await readFile(join(directory, 'ca.crt'), 'utf8');
    return new Secured({ directory, port, admin: made.token.reveal(), ca });
  }

  keyFile(name: string): string {
    return join(this.#directory, name, 'security', 'curve.key');
  }

  async start(t: TestContext, name: string, log = memoryLog()): Promise<EmbeddedNode> {
    const at = NAMES.indexOf(name);
    const node = await startNode({
      name,
      log,
      root: join(this.#directory, name),
      port: this.portOf(name),
      httpport: this.#port + 3 * PORT_STEP + at,
      node: NAMES.map((other) => ({ name: other, host: HOST, port: this.portOf(other) })),
      security: { mode: 'on' },
    });
    t.after(() => node.close());
    return node;
  }

  portOf(name: string): number {
    return this.#port + PORT_STEP * NAMES.indexOf(name);
  }

  async key(node: EmbeddedNode, key: string, body?: string): Promise<string> {
    const method = body === undefined ? 'GET' : 'PUT';
    const sent = { method, token: this.admin, ...(body !== undefined && { body }) };
    const answer = await sendSecured(`${node.url}/mec/${key}`, this.ca, sent);
    return answer.status === 200 ? answer.text : `${answer.status}`;
  }
}

const isUp = (node: EmbeddedNode): boolean => {
  const { members } = node.status();
  return members.length === NAMES.length && members.every(({ state }) => state === 'up');
};

const reachOf = (node: EmbeddedNode, name: string): string | undefined =>
  node.status().peers.find((peer) => peer.node === name)?.reach;

test('secured nodes serve each other, and no program without an accepted key', async (t) => {
  const secured = await Secured.init(t);
  const log = memoryLog();
  const n1 = await secured.start(t, 'n1', log);
  const n2 = await secured.start(t, 'n2');
  const n3 = await secured.start(t, 'n3');
  await eventually('they are a cluster', async () => [n1, n2, n3].every(isUp));
  const value = 'x'.repeat(900_000);
  await eventually(
    'n1 serves',
    async () => (await secured.key(n1, 'k?replace=true', value)) === '',
  );
  for (const node of [n1, n2, n3]) assert.ok((await secured.key(node, 'k')) === value, node.name);

  const network = zeromqNetwork({ log, clock: systemClock, random: systemRandom });
  t.after(() => network.close());
  const answers: Uint8Array[] = [];
  const address = { host: HOST, port: secured.portOf('n1') + 1 };
  const message = packMessage({ kind: 'inspect', topic: 'report' });
  void network
    .connect(address, (frame) => answers.push(frame))
    .send(packFrame([{ id: 1, message }]));
  await pause(REFUSED_MS);
  assert.deepEqual(answers, []);
  assert.ok(n1.status().members.every(({ name }) => NAMES.includes(name)));
});

test('a node with another key than its own is not let in', async (t) => {
  const secured = await Secured.init(t);
  await writeFile(secured.keyFile('n3'), `${drawSecretKey().reveal()}\n`);
  const log = memoryLog();
  const n1 = await secured.start(t, 'n1', log);
  const n2 = await secured.start(t, 'n2');
  const n3 = await secured.start(t, 'n3');
  await eventually('n1 and n2 are a cluster', async () => reachOf(n1, 'n2') === 'reachable');
  await eventually('the refusal is in the log', async () =>
    log.lines.some((line) => line.includes('its key is not accepted')),
  );
  assert.equal(n1.status().members.length, 2);
  assert.equal(n2.status().members.length, 2);
  assert.equal(n3.status().members.length, 1);
});

test('a node whose key is revoked is cut off, and the others go on', async (t) => {
  const secured = await Secured.init(t);
  const [n1, n2, n3] = (await Promise.all(NAMES.map((name) => secured.start(t, name)))) as [
    EmbeddedNode,
    EmbeddedNode,
    EmbeddedNode,
  ];
  await eventually('they are a cluster', async () => [n1, n2, n3].every(isUp));
  // A replica that has not asked all others yet could never do so.
  for (const node of [n1, n2, n3])
    await eventually('it is ready', async () => {
      const { status } = await sendSecured(`${node.url}/ready`, secured.ca);
      return status === 200;
    });
  const revoked = await sendSecured(`${n1.url}/cluster/security/revoke`, secured.ca, {
    method: 'POST',
    token: secured.admin,
    body: JSON.stringify({ id: 'node/n3' }),
  });
  assert.equal(revoked.status, 200, revoked.text);
  for (const node of [n1, n2])
    await eventually('n3 is cut off', async () => reachOf(node, 'n3') === 'unreachable');
  for (const other of ['n1', 'n2'])
    await eventually('n3 reaches no node', async () => reachOf(n3, other) === 'unreachable');
  await eventually(
    'n1 and n2 go on',
    async () => (await secured.key(n2, 'k?replace=true', 'v')) === '',
  );
  assert.equal(await secured.key(n1, 'k'), 'v');
  assert.equal(await secured.key(n3, 'k'), '503');
});
