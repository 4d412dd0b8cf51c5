/** Listing against real clusters: order, prefixes, pages, streams, deletes, and outages. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { compareUtf8 } from '../../src/base/bytes.ts';
import { sendStream } from '../../src/http/stream.ts';
import { eventually, pause, TestCluster } from '../fixtures/cluster.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import { type Response, send, tokenOf } from '../fixtures/http.ts';
import { isLongRun } from '../sets.ts';

let cluster: TestCluster;
const teardown: (() => Promise<void> | void)[] = [];

interface Page {
  readonly keys: string[];
  readonly next: string | null;
}

const get = (at: number, query = '', headers = {}): Promise<Response> =>
  send(`${cluster.node(at).url}/mec${query}`, { headers });

async function page(at: number, query: string): Promise<Page> {
  const response = await get(at, query);
  assert.equal(response.status, 200, response.text);
  assert.equal(response.headers['content-type'], 'application/json');
  return JSON.parse(response.text) as Page;
}

/** All pages of a prefix. */
async function pages(at: number, prefix: string, limit: number): Promise<string[]> {
  const keys: string[] = [];
  for (let after = ''; ;) {
    const { keys: some, next } = await page(
      at,
      `?prefix=${encodeURIComponent(prefix)}&limit=${limit}${after}`,
    );
    assert.ok(some.length <= limit);
    keys.push(...some);
    if (next === null) return keys;
    assert.equal(next, some[some.length - 1], 'the next page begins after the last key');
    after = `&after=${encodeURIComponent(next)}`;
  }
}

async function stream(at: number, query: string): Promise<string[]> {
  const response = await get(at, query, { Accept: 'application/x-ndjson' });
  assert.equal(response.status, 200, response.text);
  assert.equal(response.headers['content-type'], 'application/x-ndjson');
  const lines = response.text.split('\n');
  assert.equal(lines.pop(), '', 'the last line ends');
  return lines.map((line) => (JSON.parse(line) as { key: string }).key);
}

async function fill(keys: readonly string[]): Promise<void> {
  const left = [...keys];
  const lane = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      const written = await cluster
        .node(left.length % 3)
        .key(encodeURIComponent(key), { method: 'PUT', body: 'x' });
      assert.equal(written.status, 200, written.text);
    }
  };
  await Promise.all(Array.from({ length: 64 }, lane));
}

describe('listing', () => {
  before(async () => {
    cluster = await TestCluster.start({
      after: (task) => void teardown.push(task as () => Promise<void>),
    });
  });
  after(async () => {
    for (const task of teardown) await task();
  });

  test('a listing of an empty store is empty', async () => {
    assert.deepEqual(await page(1, ''), { keys: [], next: null });
    assert.deepEqual(await stream(2, ''), []);
  });

  test('pages and streams have every key once, in the order of bytes', async () => {
    const keys = Array.from({ length: 1_100 }, (_, i) => `many/${(i * 7919) % 10_007}`);
    await fill(keys);
    const expected = [...keys].sort(compareUtf8);
    for (const at of [0, 1, 2]) assert.deepEqual(await pages(at, 'many/', 1000), expected);
    assert.deepEqual(await pages(0, 'many/', 199), expected);
    assert.deepEqual(await stream(1, '?prefix=many/'), expected);
    assert.deepEqual(await stream(1, '?prefix=many/&limit=1000'), expected.slice(0, 1000));
    assert.deepEqual(
      (await page(0, '?prefix=many/')).keys,
      expected.slice(0, 1000),
      'a thousand unless said otherwise',
    );
    const [tenth] = expected.slice(9);
    assert.deepEqual(
      (await page(2, `?prefix=many/&after=${tenth}&limit=5`)).keys,
      expected.slice(10, 15),
    );
  });

  test('prefixes may have separators, spaces, NUL and characters above U+FFFF', async () => {
    const keys = [
      'odd',
      'odd ',
      'odd\0',
      'odd/a',
      'odd/b c',
      'oddé',
      'odd\ud7ff',
      'odd\ue000',
      'odd\uffff',
      'odd🦀',
      'odd🦀🦀',
      'ode',
    ];
    await fill(keys);
    const sorted = [...keys].sort(compareUtf8);
    assert.deepEqual(await pages(0, 'od', 1000), sorted);
    assert.deepEqual(await pages(1, 'od', 1), sorted);
    assert.deepEqual(await pages(2, 'odd', 3), sorted.slice(0, -1));
    assert.deepEqual(await pages(2, 'odd🦀', 3), ['odd🦀', 'odd🦀🦀']);
    assert.deepEqual(await pages(2, 'odd\ud7ff', 3), ['odd\ud7ff']);
    assert.deepEqual(await pages(2, 'nobody', 3), []);
    // The last page has no `next`, even if it is full.
    assert.equal((await page(0, '?prefix=odd/&limit=2')).next, null);
    assert.equal((await page(0, '?prefix=odd/&limit=1')).next, 'odd/a');
  });

  test('a listing has no deleted keys, and keys with siblings once', async () => {
    await fill(['del/a', 'del/b', 'del/c', 'del/c', 'del/d']);
    assert.equal((await cluster.node(1).key('del/a', { method: 'DELETE' })).status, 204);
    const b = await cluster.node(2).key('del/b');
    await cluster
      .node(2)
      .key('del/b', { method: 'DELETE', headers: { 'X-Mec-Vclock': tokenOf(b) } });
    for (const at of [0, 1, 2]) assert.deepEqual(await pages(at, 'del/', 2), ['del/c', 'del/d']);
  });

  test('HEAD of a listing has no body, and invalid parameters are refused by name', async () => {
    const head = await send(`${cluster.node(0).url}/mec?limit=1`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    for (const [query, parameter] of [
      ['limit=0', 'limit'],
      ['limit=1001', 'limit'],
      ['limit=x', 'limit'],
      ['prefix=%ff', 'prefix=%ff'],
      [`after=${'x'.repeat(1025)}`, 'after'],
      ['prefx=a', 'prefx'],
      ['prefix=a&prefix=b', 'prefix'],
      ['vtag=1', 'vtag'],
    ]) {
      const response = await get(0, `?${query}`);
      assert.equal(response.status, 400, query);
      assert.equal((JSON.parse(response.text) as { parameter: string }).parameter, parameter);
    }
  });
});

/** A server that answers with a stream made here. Counts the requested pieces. */
async function streaming(
  t: { after: (task: () => void) => void },
  pieces: (count: () => void) => AsyncGenerator<Uint8Array>,
): Promise<{ socket: Socket; asked: () => number; log: readonly string[] }> {
  let count = 0;
  const log = memoryLog();
  const server = createServer((req, res) => {
    const answer = { status: 200, headers: {}, stream: pieces(() => (count += 1)) };
    void sendStream({ req, res }, log, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return { socket, asked: () => count, log: log.lines };
}

const PIECE = new Uint8Array(64 * 1024).fill(120);

test('a stream is produced only as fast as it is read', async (t) => {
  const { socket, asked } = await streaming(t, async function* (count) {
    for (let i = 0; i < 1_000; i++) {
      count();
      yield PIECE;
    }
  });
  await eventually('the pipe is full', async () => asked() > 1);
  await pause(200);
  const inPipe = asked();
  assert.ok(inPipe < 500, `${inPipe} pieces were made, and no client took them`);
  socket.on('data', () => asked() > inPipe && socket.pause());
  socket.resume();
  await eventually('reading makes more', async () => asked() > inPipe);
  socket.destroy();
  await pause(200);
  const atEnd = asked();
  assert.ok(atEnd < 999, 'none are made for a reader that is gone');
  await pause(100);
  assert.equal(asked(), atEnd);
});

test('a stream that fails ends without the end of its body', async (t) => {
  const { socket, log } = await streaming(t, async function* () {
    yield PIECE;
    throw new Error('no more');
  });
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1').slice(-10)));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  assert.ok(text.endsWith('x') || text.endsWith('x\r\n'), 'not the end of a chunked body');
  assert.deepEqual(log, ['warn answer cut short']);
});

// It starts a cluster of its own.
test(
  'a listing is complete with one node down, and 503 with two',
  { skip: !isLongRun() },
  async (t) => {
    cluster = await TestCluster.start(t);
    const keys = Array.from({ length: 300 }, (_, i) => `k${String(i).padStart(3, '0')}`);
    await fill(keys);
    await cluster.node(2).end('SIGKILL');
    await eventually('n3 is missed', async () =>
      (await cluster.node(0).status()).peers.some(({ reach }) => reach === 'unreachable'),
    );
    for (let i = 0; i < 100; i++)
      assert.equal(
        (await cluster.node(i % 2).key(`k${String(i).padStart(3, '0')}`, { method: 'DELETE' }))
          .status,
        204,
      );
    await cluster.node(0).key('new', { method: 'PUT', body: 'x' });
    const expected = [...keys.slice(100), 'new'];
    assert.deepEqual(await pages(0, '', 77), expected);
    assert.deepEqual(await stream(1, ''), expected);
    // It comes back with all deleted keys, and is asked at once.
    cluster.node(2).start();
    await eventually('n3 serves', async () => (await cluster.node(2).key('new')).status === 200);
    assert.deepEqual(await pages(2, '', 1000), expected);
    await cluster.connected();
    cluster.node(1).signal('SIGSTOP');
    // It is not suspect yet, so it is asked, is late, and the third node is asked instead.
    assert.deepEqual(await pages(0, '', 1000), expected);
    cluster.node(2).signal('SIGSTOP');
    await eventually('both are missed', async () =>
      (await cluster.node(0).status()).peers.every(({ reach }) => reach === 'unreachable'),
    );
    const refused = await get(0);
    assert.equal(refused.status, 503, refused.text);
    const problem = JSON.parse(refused.text) as Record<string, unknown>;
    assert.deepEqual([problem['code'], problem['have'], problem['need']], ['quorum-not-met', 1, 2]);
    assert.equal((await get(0, '?r=1')).status, 200);
  },
);
