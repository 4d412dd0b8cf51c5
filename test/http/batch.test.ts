/** `POST /batch`: many operations in one request, each as in a request of its own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type EmbeddedCluster, startCluster } from '../../src/index.ts';
import {
  MAX_BATCH_ANSWER_BYTES,
  MAX_BATCH_BYTES,
  MAX_BATCH_OPERATIONS,
  MAX_BATCHES,
} from '../../src/http/limits.ts';
import { type BatchRoutes, serveBatch } from '../../src/http/batch-route.ts';
import { bodyInMemory } from '../../src/http/body-in-memory.ts';
import { MecError } from '../../src/base/errors.ts';
import { type Response, send } from '../fixtures/http.ts';

let cluster: EmbeddedCluster;
let asked = 0;

before(async () => {
  cluster = await startCluster({ nodes: 4, http: { maxvalue: '2MiB' } });
});
after(() => cluster.close());

type Line = Readonly<Record<string, unknown>>;

const nextUrl = (): string => cluster.urls[asked++ % cluster.urls.length] as string;

/** Sends a body to `/batch`, at one node after the other. */
const post = (body: string, query = '', headers: Readonly<Record<string, string>> = {}) =>
  send(`${nextUrl()}/batch${query}`, { method: 'POST', body, headers, timeoutMs: 60_000 });

/** The answers to operations. */
async function batch(operations: readonly Line[], query = ''): Promise<Record<string, string>[]> {
  const answer = await post(operations.map((line) => JSON.stringify(line)).join('\n'), query);
  assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/x-ndjson']);
  const lines = answer.text.split('\n');
  assert.equal(lines.pop(), '', 'every line has its end');
  return lines.map((line) => JSON.parse(line) as Record<string, string>);
}

const statuses = async (operations: readonly Line[]): Promise<unknown[]> =>
  (await batch(operations)).map(({ status }) => status);
const codeOf = ({ value }: Readonly<Record<string, string>>): unknown =>
  (JSON.parse(String(value)) as Record<string, unknown>)['code'];
const get = (key: string): Promise<Response> => send(`${nextUrl()}/mec/${key}`);

test('each operation is answered in its place, with status, token and value', async () => {
  const binary = Buffer.from([0, 255, 10, 13]);
  const put = { op: 'put', 'Content-Type': 'text/plain' };
  const written = await batch([
    { ...put, key: 'b/1', value: 'one\ntwo "three" é', 'X-Mec-Meta-By': 'ann', 'X-Mec-TTL': 600 },
    { op: 'get', key: 'b/none' },
    { ...put, key: 'b/2', value: binary.toString('base64'), encoding: 'base64' },
    { ...put, key: 'b/empty', value: '' },
    { op: 'delete', key: 'b/none' },
  ]);
  assert.deepEqual(
    written.map(({ status }) => status),
    [200, 404, 200, 200, 404],
  );
  for (const i of [0, 2, 3]) {
    assert.match(written[i]?.['X-Mec-Vclock'] ?? '', /^[\w+/]+=*$/);
    assert.match(written[i]?.['X-Mec-Dot'] ?? '', /^n\d~\w+:\d+$/);
    assert.equal(written[i]?.['value'], undefined);
  }
  const keys = ['b/2', 'b/empty', 'b/1'];
  const [two, empty, one] = await batch(keys.map((key) => ({ op: 'get', key })));
  assert.deepEqual([two?.['encoding'], two?.['value']], ['base64', binary.toString('base64')]);
  assert.deepEqual([empty?.['status'], empty?.['value']], [200, '']);
  assert.deepEqual([one?.['encoding'], one?.['value']], ['utf8', 'one\ntwo "three" é']);
  assert.deepEqual([one?.['Content-Type'], one?.['X-Mec-Meta-by']], ['text/plain', 'ann']);
  assert.ok(one?.['X-Mec-Expires'] !== undefined && one['X-Mec-Vclock'] !== undefined);
  assert.equal((await get('b/1')).text, 'one\ntwo "three" é', 'other requests see it, too');
});

test('headers and parameters of a single request are fields', async () => {
  const put = { op: 'put', key: 'f' };
  const [first, refused, once, again] = await batch([
    { ...put, value: 'a', 'If-None-Match': '*' },
    { ...put, value: 'b', 'if-none-match': '*' },
    { ...put, key: 'f/once', value: 'c', 'Idempotency-Key': 'batch-1' },
    { ...put, key: 'f/once', value: 'c', 'Idempotency-Key': 'batch-1' },
  ]);
  assert.deepEqual([first?.['status'], refused?.['status']], [200, 412]);
  assert.deepEqual([once?.['status'], again?.['X-Mec-Repeated']], [200, 'true']);
  const [next, sibling, three] = await batch([
    { ...put, value: 'd', 'X-Mec-Vclock': first?.['X-Mec-Vclock'], w: 'all' },
    { ...put, value: 'e' },
    { op: 'get', key: 'f', Accept: 'application/json', r: 2 },
  ]);
  assert.deepEqual([next?.['status'], sibling?.['X-Mec-Siblings']], [200, '2']);
  assert.equal(three?.['status'], 300);
  const { siblings } = JSON.parse(String(three['value'])) as { siblings: Line[] };
  assert.deepEqual(
    siblings.map(({ value }) => value),
    ['e', 'd'],
  );
  const [set, read, removed, missing] = await batch([
    { ...put, value: 'g', replace: true },
    { op: 'get', key: 'f' },
    { op: 'delete', key: 'f' },
    { op: 'get', key: 'f' },
  ]);
  assert.deepEqual([set?.['status'], read?.['value']], [200, 'g']);
  assert.deepEqual([removed?.['status'], missing?.['status']], [204, 404]);
  assert.ok(removed?.['X-Mec-Vclock'] !== undefined && missing?.['X-Mec-Vclock'] !== undefined);
});

test('operations on one key are done in their order', async () => {
  const operations = Array.from({ length: 100 }, (_, i) => [
    { op: 'put', key: 'order', value: String(i), replace: true },
    { op: 'get', key: 'order' },
  ]).flat();
  const values = (await batch(operations, '?timeout=60000')).filter(
    ({ status }, i) => i % 2 === 1 && status,
  );
  assert.deepEqual(
    values.map(({ value }) => value),
    Array.from({ length: 100 }, (_, i) => String(i)),
  );
});

test('an operation is refused as a single request would be, and the others are done', async () => {
  const put = { op: 'put', key: 'x', value: 'v' };
  const refused: readonly [Line, number, string][] = [
    [{ ...put, op: 'post' }, 400, 'bad-parameter'],
    [{ key: 'x' }, 400, 'bad-parameter'],
    [{ op: 'get' }, 400, 'bad-parameter'],
    [{ op: 'put', key: 'x' }, 400, 'bad-parameter'],
    [{ op: 'get', key: 'x', value: 'v' }, 400, 'bad-parameter'],
    [{ ...put, ttl: 5 }, 400, 'bad-parameter'],
    [{ ...put, Host: 'x' }, 400, 'bad-parameter'],
    [{ ...put, 'X-Mec-Tll': 5 }, 400, 'bad-parameter'],
    [{ ...put, 'X-Mec-TTL': 0 }, 400, 'bad-parameter'],
    [{ ...put, 'X-Mec-TTL': [5] }, 400, 'bad-parameter'],
    [{ ...put, 'X-Mec-TTL': 5, 'x-mec-ttl': 6 }, 400, 'bad-parameter'],
    [{ ...put, 'Content-Type': 'a\r\nX-Evil: 1' }, 400, 'bad-parameter'],
    [{ ...put, 'X-Mec-Client-ID': '日本' }, 400, 'bad-parameter'],
    [{ ...put, 'X-Mec-Meta-a b': '1' }, 400, 'bad-parameter'],
    [{ ...put, 'X-Mec-Meta-long': 'x'.repeat(9_000) }, 431, 'headers-too-large'],
    [{ ...put, 'X-Mec-Vclock': 'nonsense' }, 400, 'bad-vclock'],
    [{ ...put, 'Content-Digest': 'sha-256=:AAAA:' }, 400, 'digest-mismatch'],
    [{ ...put, replace: true, 'If-Match': '*' }, 400, 'bad-parameter'],
    [{ ...put, timeout: 5 }, 400, 'bad-parameter'],
    [{ ...put, r: 99 }, 400, 'bad-parameter'],
    [{ ...put, encoding: 'hex' }, 400, 'bad-parameter'],
    [{ ...put, encoding: 'base64', value: '*' }, 400, 'bad-parameter'],
    [{ ...put, value: '\ud800' }, 400, 'bad-parameter'],
    [{ ...put, value: 5 }, 400, 'bad-parameter'],
    [{ ...put, key: '' }, 400, 'bad-key'],
    [{ ...put, key: '\0x' }, 400, 'bad-key'],
    [{ ...put, key: '\ud800' }, 400, 'bad-key'],
    [{ ...put, key: 'k'.repeat(1_025) }, 414, 'key-too-long'],
    [{ ...put, value: 'v'.repeat(2 * 1024 * 1024 + 1) }, 413, 'value-too-large'],
  ];
  const good = { op: 'put', key: 'good', value: 'done' };
  const answers = await batch([...refused.map(([line]) => line), good]);
  for (const [i, [line, status, code]] of refused.entries()) {
    const answer = answers[i] ?? {};
    const told = JSON.stringify(line).slice(0, 80);
    assert.deepEqual([answer['status'], codeOf(answer)], [status, code], told);
    assert.equal(answer['Content-Type'], 'application/problem+json');
  }
  assert.equal(answers.at(-1)?.['status'], 200);
  assert.deepEqual(await statuses([{ op: 'get', key: 'x' }]), [404], 'none of them was stored');
  assert.equal((await get('good')).text, 'done');
});

test('of a batch that is malformed or too large, nothing is done', async () => {
  const good = JSON.stringify({ op: 'put', key: 'nothing', value: 'v' });
  const many = `${good}\n`.repeat(MAX_BATCH_OPERATIONS + 1);
  const refused: readonly [string, number, string][] = [
    [`${good}\nnonsense`, 400, 'bad-request'],
    [`${good}\n[]`, 400, 'bad-request'],
    [`${good}\nnull`, 400, 'bad-request'],
    [`${good}\n{"op":`, 400, 'bad-request'],
    [many, 413, 'batch-too-large'],
    [`${good}\n`.padEnd(MAX_BATCH_BYTES + 1), 413, 'batch-too-large'],
  ];
  for (const [body, status, code] of refused) {
    const answer = await post(body);
    const problem = JSON.parse(answer.text) as Record<string, unknown>;
    assert.deepEqual([answer.status, problem['code']], [status, code], body.slice(0, 80));
    assert.equal(problem['mayTakeEffect'], false);
  }
  assert.equal((await post(good, '', { 'X-Mec-TTL': '5' })).status, 400, 'it belongs into a line');
  assert.equal((await post(good, '?w=1')).status, 400);
  assert.equal((await send(`${nextUrl()}/batch`)).status, 405);
  assert.equal((await get('nothing')).status, 404);
  const empty = await post('\n\n');
  assert.deepEqual([empty.status, empty.text], [200, '']);
  assert.equal((await batch(Array(MAX_BATCH_OPERATIONS).fill(JSON.parse(good)))).length, 1_000);
});

test('reads that would make the answer too large are refused, and writes are not', async () => {
  const value = 'v'.repeat(1 << 20);
  const keys = Array.from({ length: 20 }, (_, i) => `large/${i}`);
  for (const key of keys) {
    assert.deepEqual(await statuses([{ op: 'put', key, value }]), [200]);
  }
  const reads = keys.map((key) => ({ op: 'get', key }));
  const answers = await batch([...reads, { op: 'put', key: 'after', value: 'v' }]);
  const bytes = answers.reduce((sum, answer) => sum + JSON.stringify(answer).length, 0);
  assert.ok(bytes <= MAX_BATCH_ANSWER_BYTES, `${bytes} bytes`);
  const full = answers.filter(({ status }) => Number(status) === 413);
  assert.ok(full.length >= 4 && full.length < 20, `${full.length} refused`);
  assert.equal(codeOf(full[0] ?? {}), 'batch-too-large');
  assert.equal(answers.at(-1)?.['status'], 200);
});

test('the timeout is that of the whole batch: the rest is not begun', async () => {
  const keys = Array.from({ length: MAX_BATCH_OPERATIONS }, (_, i) => `late/${i}`);
  const operations = keys.map((key) => ({ op: 'put', key, value: 'v' }));
  const answers = await batch(operations, '?timeout=5');
  const untouched = answers.flatMap((answer, i) => {
    if (Number(answer['status']) !== 504) return [];
    const { mayTakeEffect } = JSON.parse(String(answer['value'])) as Line;
    return mayTakeEffect === false ? [keys[i] as string] : [];
  });
  assert.ok(untouched.length > 0);
  const reads = await batch(untouched.map((key) => ({ op: 'get', key })));
  assert.ok(reads.every(({ status }) => Number(status) === 404));
});

test('a node has a limit of batches in progress', async () => {
  const node = { config: { quorum: { n: 3, timeoutMs: 1_000 } } };
  const env = { clock: { monotonicMs: () => 0 } };
  const routes = { node, env, batches: { count: MAX_BATCHES } } as unknown as BatchRoutes;
  const head = { method: 'POST', path: '/batch', query: '', headers: {} };
  const request = { ...head, ...bodyInMemory(Buffer.from('{"op":"get","key":"k"}')) };
  await assert.rejects(serveBatch(routes, request), (error) => {
    assert.ok(error instanceof MecError);
    assert.deepEqual([error.code, error.details.mayTakeEffect], ['overloaded', false]);
    return true;
  });
  assert.equal(routes.batches.count, MAX_BATCHES);
});
