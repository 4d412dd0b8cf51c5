/** Networks with keys, on real sockets: only nodes with accepted keys are served. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Address, Link } from '../../src/base/env.ts';
import { KIB, MIB } from '../../src/base/bytes.ts';
import { systemClock, systemRandom } from '../../src/base/system.ts';
import { MAX_PART_BYTES } from '../../src/transport/limits.ts';
import { drawSecretKey, type KeyPair, keyPairOf } from '../../src/base/x25519.ts';
import { NO_KEY, type NodeKeys } from '../../src/transport/node-keys.ts';
import { zeromqNetwork } from '../../src/transport/zeromq-network.ts';
import { eventually, freePorts, pause } from '../fixtures/cluster.ts';
import { memoryLog } from '../fixtures/fake-env.ts';

const HOST = '127.0.0.1';
const drawKeyPair = (): KeyPair => keyPairOf(drawSecretKey()) ?? assert.fail();
/** Longer than a good node needs for a connection, by far. */
const REFUSED_MS = 1_500;

/** A node that sends each frame back. */
interface Echo {
  readonly address: Address;
  readonly own: KeyPair;
  /** The keys that it accepts. */
  readonly accepted: Set<string>;
  readonly network: ReturnType<typeof zeromqNetwork>;
  readonly keys: { own: KeyPair };
}

function networkOf(t: TestContext, keys: NodeKeys | undefined): ReturnType<typeof zeromqNetwork> {
  const parts = { log: memoryLog(), clock: systemClock, random: systemRandom };
  const network = zeromqNetwork({ ...parts, keys });
  t.after(() => network.close());
  return network;
}

async function echo(t: TestContext, own = drawKeyPair(), areOptional = false): Promise<Echo> {
  const accepted = new Set<string>();
  const keys = {
    own,
    isAccepted: (key: string) => accepted.has(key),
    keysAt: () => [],
    areOptional,
  };
  const network = networkOf(t, keys);
  const address = { host: HOST, port: await freePorts(1) };
  const endpoint = await network.bind(address, (from, frame) => {
    void endpoint.send(from, frame);
  });
  return { address, own, accepted, network, keys };
}

/** A node that asks: the frames that came back to it. */
interface Asker {
  readonly own: KeyPair;
  readonly network: ReturnType<typeof zeromqNetwork>;
  readonly keys: { own: KeyPair };
  readonly link: Link;
  readonly answers: Uint8Array[];
}

interface AskerOptions {
  readonly own?: KeyPair;
  /** The keys of which the other node must have one. */
  readonly expects?: () => readonly string[];
  readonly isOpen?: boolean;
}

function asker(t: TestContext, to: Echo, options: AskerOptions = {}): Asker {
  const { own = drawKeyPair(), expects = () => [to.own.publicKey], isOpen = false } = options;
  const keys = { own, isAccepted: () => false, keysAt: expects };
  const network = networkOf(t, isOpen ? undefined : keys);
  const answers: Uint8Array[] = [];
  const link = network.connect(to.address, (frame) => answers.push(frame));
  return { own, link, answers, network, keys };
}

const frame = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => (i * 31) & 255);

/** Whether a node is served within some time. A frame on a connection that is cut is lost. */
async function isServed({ link, answers }: Asker, ms = REFUSED_MS): Promise<boolean> {
  const before = answers.length;
  const endMs = performance.now() + ms;
  while (answers.length === before && performance.now() < endMs) {
    void link.send(frame(10));
    await pause(50);
  }
  return answers.length > before;
}

test('a node with an accepted key is served, with small frames and large ones', async (t) => {
  const to = await echo(t);
  const node = asker(t, to);
  to.accepted.add(node.own.publicKey);
  for (const bytes of [0, 100, MAX_PART_BYTES, MAX_PART_BYTES + 1, 3 * MIB]) {
    node.answers.length = 0;
    await node.link.send(frame(bytes));
    await eventually(`${bytes} bytes are back`, async () => node.answers.length === 1);
    assert.deepEqual(node.answers[0], Buffer.from(frame(bytes)), `${bytes} bytes`);
  }
});

test('a node without an accepted key is not served', async (t) => {
  const to = await echo(t);
  const good = asker(t, to);
  to.accepted.add(good.own.publicKey);
  assert.ok(await isServed(good, 20_000));
  const wrong = drawKeyPair();
  const strangers = {
    'an unknown key': asker(t, to),
    'no key at all': asker(t, to, { isOpen: true }),
    'the public key of a good node with another secret': asker(t, to, {
      own: { ...wrong, publicKey: good.own.publicKey },
    }),
  };
  const served = Object.entries(strangers).map(async ([name, one]) => [name, await isServed(one)]);
  assert.deepEqual(
    await Promise.all(served),
    Object.keys(strangers).map((name) => [name, false]),
  );
});

test('a node with another key than the pinned one gets nothing', async (t) => {
  const to = await echo(t);
  const own = drawKeyPair();
  to.accepted.add(own.publicKey);
  const other = drawKeyPair().publicKey;
  assert.equal(await isServed(asker(t, to, { own, expects: () => [other] })), false);
});

test('a node is served once its key is accepted, and once it knows that of the other', async (t) => {
  const to = await echo(t);
  const early = asker(t, to);
  let pinned: readonly string[] = [];
  const blind = asker(t, to, { expects: () => pinned });
  to.accepted.add(blind.own.publicKey);
  assert.deepEqual(await Promise.all([isServed(early), isServed(blind)]), [false, false]);
  to.accepted.add(early.own.publicKey);
  pinned = [to.own.publicKey];
  assert.deepEqual(await Promise.all([isServed(early, 20_000), isServed(blind, 20_000)]), [
    true,
    true,
  ]);
});

test('a revoked key loses its live connection, and the other nodes go on', async (t) => {
  const to = await echo(t);
  const [good, bad] = [asker(t, to), asker(t, to)];
  for (const { own } of [good, bad]) to.accepted.add(own.publicKey);
  assert.deepEqual(await Promise.all([isServed(good, 20_000), isServed(bad, 20_000)]), [
    true,
    true,
  ]);
  to.accepted.delete(bad.own.publicKey);
  assert.ok(await isServed(bad), 'ZeroMQ asks only once');
  to.network.onKeysChanged(true);
  await eventually('it is cut off', async () => !(await isServed(bad, 200)));
  assert.ok(await isServed(good, 20_000));
  assert.equal(await isServed(bad), false);
});

test('of two keys the other node may have either, also after it has changed', async (t) => {
  const old = drawKeyPair();
  const next = drawKeyPair();
  const to = await echo(t, old);
  const node = asker(t, to, { expects: () => [next.publicKey, old.publicKey] });
  to.accepted.add(node.own.publicKey);
  assert.ok(await isServed(node, 20_000), 'with the second of its keys');
  to.keys.own = next;
  to.network.onOwnKeyChanged();
  await eventually('the old connection is cut', async () => !(await isServed(node, 200)));
  assert.ok(await isServed(node, 20_000), 'with the first of its keys');
});

test('a port for both serves nodes with an accepted key, and nodes without any', async (t) => {
  const to = await echo(t, drawKeyPair(), true);
  const [node, open, stranger] = [asker(t, to), asker(t, to, { isOpen: true }), asker(t, to)];
  to.accepted.add(node.own.publicKey);
  for (const one of [node, open]) {
    assert.ok(await isServed(one, 20_000));
    for (const bytes of [0, MAX_PART_BYTES + 1, 3 * MIB]) {
      await pause(100);
      one.answers.length = 0;
      await one.link.send(frame(bytes));
      await eventually(`${bytes} bytes are back`, async () => one.answers.length === 1);
      assert.deepEqual(one.answers[0], Buffer.from(frame(bytes)), `${bytes} bytes`);
    }
  }
  assert.equal(await isServed(stranger), false);
  to.accepted.delete(node.own.publicKey);
  to.network.onKeysChanged(true);
  await eventually('a revoked key is cut off', async () => !(await isServed(node, 200)));
  assert.ok(await isServed(open, 20_000));
});

test('a node that may be without keys is dialled with them, and then without', async (t) => {
  const address = { host: HOST, port: await freePorts(1) };
  const open = networkOf(t, undefined);
  const endpoint = await open.bind(address, (from, bytes) => void endpoint.send(from, bytes));
  const to = { ...(await echo(t)), address };
  const node = asker(t, to, { expects: () => [to.own.publicKey, NO_KEY] });
  assert.ok(await isServed(node, 20_000));
  node.answers.length = 0;
  await node.link.send(frame(MIB));
  await eventually('a large frame is back', async () =>
    node.answers.some((one) => one.length === MIB),
  );
});

test('a connection that says nothing to a port for both is closed', async (t) => {
  const to = await echo(t, drawKeyPair(), true);
  const socket = connect(to.address.port, HOST);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  await eventually('it is closed', async () => socket.closed);
  const node = asker(t, to, { isOpen: true });
  assert.ok(await isServed(node, 20_000));
});

test('a node that changes its own key connects again with the new one', async (t) => {
  const to = await echo(t);
  const node = asker(t, to);
  to.accepted.add(node.own.publicKey);
  assert.ok(await isServed(node, 20_000));
  const next = drawKeyPair();
  to.accepted.delete(node.own.publicKey);
  to.accepted.add(next.publicKey);
  node.keys.own = next;
  node.network.onOwnKeyChanged();
  assert.ok(await isServed(node, 20_000));
});

test('a stranger who sends much before it proves a key is cut off', async (t) => {
  const to = await echo(t);
  const socket = connect(to.address.port, HOST);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  // The greeting of ZMTP 3.1, which names CURVE, and the head of a command of 60 MB.
  const greeting = Buffer.alloc(64);
  greeting.write('ff00000000000000017f0301', 'hex');
  greeting.write('CURVE', 12);
  const head = Buffer.alloc(9);
  head[0] = 6;
  head.writeBigUInt64BE(BigInt(60 * MIB), 1);
  socket.write(Buffer.concat([greeting, head]));
  const chunk = Buffer.alloc(64 * KIB);
  let sent = 0;
  while (!socket.closed && sent < 60 * MIB) {
    sent += chunk.length;
    if (!socket.write(chunk)) await pause(5);
  }
  await eventually('the connection is cut', async () => socket.closed);
  assert.ok(sent < 16 * MIB, `${sent} bytes sent`);
  const good = asker(t, to);
  to.accepted.add(good.own.publicKey);
  assert.ok(await isServed(good, 20_000));
});
