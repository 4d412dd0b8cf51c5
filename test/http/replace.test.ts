/** Writes with `?replace=true`: the `set` of other stores. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type EmbeddedCluster, startCluster } from '../../src/index.ts';
import { MAX_SIBLINGS } from '../../src/storage/limits.ts';
import { eventually } from '../fixtures/cluster.ts';
import {
  parseMultipart,
  type Response,
  send,
  type SendOptions,
  tokenOf,
} from '../fixtures/http.ts';

let cluster: EmbeddedCluster;
let asked = 0;

before(async () => {
  // With five nodes, two of them own no version of a key, and forward its writes.
  cluster = await startCluster({ nodes: 5 });
});
after(() => cluster.close());

/** Sends a request for a key, to one node after the other. */
const ask = (key: string, sent: SendOptions = {}, query = ''): Promise<Response> =>
  send(`${cluster.urls[asked++ % cluster.urls.length]}/mec/${key}${query}`, sent);
const put = (key: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  ask(key, { method: 'PUT', body, headers });
const set = (key: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  ask(key, { method: 'PUT', body, headers }, '?replace=true');

async function valuesOf(key: string): Promise<string[]> {
  const read = await ask(key, {}, '?r=all');
  if (read.status === 404) return [];
  return read.status === 200 ? [read.text] : parseMultipart(read).map(({ body }) => String(body));
}

test('150 writes that replace, at all nodes in turn, leave one value', async () => {
  for (let i = 0; i < 150; i++) {
    const written = await set('hits', String(i));
    assert.deepEqual([written.status, written.headers['x-mec-siblings']], [200, undefined]);
  }
  assert.deepEqual(await valuesOf('hits'), ['149']);
});

test('a write that replaces removes siblings, even if there are as many as there may be', async () => {
  for (let i = 0; i < MAX_SIBLINGS; i++) await put('many', String(i));
  const refused = await put('many', 'one more');
  assert.equal(refused.status, 409);
  assert.match(refused.text, /replace=true/, 'the error says what to do');
  const written = await set('many', 'one');
  assert.equal(written.status, 200);
  assert.deepEqual(await valuesOf('many'), ['one']);
  const next = await put('many', 'two', { 'X-Mec-Vclock': tokenOf(written) });
  assert.equal(next.status, 200);
  assert.deepEqual(await valuesOf('many'), ['two'], 'its token includes what it has replaced');
});

test('concurrent writes that replace are never lost: each is a value, or was replaced', async () => {
  const texts = Array.from({ length: 12 }, (_, i) => String(i));
  const answers = await Promise.all(texts.map((text) => set('race', text)));
  assert.ok(answers.every(({ status }) => status === 200));
  const left = await valuesOf('race');
  assert.ok(left.length >= 1 && left.every((text) => texts.includes(text)), String(left));
  await set('race', 'last');
  assert.deepEqual(await valuesOf('race'), ['last']);
});

test('a write that replaces creates a key, and brings back a deleted one', async () => {
  assert.equal((await set('new', 'a')).status, 200);
  assert.equal((await ask('new', { method: 'DELETE' })).status, 204);
  assert.equal((await set('new', 'b')).status, 200);
  assert.deepEqual(await valuesOf('new'), ['b']);
});

test('a write that replaces something else as well is refused, and writes nothing', async () => {
  const token = tokenOf(await put('both', 'kept'));
  const others: readonly Record<string, string>[] = [
    { 'X-Mec-Vclock': token },
    { 'If-Match': '*' },
    { 'If-None-Match': '*' },
    { 'Idempotency-Key': 'once' },
  ];
  for (const headers of others) {
    const refused = await set('both', 'lost', headers);
    const { code, parameter, detail } = JSON.parse(refused.text) as Record<string, string>;
    assert.deepEqual([refused.status, code, parameter], [400, 'bad-parameter', 'replace']);
    assert.match(detail ?? '', /cannot be used with/);
  }
  const deleting = await ask('both', { method: 'DELETE' }, '?replace=true');
  assert.equal(deleting.status, 400);
  assert.deepEqual(await valuesOf('both'), ['kept']);
  // With replace=false it is an ordinary write.
  const plain = { method: 'PUT', body: 'next', headers: { 'X-Mec-Vclock': token } };
  assert.equal((await ask('both', plain, '?replace=false')).status, 200);
  assert.deepEqual(await valuesOf('both'), ['next']);
});

test('a version that its read did not meet stays as a sibling', async () => {
  await put('apart', 'first');
  cluster.partition([0], [1, 2, 3, 4]);
  await eventually('the node alone takes a blind write', async () => {
    const alone = `${cluster.urls[0]}/mec/apart?w=1&timeout=500`;
    return (await send(alone, { method: 'PUT', body: 'alone' })).status === 200;
  });
  await eventually('the others replace what they have', async () => {
    const url = `${cluster.urls[1]}/mec/apart?replace=true&timeout=500`;
    return (await send(url, { method: 'PUT', body: 'together' })).status === 200;
  });
  cluster.heal();
  await cluster.whole();
  await eventually('both are there', async () => {
    const values = await valuesOf('apart');
    return values.includes('alone') && values.includes('together') && !values.includes('first');
  });
});
