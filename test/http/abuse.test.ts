/** Clients that abuse a node. The node frees all they used, and serves the others. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { MAX_HTTP_BODY_BYTES } from '../../src/http/limits.ts';
import type { ServerStatus } from '../../src/http/server-status.ts';
import { eventually, pause, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { openRaw } from '../fixtures/raw-http.ts';

async function httpStatus(node: TestNode): Promise<ServerStatus['http']> {
  return (await node.status()).http;
}

const open = ({ httpport }: TestNode, bytes: string): Promise<Socket> =>
  openRaw({ httpport }, bytes);

async function assertForgotten(node: TestNode): Promise<void> {
  // The request for the status itself counts as in flight.
  await eventually('all is forgotten', async () => {
    const { inFlight, bodyBytes, answerBytes } = await httpStatus(node);
    return inFlight === 1 && bodyBytes === 0 && answerBytes === 0;
  });
  assert.equal((await node.key('after', { method: 'PUT', body: 'fine' })).status, 200);
}

test('pipelined requests on a closed connection free their memory', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  await node.key('large', { method: 'PUT', body: new Uint8Array(1024 * 1024) });
  const sockets = await Promise.all(
    Array.from({ length: 10 }, () =>
      open(node, 'GET /mec/large HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(300)),
    ),
  );
  await eventually('they are in flight', async () => (await httpStatus(node)).inFlight > 10);
  const { answerBytes } = await httpStatus(node);
  assert.ok(
    answerBytes <= 256 * 1024 * 1024,
    `${answerBytes} bytes wait for clients that do not read`,
  );
  for (const socket of sockets) socket.destroy();
  await assertForgotten(node);
});

test('aborted uploads free their memory', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  const head = 'PUT /mec/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n';
  for (let round = 0; round < 3; round++) {
    // More than there is room for. The last ones disconnect while they wait.
    const sockets = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        openRaw({ httpport: node.httpport, from: `127.0.1.${i % 5}` }, head),
      ),
    );
    for (const socket of sockets) socket.on('error', () => {}).write(new Uint8Array(1_048_575));
    await eventually(
      'they hold almost all',
      async () => (await httpStatus(node)).bodyBytes > MAX_HTTP_BODY_BYTES - 2 * 1024 * 1024,
    );
    assert.equal(
      (await node.key('small', { method: 'PUT', body: 'x' })).status,
      200,
      'small writes succeed',
    );
    for (const socket of sockets) socket.destroy();
    await assertForgotten(node);
    const token = String((await node.key('small')).headers['x-mec-vclock']);
    await node.key('small', { method: 'DELETE', headers: { 'X-Mec-Vclock': token } });
  }
});

test('an upload that stalls gets 408 and frees its memory', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  const socket = await open(
    node,
    'PUT /mec/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\nbegun',
  );
  const answer = await new Promise<string>((resolve) =>
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  assert.match(answer, /^HTTP\/1\.1 408 /);
  socket.destroy();
  await assertForgotten(node);
});

test('a connection with too many pipelined requests gets 503 for the rest', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  const socket = await open(
    node,
    'GET /mec/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000),
  );
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  await eventually(
    'all are answered',
    async () => (answer.match(/HTTP\/1\.1 /g) ?? []).length === 1_000,
  );
  const statuses = new Set([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status));
  for (const status of statuses) assert.ok(status === '404' || status === '503', status);
  socket.destroy();
  await pause(10);
  await assertForgotten(node);
});

test('a request target that is not a path is refused', async (t) => {
  const cluster = await TestCluster.start(t, { nodes: 1 });
  const node = cluster.node(0);
  for (const target of ['/mec/a#b', 'http://[/mec/x', '*', 'mec/a']) {
    const socket = await open(
      node,
      `PUT ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`,
    );
    const answer = await new Promise<string>((resolve) =>
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    assert.match(answer, /^HTTP\/1\.1 400 [^]*application\/problem\+json/, target);
    socket.destroy();
  }
  assert.equal((await node.key('a')).status, 404);
});
