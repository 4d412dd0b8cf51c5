/** `getMany` and `setMany`: many keys in few requests. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type EmbeddedCluster, startCluster } from '../../src/index.ts';
import { bytes, MecClient, MecClientError, type Read, text } from '../../src/client/index.ts';
import * as limits from '../../src/client/limits.ts';
import * as core from '../../src/core/limits.ts';
import { MIB } from '../../src/base/bytes.ts';
import { MAX_OBJECT_BYTES } from '../../src/base/limits.ts';
import * as http from '../../src/http/limits.ts';
import { problemType } from '../../src/base/problem-type.ts';
import { type Behaviour, fakeNode } from '../fixtures/fake-node.ts';

let cluster: EmbeddedCluster;

before(async () => {
  cluster = await startCluster({ nodes: 4, http: { maxvalue: '4MiB' } });
});
after(() => cluster.close());

/** On a busy machine a large batch takes long. */
const PATIENT = { deadlineMs: 100_000, attemptMs: 50_000 };

const keysOf = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}/${i}`);

const valueOf = <T>(read: Read<T> | undefined): T | undefined =>
  read?.kind === 'value' ? read.value : undefined;

async function failure(promise: Promise<unknown>): Promise<MecClientError> {
  const error = await promise.then(
    () => assert.fail('it has succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MecClientError, String(error));
  return error;
}

test('the limits of the client are those of nodes', () => {
  assert.deepEqual(
    [limits.MAX_BATCH_OPERATIONS, limits.MAX_BATCH_BYTES],
    [http.MAX_BATCH_OPERATIONS, http.MAX_BATCH_BYTES],
  );
  for (const name of ['MAX_LIST_KEYS', 'MAX_TIMEOUT_MS', 'MAX_GONE_TOKENS'] as const)
    assert.equal(limits[name], core[name], name);
  assert.equal(limits.MAX_ANSWER_BYTES, MAX_OBJECT_BYTES + 8 * MIB);
});

test('more keys than a batch has are written and read, each with its own outcome', async () => {
  const client = new MecClient<number>(cluster.urls, PATIENT);
  const keys = keysOf('many', 2 * limits.MAX_BATCH_OPERATIONS + 10);
  for (const offset of [0, 1]) {
    const written = await client.setMany(keys.map((key, i) => [key, i + offset] as const));
    assert.deepEqual([...written.keys()], keys);
    for (const { siblings, token } of written.values()) assert.ok(siblings === 1 && token !== '');
  }
  await client.put('many/5', 0);
  const read = await client.getMany([...keys, 'many/none', keys[0] as string]);
  assert.deepEqual([...read.keys()], [...keys, 'many/none'], 'each key once, in order');
  assert.equal(read.get('many/none')?.kind, 'missing');
  const siblings = read.get('many/5');
  assert.ok(siblings?.kind === 'siblings');
  assert.deepEqual(
    siblings.siblings.map(({ value }) => value),
    [0, 6],
  );
  for (const [i, key] of keys.entries()) if (i !== 5) assert.equal(valueOf(read.get(key)), i + 1);
  const counted = await client.count({ prefix: 'many/' });
  assert.deepEqual([counted.keys, counted.siblings], [keys.length, 1], 'count has several pages');
  await client.put('many/5', 7, { token: siblings.token });
  assert.equal(valueOf(await client.get('many/5')), 7, 'the token of a batch is one of its key');
  assert.deepEqual([...(await client.getMany([]))], []);
  assert.deepEqual([...(await client.setMany([]))], []);
});

test('values come back byte for byte, with their options', async () => {
  const client = new MecClient(cluster.urls, { codec: bytes, clientId: 'ann' });
  const values = [Buffer.from([0, 255, 13, 10]), Buffer.from('grün\r\n"'), Buffer.alloc(0)];
  const entries = values.map((value, i) => [`bytes/${i}`, value] as const);
  await client.setMany(entries, { ttlSeconds: 600, meta: { by: 'ann' }, w: 'all', r: 1 });
  const read = await client.getMany(entries.map(([key]) => key));
  for (const [i, value] of values.entries()) {
    const one = read.get(`bytes/${i}`);
    assert.ok(one?.kind === 'value');
    assert.deepEqual(Buffer.from(one.value), value);
    assert.deepEqual([one.meta['by'], one.clientId], ['ann', 'ann']);
    assert.ok(one.expires !== undefined);
  }
  const single = await client.get('bytes/1');
  // The tokens of two reads may differ: each has all that its replicas had seen of the partition.
  const token = '';
  assert.deepEqual({ ...single, token }, { ...read.get('bytes/1'), token }, 'as a single read');
});

test('values that no batch can take are sent alone, and so are reads of them', async () => {
  const client = new MecClient(cluster.urls, { codec: text, ...PATIENT });
  const large = 'v'.repeat(Math.ceil(limits.MAX_BATCH_BYTES / 3));
  const entries = [...keysOf('large', 7), 'large/small'].map(
    (key, i) => [key, i === 7 ? 'small' : `${i}${large}`] as const,
  );
  await client.setMany(entries);
  const read = await client.getMany(entries.map(([key]) => key));
  for (const [key, value] of entries) assert.equal(valueOf(read.get(key)), value);
});

test('only what has failed is sent again, with the same name', async (t) => {
  const busy = { status: 503, value: problemOf(503, 'overloaded', { mayTakeEffect: true }) };
  const node = await fakeNode(t, (response, { body }, i) => {
    const lines = body.trim().split('\n');
    const answers = lines.map((_, at) => (i === 0 && at === 1 ? busy : GOOD_LINE));
    response.writeHead(200).end(answers.map((line) => `${JSON.stringify(line)}\n`).join(''));
  });
  const client = new MecClient<string>(node.url);
  await client.setMany([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  const [first, second, ...more] = node.requests.map(({ body }) => body.trim().split('\n'));
  assert.deepEqual([first?.length, second, more], [3, [first?.[1]], []]);
  assert.match(first?.[1] ?? '', /"x-mec-write-id":"[0-9a-z]{20}"/);
});

test('an error names the keys that have failed, and says that nothing of them is written', async () => {
  const client = new MecClient<string>(cluster.urls);
  const error = await failure(
    client.setMany([
      ['', 'v'],
      ['named', 'v'],
      ['x'.repeat(2_000), 'v'],
    ]),
  );
  assert.deepEqual([error.code, error.mayTakeEffect], ['bad-key', false]);
  assert.deepEqual(error.failedKeys, ['', 'x'.repeat(2_000)]);
  assert.match(error.message, /^2 of 3 keys failed\. /);
  assert.equal(valueOf(await client.get('named')), 'v', 'the others are written');
  assert.equal((await failure(client.getMany(['', 'named']))).code, 'bad-key');
});

test('an operation that is cut off by the deadline keeps what a node has said of it', async (t) => {
  const unsure = { status: 504, value: problemOf(504, 'timeout', { mayTakeEffect: true }) };
  const node = await fakeNode(t, (response, { body }, count) => {
    // Only the first request has an answer.
    if (count > 0) return;
    const lines = body.trim().split('\n');
    const answers = lines.map((line) => (line.includes('"b"') ? unsure : GOOD_LINE));
    response.writeHead(200).end(answers.map((line) => `${JSON.stringify(line)}\n`).join(''));
  });
  const entries = [
    ['a', '1'],
    ['b', '2'],
  ] as const;
  const client = new MecClient<string>(node.url, { deadlineMs: 2_000 });
  const late = await failure(client.setMany(entries));
  assert.equal(node.requests.length, 2);
  assert.deepEqual([late.code, late.mayTakeEffect, late.failedKeys], ['timeout', true, ['b']]);
});

test('an answer that is not of a node is a bad-answer for all keys', async (t) => {
  const line = `${JSON.stringify(GOOD_LINE)}\n`;
  const bodies = [
    '<h1>Please log in</h1>',
    '',
    line,
    line.repeat(3),
    `${line}${line.trim()}`,
    `null\n${line}`,
  ];
  for (const body of bodies) {
    const behave: Behaviour = (response) => void response.writeHead(200).end(body);
    const client = new MecClient<string>((await fakeNode(t, behave)).url);
    const writing = await failure(
      client.setMany([
        ['a', '1'],
        ['b', '2'],
      ]),
    );
    assert.deepEqual([writing.code, writing.mayTakeEffect], ['bad-answer', true], body);
    assert.deepEqual(writing.failedKeys, ['a', 'b']);
    const reading = await failure(client.getMany(['a', 'b']));
    assert.deepEqual([reading.code, reading.mayTakeEffect], ['bad-answer', false], body);
  }
});

test('reads of many keys go on from what the client has seen', async (t) => {
  const node = await fakeNode(t, (response, { url, body }) => {
    const count = url.startsWith('/batch') ? body.trim().split('\n').length : 0;
    if (count > 0)
      return void response.writeHead(200).end(`${JSON.stringify(GOOD_LINE)}\n`.repeat(count));
    const { status: _, value: __, ...headers } = GOOD_LINE;
    return void response.writeHead(200, headers).end();
  });
  const client = new MecClient<string>(node.url);
  await client.put('a', '1');
  await client.getMany(['a', 'b']);
  await client.getMany(['a', 'b']);
  await client.getMany(['a'], { monotonic: false });
  const sent = node.requests.slice(1).map(({ body }) =>
    body
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Record<string, string>)['x-mec-seen']),
  );
  assert.deepEqual(sent, [[DOT, undefined], [DOT, DOT], [undefined]]);
});

const DOT = 'x~0000000000:1';
const GOOD_LINE = { status: 200, 'X-Mec-Vclock': 'dG9rZW4=', 'X-Mec-Dot': DOT, value: '"v"' };

const problemOf = (status: number, code: string, more: object): string =>
  JSON.stringify({ type: problemType(code), status, code, detail: code, ...more });
