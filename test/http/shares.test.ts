/** One address cannot take all of a node, and slow bodies do not stop quick ones. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import {
  HTTP_BODY_PERIOD_MS,
  MAX_HTTP_ANSWER_BYTES,
  MAX_HTTP_BODY_BYTES,
  MAX_HTTP_CONNECTIONS,
  MAX_HTTP_IN_FLIGHT,
  SHARE_OF_ADDRESS,
} from '../../src/http/limits.ts';
import { eventually, pause, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { flood, openRaw, raw, statusesOf } from '../fixtures/raw-http.ts';

const GREEDY = '127.0.0.66';
const HOST = 'Host: localhost\r\n';
const MIB = 1024 * 1024;

/** The head of a PUT with a body of this size. */
const upload = (bytes: number): string =>
  `PUT /mec/upload HTTP/1.1\r\n${HOST}Content-Length: ${bytes}\r\n\r\n`;

const httpOf = async (node: TestNode) => (await node.status()).http;

/** Opens connections that send the same bytes. */
const openMany = (node: TestNode, count: number, from: string, bytes = ''): Promise<Socket[]> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await openRaw({ httpport: node.httpport, from }, bytes);
      return socket.on('error', () => {});
    }),
  );

test('slow bodies do not stop quick ones, and get 408', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  const startMs = performance.now();
  const slow = await openMany(node, 80, '127.0.0.1', upload(MIB));
  const answers = slow.map(() => '');
  for (const [i, socket] of slow.entries())
    socket.on('data', (piece) => (answers[i] += piece.toString('latin1')));
  const trickle = setInterval(() => {
    for (const socket of slow) socket.write('x');
  }, 500);
  t.after(() => clearInterval(trickle));
  const isRefused = (): boolean => answers.some((answer) => answer !== '');
  let quickOnes = 0;
  do {
    const quick = await node.key('quick', { method: 'PUT', body: new Uint8Array(100 * 1024) });
    assert.equal(quick.status, 200);
    if (!isRefused()) quickOnes += 1;
    const token = String(quick.headers['x-mec-vclock']);
    await node.key('quick', { method: 'DELETE', headers: { 'X-Mec-Vclock': token } });
  } while (!isRefused());
  assert.ok(quickOnes > 0, 'it did not wait');
  await eventually('all slow ones are refused', async () =>
    answers.every((answer) => answer.startsWith('HTTP/1.1 408 ')),
  );
  assert.ok(performance.now() - startMs >= HTTP_BODY_PERIOD_MS - 100);
  for (const socket of slow) socket.destroy();
  await eventually('their memory is free', async () => (await httpOf(node)).bodyBytes === 0);
});

test('one address cannot take the memory for bodies', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  const share = MAX_HTTP_BODY_BYTES * SHARE_OF_ADDRESS;
  const sockets: Socket[] = [];
  // A body that does not end in time is refused. On a busy machine there may be few at a time, so
  // new ones follow.
  await eventually('it has its part', async () => {
    const more = await openMany(node, 80, GREEDY, upload(MIB));
    for (const socket of more) socket.write(new Uint8Array(MIB - 1));
    sockets.push(...more);
    const untilMs = performance.now() + HTTP_BODY_PERIOD_MS;
    while (performance.now() < untilMs) {
      if ((await httpOf(node)).bodyBytes > share - 2 * MIB) return true;
      await pause(25);
    }
    for (const socket of sockets.splice(0)) socket.destroy();
    return false;
  });
  assert.ok((await httpOf(node)).bodyBytes <= share);
  const body = new Uint8Array(MIB);
  assert.equal((await node.key('other', { method: 'PUT', body })).status, 200);
  for (const socket of sockets) socket.destroy();
  await eventually('its memory is free', async () => (await httpOf(node)).bodyBytes === 0);
});

test('one address cannot take all connections, and a proxy can', async (t) => {
  const cluster = await TestCluster.start(t, {
    nodes: 1,
    extra: '[http]\nproxies = ["127.0.0.128/25"]\n',
  });
  const node = cluster.node(0);
  const most = MAX_HTTP_CONNECTIONS * SHARE_OF_ADDRESS;
  const openOf = (sockets: readonly Socket[]): number =>
    sockets.filter(({ destroyed }) => !destroyed).length;
  const sockets = await openMany(node, most + 100, GREEDY);
  for (const socket of sockets) socket.resume();
  await eventually('the excess is closed', async () => openOf(sockets) === most);
  assert.equal((await node.key('other', { method: 'PUT', body: 'x' })).status, 200);
  sockets[0]?.destroy();
  const ping = `GET /ping HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
  await eventually('its place is free', async () => {
    const answer = await raw(ping, { httpport: node.httpport, from: GREEDY });
    return statusesOf(answer)[0] === '200';
  });
  const ofProxy = await openMany(node, most + 100, '127.0.0.200');
  for (const socket of ofProxy) socket.resume();
  await pause(200);
  assert.equal(openOf(ofProxy), most + 100);
  for (const socket of [...sockets, ...ofProxy]) socket.destroy();
});

test('one address cannot take all places for requests', async (t) => {
  const cluster = await TestCluster.start(t);
  const node = cluster.node(0);
  await node.key('k', { method: 'PUT', body: 'x' });
  const most = MAX_HTTP_IN_FLIGHT * SHARE_OF_ADDRESS;
  const PER_CONNECTION = 32;
  const requests = `GET /mec/k?timeout=60000 HTTP/1.1\r\n${HOST}\r\n`.repeat(PER_CONNECTION);
  const sockets = await openMany(node, (2 * most) / PER_CONNECTION, GREEDY);
  for (const socket of sockets) socket.resume();
  await flood(cluster, sockets, requests);
  let seen = await httpOf(node);
  await eventually('the excess is refused', async () => {
    seen = await httpOf(node);
    return seen.refused > 0;
  });
  assert.ok(seen.inFlight <= most + 1, `${seen.inFlight} in flight`);
  const report = `GET /ready HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
  const own = await raw(report, { httpport: node.httpport, from: GREEDY });
  assert.ok(['200', '503'].includes(statusesOf(own)[0] ?? ''), own);
  assert.doesNotMatch(own, /overloaded/, 'reports on the node are answered');
  for (const other of [1, 2]) cluster.node(other).signal('SIGCONT');
  await cluster.connected();
  const written = await node.key('other', { method: 'PUT', body: 'x' });
  assert.equal(written.status, 200, written.text);
  for (const socket of sockets) socket.destroy();
  await eventually('its places are free', async () => (await httpOf(node)).inFlight === 1);
});

test('one address cannot take the memory for answers', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  await node.key('large', { method: 'PUT', body: new Uint8Array(MIB) });
  const requests = `GET /mec/large HTTP/1.1\r\n${HOST}\r\n`.repeat(60);
  const sockets: Socket[] = [];
  const share = MAX_HTTP_ANSWER_BYTES * SHARE_OF_ADDRESS;
  // The operating system takes some MiB of each connection. So the last places are free again as
  // soon as a new connection has had them.
  await eventually('it has its part', async () => {
    sockets.push(...(await openMany(node, 10, GREEDY, requests)));
    return (await httpOf(node)).answerBytes > share - 16 * MIB;
  });
  assert.ok((await httpOf(node)).answerBytes <= share);
  assert.equal((await node.key('large')).status, 200);
  for (const socket of sockets) socket.destroy();
  await eventually('its memory is free', async () => (await httpOf(node)).answerBytes === 0);
});
