/**
 * Malformed requests, as a table. Each gets a clear answer or a closed connection, and none is
 * stored in part.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { MAX_HTTP_IN_FLIGHT } from '../../src/http/limits.ts';
import type { ServerStatus } from '../../src/http/server-status.ts';
import { eventually, pause, TestCluster } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import {
  flood,
  openRaw,
  raw as sendRaw,
  type RawOptions,
  statusesOf,
} from '../fixtures/raw-http.ts';

let cluster: TestCluster;
const teardown: (() => Promise<void> | void)[] = [];

/** Sends bytes to the first node. */
const raw = (bytes: string, how: Omit<RawOptions, 'httpport'> = {}): Promise<string> =>
  sendRaw(bytes, { httpport: cluster.node(0).httpport, ...how });

const put = (head: string, body = 'x', path = '/mec/victim'): string =>
  `PUT ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`;
const SMUGGLED = 'GET /mec/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
const HOST = 'Host: localhost\r\n';

/**
 * The bytes that are sent, and the expected statuses: 100 if the body is requested, none if the
 * connection is only closed.
 */
const TABLE: readonly [name: string, bytes: string, statuses: readonly string[]][] = [
  ['two lengths that differ', put(`${HOST}Content-Length: 1\r\nContent-Length: 50`), ['400']],
  [
    'a length and chunks',
    put(`${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked`, '0\r\n\r\n' + SMUGGLED),
    ['400'],
  ],
  [
    'chunks and a length',
    put(`${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5`, '0\r\n\r\n' + SMUGGLED),
    ['400'],
  ],
  [
    'an unknown coding in front of chunks',
    put(`${HOST}Transfer-Encoding: xchunked`, '1\r\nx\r\n0\r\n\r\n' + SMUGGLED),
    ['400'],
  ],
  [
    'two chunked codings',
    put(`${HOST}Transfer-Encoding: chunked, chunked`, '1\r\nx\r\n0\r\n\r\n'),
    ['400'],
  ],
  [
    'a coding that is not supported',
    put(`${HOST}Transfer-Encoding: gzip, chunked`, '1\r\nx\r\n0\r\n\r\n'),
    ['400'],
  ],
  ['a length with a sign', put(`${HOST}Content-Length: +1`), ['400']],
  ['a negative length', put(`${HOST}Content-Length: -1`), ['400']],
  ['a length that is not a number', put(`${HOST}Content-Length: 1x`), ['400']],
  ['a length that is too large', put(`${HOST}Content-Length: 99999999999999999999`), ['400']],
  ['a space before the colon', put(`${HOST}Content-Length : 1`), ['400']],
  ['a folded header', put(`${HOST}X-Mec-Meta-A: 1\r\n folded\r\nContent-Length: 1`), ['400']],
  ['a NUL in a header', put(`${HOST}X-Mec-Meta-A: \0\r\nContent-Length: 1`), ['400']],
  [
    'a bare CR in a header',
    put(`${HOST}X-Mec-Meta-A: a\rContent-Length: 9\r\nContent-Length: 1`),
    ['400'],
  ],
  ['a header name in brackets', put(`${HOST}X-Bad[]: 1\r\nContent-Length: 1`), ['400']],
  ['a bell in a header', put(`${HOST}X-Mec-Meta-A: \x07\r\nContent-Length: 1`), ['400']],
  ['a bare CR at the end of the head', put(`${HOST}\rContent-Length: 1`), ['400']],
  ['a request without a version', 'GET /mec/victim \r\n\r\n', ['400']],
  ['words before the method', `Extra line${put(`${HOST}Content-Length: 1`)}`, ['400']],
  ['a header without a name', put(`${HOST}: x\r\nContent-Length: 1`), ['400']],
  ['a bad chunk size', put(`${HOST}Transfer-Encoding: chunked`, 'zz\r\nx\r\n0\r\n\r\n'), ['400']],
  [
    'a chunk longer than its size',
    put(`${HOST}Transfer-Encoding: chunked`, '1\r\nxyz\r\n0\r\n\r\n'),
    ['400'],
  ],
  [
    'a chunk size that is too large',
    put(`${HOST}Transfer-Encoding: chunked`, 'fffffffffffffffff\r\nx'),
    ['400'],
  ],
  [
    'two content types',
    put(`${HOST}Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 1`),
    ['400'],
  ],
  [
    'two tokens',
    put(`${HOST}X-Mec-Vclock: gA==\r\nX-Mec-Vclock: gA==\r\nContent-Length: 1`),
    ['400'],
  ],
  ['two times to live', put(`${HOST}X-Mec-TTL: 1\r\nX-Mec-TTL: 2\r\nContent-Length: 1`), ['400']],
  [
    'headers without end',
    put(`${HOST}X-Huge: ${'x'.repeat(70_000)}\r\nContent-Length: 1`),
    ['431'],
  ],
  [
    'too much metadata',
    put(`${HOST}X-Mec-Meta-A: ${'x'.repeat(9_000)}\r\nContent-Length: 1`),
    ['431'],
  ],
  ['a key that is not UTF-8', put(`${HOST}Content-Length: 1`, 'x', '/mec/%ff'), ['400']],
  ['a key with a surrogate', put(`${HOST}Content-Length: 1`, 'x', '/mec/%ed%a0%80'), ['400']],
  ['a key cut off in an escape', put(`${HOST}Content-Length: 1`, 'x', '/mec/%4'), ['400']],
  ['raw bytes in a key', put(`${HOST}Content-Length: 1`, 'x', '/mec/\xff\xfe'), ['400']],
  ['a query that is not UTF-8', put(`${HOST}Content-Length: 1`, 'x', '/mec/victim?w=%ff'), ['400']],
  ['a parameter twice', put(`${HOST}Content-Length: 1`, 'x', '/mec/victim?w=1&w=2'), ['400']],
  [
    'another version of HTTP',
    'PUT /mec/victim HTTP/3.0\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx',
    ['400'],
  ],
  ['no version of HTTP', 'PUT /mec/victim\r\n\r\n', ['400']],
  ['an invalid method', 'P\x00T /mec/victim HTTP/1.1\r\nHost: localhost\r\n\r\n', ['400']],
  [
    'a request for another server',
    'PUT http://other/mec/victim HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx',
    ['421'],
  ],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', ['400']],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ['400']],
];

describe('malformed requests', () => {
  before(async () => {
    cluster = await TestCluster.start({
      after: (task) => void teardown.push(task as () => Promise<void>),
    });
  });
  after(async () => {
    for (const task of teardown) await task();
  });

  for (const [name, bytes, statuses] of TABLE) {
    test(`${name} gets ${statuses.join(' ')}`, async () => {
      const answer = await raw(bytes, { answers: statuses.length });
      const seen = statusesOf(answer);
      assert.deepEqual(seen.slice(0, statuses.length), statuses, answer);
      // Requests after a refused one may be refused too, but never carried out.
      for (const status of seen.slice(statuses.length)) assert.equal(status, '400', answer);
      assert.equal((await cluster.node(1).key('victim')).status, 404, 'nothing is stored');
    });
  }

  test('a head is waited for, wherever it was cut off', async () => {
    const head = `GET /ping HTTP/1.1\r\n${HOST}\r\n`;
    const prefixes = Array.from(head.slice(1), (_, i) => head.slice(0, i + 1));
    const answers = await Promise.all(prefixes.map((prefix) => raw(prefix, { answers: 0 })));
    assert.deepEqual(
      prefixes.filter((_, i) => answers[i] !== ''),
      [],
    );
    assert.deepEqual(statusesOf(await raw(head)), ['200']);
  });

  test('an upload cut off at any point stores nothing', async () => {
    const whole = put(`${HOST}Content-Length: 1000`, 'x'.repeat(1000));
    const chunked = put(`${HOST}Transfer-Encoding: chunked`, `3e8\r\n${'x'.repeat(1000)}\r\n`);
    for (const bytes of [
      whole.slice(0, -1),
      whole.slice(0, -900),
      chunked,
      chunked.slice(0, -500),
      whole.slice(0, 30),
    ]) {
      for (const isHalfClosed of [true, false]) {
        await raw(bytes, { isHalfClosed, answers: 0, restMs: 100 });
        assert.equal((await cluster.node(1).key('victim')).status, 404);
      }
    }
    assert.equal((await send(`${cluster.node(1).url}/mec`)).text, '{"keys":[],"next":null}\n');
  });

  test('a client that closes its half of the connection gets its answer', async () => {
    const answer = await raw(put(`${HOST}Content-Length: 1`, 'x', '/mec/half'), {
      isHalfClosed: true,
    });
    assert.deepEqual(statusesOf(answer), ['200']);
    assert.equal((await cluster.node(1).key('half')).text, 'x');
  });

  test('Expect: 100-continue is answered only after the head is valid', async () => {
    const expect = (path: string): Promise<string> =>
      raw(put(`${HOST}Expect: 100-continue\r\nContent-Length: 1`, '', path), { restMs: 200 });
    assert.deepEqual(statusesOf(await expect('/mec/asked')), ['100']);
    assert.deepEqual(statusesOf(await expect('/mec/%zz')), ['400']);
    assert.deepEqual(statusesOf(await expect('/mec/asked?w=9')), ['400']);
    assert.equal((await cluster.node(0).key('asked')).status, 404);
    // Another expectation cannot be met. The server ignores it, as the RFC allows.
    const other = await raw(
      put(`${HOST}Expect: miracles\r\nContent-Length: 1`, 'x', '/mec/miracle'),
    );
    assert.deepEqual(statusesOf(other), ['200']);
  });

  test('a request sent byte by byte is answered', async () => {
    const bytes = put(
      `${HOST}Transfer-Encoding: chunked\r\nX-Mec-Meta-A: b`,
      '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
      '/mec/slow',
    );
    const socket = connect(cluster.node(0).httpport, '127.0.0.1');
    socket.setNoDelay(true);
    for (const byte of bytes) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const answer = await new Promise<string>((resolve) =>
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    socket.destroy();
    assert.match(answer, /^HTTP\/1\.1 200 /);
    const read = await cluster.node(1).key('slow');
    assert.deepEqual([read.text, read.headers['x-mec-meta-a']], ['abcde', 'b']);
  });

  test('each pipelined request gets its own answer, even after a refused one', async () => {
    const answer = await raw(
      put(`${HOST}Content-Length: 1`, '1', '/mec/p1') +
        put(`${HOST}Content-Length: 1`, '2', '/mec/%zz') +
        put(`${HOST}Transfer-Encoding: chunked`, '1\r\n3\r\n0\r\n\r\n', '/mec/p3') +
        `GET /mec/p1 HTTP/1.1\r\n${HOST}\r\n` +
        `HEAD /mec/p1 HTTP/1.1\r\n${HOST}\r\n` +
        `GET /nothing HTTP/1.1\r\n${HOST}\r\n` +
        `GET /mec/p3 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
      { answers: 7 },
    );
    const statuses = statusesOf(answer);
    assert.equal(statuses.length, 7, answer);
    assert.deepEqual(
      [statuses[0], statuses[1], statuses[2], statuses[5]],
      ['200', '400', '200', '404'],
    );
  });
});

test('requests above the limit are refused at once, and accepted again later', async (t) => {
  cluster = await TestCluster.start(t);
  const node = cluster.node(0);
  assert.equal((await node.key('before', { method: 'PUT', body: 'x' })).status, 200);
  const state = async (): Promise<ServerStatus['http']> => (await node.status()).http;
  const PER_CONNECTION = 32;
  const request = `GET /mec/before?timeout=60000 HTTP/1.1\r\n${HOST}\r\n`.repeat(PER_CONNECTION);
  const answers: string[] = [];
  // One address gets only a quarter of the places.
  const opened = Array.from({ length: (2 * MAX_HTTP_IN_FLIGHT) / PER_CONNECTION }, (_, i) =>
    openRaw({ httpport: node.httpport, from: `127.0.0.${1 + (i % 9)}` }),
  );
  const sockets = await Promise.all(opened);
  for (const [i, socket] of sockets.entries()) {
    answers[i] = '';
    socket.on('data', (chunk: Buffer) => (answers[i] += chunk.toString('latin1')));
    socket.on('error', () => {});
  }
  await flood(cluster, sockets, request);
  let seen = await state();
  await eventually('the excess is refused', async () => {
    seen = await state();
    return seen.refused > 0;
  });
  assert.ok(seen.inFlight <= MAX_HTTP_IN_FLIGHT + 1, `${seen.inFlight} in flight`);
  for (const path of ['/ping', '/metrics', '/status'])
    assert.equal((await send(node.url + path)).status, 200, `${path} still answers`);
  assert.match((await send(`${node.url}/health`)).text, /"status"/, '/health as well');
  cluster.node(1).signal('SIGCONT');
  cluster.node(2).signal('SIGCONT');
  await eventually('all are answered', async () => {
    const count = answers.reduce((sum, answer) => sum + statusesOf(answer).length, 0);
    return count === 2 * MAX_HTTP_IN_FLIGHT;
  });
  // Only a quick machine refuses half of them. On others, the sleepers count as unreachable first.
  const overloaded = answers.join('').match(/"code":"overloaded"/g)?.length ?? 0;
  assert.equal(overloaded, (await state()).refused);
  assert.match(answers.join(''), /503 Service Unavailable\r\n(?:[^\r]+\r\n)*?Retry-After: 1\r\n/);
  for (const socket of sockets) socket.destroy();
  await eventually('nothing is left of it', async () => (await state()).inFlight === 1);
  await pause(10);
  await cluster.connected();
  for (let i = 0; i < 100; i++)
    assert.equal((await node.key(`after-${i}`, { method: 'PUT', body: 'x' })).status, 200);
});
