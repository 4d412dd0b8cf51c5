/** The HTTP contract, against a real three-node cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MAX_SIBLINGS } from '../../src/storage/limits.ts';
import { TestCluster } from '../fixtures/cluster.ts';
import { parseMultipart, type Response, send, tokenOf } from '../fixtures/http.ts';
import { isRepeated } from '../fixtures/problem.ts';
import { raw as sendRaw, type RawOptions } from '../fixtures/raw-http.ts';

const SEED_TOKEN = 'gapjb3JtYWNyZWxmgqdDb3VudGVyAalUaW1lc3RhbXDPE0nH5/H4nFU=';

let cluster: TestCluster;
let keys = 0;
const freshKey = (): string => `contract-${keys++}`;
const teardown: (() => Promise<void> | void)[] = [];

function assertProblem(response: Response, status: number, code: string): Record<string, unknown> {
  assert.equal(response.status, status, response.text);
  assert.equal(response.headers['content-type'], 'application/problem+json');
  const document = JSON.parse(response.text) as Record<string, unknown>;
  assert.equal(document['code'], code);
  assert.equal(document['status'], status);
  for (const field of ['type', 'title', 'detail'])
    assert.equal(typeof document[field], 'string', field);
  assert.ok(!isRepeated(String(document['title']), String(document['detail'])), response.text);
  return document;
}

async function put(
  at: number,
  key: string,
  body: string | Uint8Array,
  token?: string,
): Promise<Response> {
  const response = await cluster.node(at).key(key, {
    method: 'PUT',
    body,
    headers: token === undefined ? {} : { 'X-Mec-Vclock': token },
  });
  assert.equal(response.status, 200, response.text);
  return response;
}

describe('the HTTP contract', () => {
  before(async () => {
    cluster = await TestCluster.start({
      after: (task) => void teardown.push(task as () => Promise<void>),
    });
  });
  after(async () => {
    for (const task of teardown) await task();
  });

  test('every node returns a value as it was written', async () => {
    const key = freshKey();
    const headers = {
      'Content-Type': 'application/json; charset=utf-8; x="1"',
      'Content-Encoding': 'br',
      'X-Mec-Client-ID': 'me',
      'X-Mec-Meta-Colour': 'red',
    };
    const written = await cluster.node(0).key(key, { method: 'PUT', body: '{"a":1}', headers });
    assert.equal(written.status, 200);
    assert.equal(written.headers['content-length'], '0');
    assert.equal(written.headers['content-type'], undefined);
    assert.equal(written.headers['x-mec-siblings'], undefined);
    assert.notEqual(tokenOf(written), '');
    for (const node of cluster.nodes) {
      const read = await node.key(key);
      assert.equal(read.status, 200);
      assert.equal(read.text, '{"a":1}');
      assert.equal(read.headers['content-type'], headers['Content-Type']);
      assert.equal(read.headers['content-encoding'], 'br');
      assert.equal(read.headers['x-mec-client-id'], 'me');
      assert.equal(read.headers['x-mec-meta-colour'], 'red');
      assert.equal(read.headers['etag'], written.headers['etag']);
      assert.match(String(read.headers['etag']), /^"[0-9a-f]{16}"$/);
      const micros = Number(String(read.headers['x-mec-timestamp']).slice(0, -3));
      assert.ok(Math.abs(micros / 1000 - Date.now()) < 60_000);
      assert.equal(read.headers['last-modified'], new Date(micros / 1000).toUTCString());
    }
  });

  test('POST writes like PUT', async () => {
    const key = freshKey();
    assert.equal((await cluster.node(1).key(key, { method: 'POST', body: 'x' })).status, 200);
    assert.deepEqual(await cluster.values(key, 2), ['x']);
  });

  test('HEAD answers like GET without the body', async () => {
    const key = freshKey();
    const compare = async (status: number): Promise<void> => {
      const [get, head] = [
        await cluster.node(0).key(key),
        await cluster.node(0).key(key, { method: 'HEAD' }),
      ];
      assert.equal(head.status, status);
      assert.equal(head.body.length, 0);
      for (const name of ['content-length', 'etag', 'x-mec-siblings', 'last-modified'])
        assert.equal(head.headers[name], get.headers[name], name);
    };
    await compare(404);
    await put(0, key, 'one');
    await compare(200);
    await put(0, key, 'two');
    await compare(300);
  });

  test('a value without a type is application/octet-stream, and may be empty', async () => {
    const key = freshKey();
    await put(0, key, '');
    const read = await cluster.node(1).key(key);
    assert.deepEqual(
      [read.status, read.headers['content-length'], read.headers['content-type']],
      [200, '0', 'application/octet-stream'],
    );
  });

  test('values of any size up to the limit are byte-exact', async () => {
    for (const size of [0, 1, 127, 128, 129, 1000, 65_535, 65_536, 1024 * 1024]) {
      const key = freshKey();
      const value = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255));
      await put(size % 3, key, value);
      for (const node of cluster.nodes)
        assert.ok((await node.key(key)).body.equals(value), `${size} bytes`);
    }
  });

  test('concurrent writes become a 300 with one token, which replaces them all', async () => {
    const key = freshKey();
    const bodies = ['one\r\n--looks like a boundary\r\n', 'two', '\u0000\u00ff three'];
    await Promise.all(
      bodies.map((body, at) =>
        cluster
          .node(at)
          .key(key, { method: 'PUT', body, headers: { 'Content-Type': `text/x-${at}` } }),
      ),
    );
    const read = await cluster.node(1).key(key);
    assert.equal(read.status, 300);
    assert.equal(read.headers['x-mec-siblings'], '3');
    assert.equal(Number(read.headers['content-length']), read.body.length);
    const parts = parseMultipart(read);
    assert.deepEqual(parts.map(({ body }) => body.toString()).sort(), [...bodies].sort());
    const stamps = parts.map(({ headers }) => BigInt(headers['x-mec-timestamp'] as string));
    assert.deepEqual(
      stamps,
      [...stamps].sort((a, b) => (a < b ? 1 : -1)),
      'newest first',
    );
    for (const { headers, body } of parts) {
      assert.equal(headers['content-type'], `text/x-${bodies.indexOf(body.toString())}`);
      assert.ok(headers['etag'] && headers['last-modified']);
      assert.equal(headers['x-mec-vclock'], undefined, 'only the whole answer has a token');
    }
    await put(2, key, 'resolved', tokenOf(read));
    for (const at of [0, 1, 2]) assert.deepEqual(await cluster.values(key, at), ['resolved']);
  });

  test('PUT accepts a token of the first MecDB', async () => {
    await put(0, freshKey(), 'x', SEED_TOKEN);
  });

  test('a write with the token of the first of two blind writes replaces only the first', async () => {
    const key = freshKey();
    const first = await put(0, key, 'first');
    const second = await put(0, key, 'second');
    assert.equal(second.headers['x-mec-siblings'], '2');
    await put(0, key, 'third', tokenOf(first));
    for (const at of [0, 1, 2])
      assert.deepEqual(await cluster.values(key, at), ['second', 'third']);
  });

  test('a hundred writes of two clients, each one token behind, leave two siblings', async () => {
    const key = freshKey();
    const tokens: (string | undefined)[] = [undefined, undefined];
    for (let i = 0; i < 100; i++)
      tokens[i % 2] = tokenOf(await put(i % 3, key, `${i}`, tokens[i % 2]));
    assert.deepEqual(await cluster.values(key), ['98', '99']);
  });

  test('a write with a stale token becomes a sibling', async () => {
    const key = freshKey();
    const stale = tokenOf(await put(0, key, 'old'));
    await put(1, key, 'new', stale);
    await put(2, key, 'late', stale);
    assert.deepEqual(await cluster.values(key), ['late', 'new']);
  });

  test('DELETE removes the versions in its token, and concurrent writes survive', async () => {
    const key = freshKey();
    const token = tokenOf(await put(0, key, 'seen'));
    await put(1, key, 'unseen');
    const deleted = await cluster
      .node(2)
      .key(key, { method: 'DELETE', headers: { 'X-Mec-Vclock': token } });
    assert.equal(deleted.status, 204);
    assert.equal(deleted.body.length, 0);
    assert.deepEqual(await cluster.values(key), ['unseen']);
  });

  test('DELETE without a token removes all that a quorum has', async () => {
    const key = freshKey();
    await put(0, key, 'one');
    await put(1, key, 'two');
    assert.equal((await cluster.node(2).key(key, { method: 'DELETE' })).status, 204);
    const read = await cluster.node(0).key(key);
    assertProblem(read, 404, 'not-found');
    assertProblem(await cluster.node(1).key(key, { method: 'DELETE' }), 404, 'not-found');
    await put(1, key, 'again', tokenOf(read));
    assert.deepEqual(await cluster.values(key), ['again']);
  });

  test('GET of a key without history is 404', async () => {
    assertProblem(await cluster.node(0).key(freshKey()), 404, 'not-found');
  });

  test('keys are percent-encoded UTF-8 and may have slashes', async () => {
    for (const [path, other] of [
      ['a/b/c', 'a%2Fb%2fc'],
      ['%C3%A9', '%c3%a9'],
      ['with%20space', 'with%20space'],
      ['%F0%9F%A6%80', '%F0%9F%A6%80'],
      ['a%00b', 'a%00b'],
      ['..%2f', '..%2F'],
      ['+%26%3F', '%2B&%3f'],
    ]) {
      await put(0, `${path}-${keys}`, path as string);
      assert.deepEqual(await cluster.values(`${other}-${keys}`, 1), [path]);
    }
  });

  test('an invalid key is refused', async () => {
    const node = cluster.node(0);
    for (const key of ['', '%', '%zz', '%ff', '%c3', '%ed%a0%80'])
      assertProblem(await node.key(key), 400, 'bad-key');
    assertProblem(await node.key('k'.repeat(1025)), 414, 'key-too-long');
    assertProblem(await node.key('%C3%A9'.repeat(513)), 414, 'key-too-long');
    assert.equal((await node.key('k'.repeat(1024))).status, 404);
  });

  test('an invalid token is refused, and nothing is stored', async () => {
    const key = freshKey();
    const foreign = tokenOf(await put(0, freshKey(), 'x'));
    for (const token of [
      '!',
      'AAAA',
      'gA',
      foreign,
      `${SEED_TOKEN}, ${SEED_TOKEN}`,
      'A'.repeat(32_772),
    ]) {
      const response = await cluster
        .node(0)
        .key(key, { method: 'PUT', body: 'x', headers: { 'X-Mec-Vclock': token } });
      assertProblem(response, 400, 'bad-vclock');
    }
    assert.deepEqual(await cluster.values(key), []);
  });

  test('a value above the limit is refused, however it is sent', async () => {
    const key = freshKey();
    const tooMuch = new Uint8Array(1024 * 1024 + 1);
    const document = assertProblem(
      await cluster.node(0).key(key, { method: 'PUT', body: tooMuch }),
      413,
      'value-too-large',
    );
    assert.equal(document['limit'], 1024 * 1024);
    const streamed = await cluster
      .node(0)
      .key(key, { method: 'PUT', body: tooMuch, headers: { 'Transfer-Encoding': 'chunked' } });
    assertProblem(streamed, 413, 'value-too-large');
    const asked = await raw(
      `PUT /mec/${key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n`,
    );
    assert.match(asked, /^HTTP\/1\.1 413 /);
    assert.deepEqual(await cluster.values(key), []);
  });

  test('Expect: 100-continue is answered', async () => {
    const key = freshKey();
    const answer = await raw(
      `PUT /mec/${key} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
        `Content-Length: 2\r\nExpect: 100-continue\r\n\r\nhi`,
      { answers: 2 },
    );
    assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    assert.deepEqual(await cluster.values(key), ['hi']);
  });

  test('PUT accepts a chunked body', async () => {
    const key = freshKey();
    assert.equal(
      (
        await cluster
          .node(0)
          .key(key, { method: 'PUT', body: 'chunks', headers: { 'Transfer-Encoding': 'chunked' } })
      ).status,
      200,
    );
    assert.deepEqual(await cluster.values(key, 1), ['chunks']);
  });

  test('an upload that ends early stores nothing', async () => {
    const key = freshKey();
    await raw(
      `PUT /mec/${key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf a val`,
      { answers: 0, restMs: 50 },
    );
    assert.deepEqual(await cluster.values(key), []);
  });

  test('PUT and GET accept quorums and timeout, and refuse invalid ones by name', async () => {
    const key = freshKey();
    assert.equal(
      (await cluster.node(0).key(`${key}?w=all&timeout=2000`, { method: 'PUT', body: 'x' })).status,
      200,
    );
    for (const r of ['1', 'one', 'quorum', 'all', '3'])
      assert.equal((await cluster.node(0).key(`${key}?r=${r}`)).status, 200, r);
    for (const [query, parameter] of [
      ['r=0', 'r'],
      ['r=4', 'r'],
      ['r=', 'r'],
      ['w=many', 'w'],
      ['timeout=0', 'timeout'],
      ['timeout=1s', 'timeout'],
      ['tiemout=5', 'tiemout'],
    ]) {
      const document = assertProblem(
        await cluster.node(0).key(`${key}?${query}`),
        400,
        'bad-parameter',
      );
      assert.equal(document['parameter'], parameter);
    }
  });

  test('an unsupported method is 405 with the supported ones', async () => {
    const response = await cluster.node(0).key(freshKey(), { method: 'PATCH', body: 'x' });
    assertProblem(response, 405, 'method-not-allowed');
    assert.equal(response.headers['allow'], 'GET, HEAD, PUT, POST, DELETE, OPTIONS');
    const ping = await send(`${cluster.node(0).url}/ping`, { method: 'POST' });
    assertProblem(ping, 405, 'method-not-allowed');
    assert.equal(ping.headers['allow'], 'GET, HEAD, OPTIONS');
  });

  test('an unknown header of MecDB is 400, and nothing is stored', async () => {
    const key = freshKey();
    const headers = { 'X-Mec-TLL': '5' };
    const at = cluster.node(0);
    const refused = await at.key(key, { method: 'PUT', body: 'x', headers });
    const { parameter, detail } = assertProblem(refused, 400, 'bad-parameter');
    assert.equal(parameter, 'x-mec-tll');
    assert.match(String(detail), /did you mean X-Mec-TTL\?/);
    assertProblem(await at.key(key), 404, 'not-found');
    for (const method of ['GET', 'DELETE'])
      assertProblem(await at.key(key, { method, headers }), 400, 'bad-parameter');
    for (const method of ['GET', 'POST'])
      assertProblem(await send(`${at.url}/mec`, { method, headers }), 400, 'bad-parameter');
  });

  test('an unknown path is 404 with the known routes', async () => {
    for (const path of ['/nothing', '/mecx/a', '/mecx', '/uix'])
      assertProblem(await send(cluster.node(0).url + path), 404, 'no-such-route');
  });

  test('/ping and /status answer without a quorum', async () => {
    const ping = await send(`${cluster.node(0).url}/ping`);
    assert.deepEqual([ping.status, ping.text], [200, 'pong\n']);
    const status = await cluster.node(0).status();
    assert.equal(status.name, 'n1');
    assert.deepEqual(status.peers.map(({ node }) => node).sort(), ['n2', 'n3']);
    assert.equal(status.store.sync, true);
  });

  test('a write beyond the limit of siblings gets 409 until they are merged', async () => {
    const key = freshKey();
    for (let i = 0; i < MAX_SIBLINGS; i++) await put(0, key, `${i}`);
    const refused = await cluster.node(0).key(key, { method: 'PUT', body: 'too many' });
    assertProblem(refused, 409, 'too-many-siblings');
    const read = await cluster.node(1).key(key);
    assert.equal(parseMultipart(read).length, MAX_SIBLINGS);
    await put(1, key, 'one again', tokenOf(read));
    assert.deepEqual(await cluster.values(key, 2), ['one again']);
  });

  test('pipelined requests are answered in order', async () => {
    const key = freshKey();
    await put(0, key, 'a value');
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const answer = await raw(
      `${get(`/mec/${key}`)}${get('/ping')}${get('/mec/%zz')}${get('/ping')}`,
      { answers: 4 },
    );
    assert.deepEqual(
      [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      ['200', '200', '400', '200'],
    );
    assert.match(answer, /a value[^]*pong\n[^]*bad-key[^]*pong\n$/);
  });

  test('input that is not HTTP gets 400 and a closed connection', async () => {
    for (const garbage of [
      '\0\0\0\0',
      'GET\r\n\r\n',
      'SSH-2.0-x\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `PUT /mec/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ]) {
      assert.match(
        await raw(garbage),
        /^HTTP\/1\.1 400 [^]*"code":"bad-request"/,
        JSON.stringify(garbage),
      );
    }
    assert.match(
      await raw(`GET /ping HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(70_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431 /,
    );
  });
});

/** Sends bytes to the first node. */
function raw(bytes: string, how: Omit<RawOptions, 'httpport'> = {}): Promise<string> {
  return sendRaw(bytes, { httpport: cluster.node(0).httpport, ...how });
}
