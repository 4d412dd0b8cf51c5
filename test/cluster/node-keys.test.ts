/** Secured nodes know each other by keys, and let no other node in. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { systemClock, systemRandom } from '../../src/base/system.ts';
import { drawSecretKey } from '../../src/base/x25519.ts';
import { packMessage } from '../../src/transport/codec.ts';
import { packFrame } from '../../src/transport/frame.ts';
import { zeromqNetwork } from '../../src/transport/zeromq-network.ts';
import { eventually, pause } from '../fixtures/cluster.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import { HOST, isUp, NAMES, reachOf, SecuredCluster } from '../fixtures/secured-cluster.ts';

/** Longer than a node of the cluster needs to be heard. */
const REFUSED_MS = 3_000;

test('secured nodes serve each other, and no program without an accepted key', async (t) => {
  const secured = await SecuredCluster.init(t);
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
  const secured = await SecuredCluster.init(t);
  await writeFile(secured.file('n3', 'curve.key'), `${drawSecretKey().reveal()}\n`);
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
  const secured = await SecuredCluster.init(t);
  const [n1, n2, n3] = await secured.startAll(t);
  const revoked = await secured.change(n1, 'revoke', { id: 'node/n3' });
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
