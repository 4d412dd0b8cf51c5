/** The stored bytes of tenants, through the front door of a secured node on a real disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecClient, RefusedError } from '../../src/client/index.ts';
import { MAX_QUOTA_BYTES } from '../../src/core/limits.ts';
import type { ClientWorld } from '../../src/client/world.ts';
import { nodeWorld } from '../../src/adapters/secured.ts';
import { eventually } from '../fixtures/cluster.ts';
import type { Response } from '../fixtures/http.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { SecuredNode, sendSecured, startSecured } from '../fixtures/secured.ts';

const codeOf = ({ text }: Response): unknown => (JSON.parse(text) as { code?: unknown }).code;
const FULL = [507, 'quota-exceeded'];

/** The bytes of a value. */
const LARGE = 60_000;
const QUOTA = 2.5 * LARGE;

test('a tenant stores a number of bytes and no more, also after a restart', async (t) => {
  const secured = await SecuredNode.start(t);
  const { admin, ca, directory } = secured;
  let { url } = secured.node;
  const token = await secured.tokenWith({ 'shop/': ['write', 'delete', 'read'] });
  const send = (method: string, path: string, bytes = 0, by = token): Promise<Response> =>
    sendSecured(url + path, ca, { method, token: by, body: 'x'.repeat(bytes) });
  const put = (key: string, bytes = LARGE, by = token): Promise<Response> =>
    send('PUT', `/mec/${key}`, bytes, by);
  const isFull = async (): Promise<boolean> => (await put('shop/more?replace=true')).status === 507;

  const limited = await secured.change('quotas', { tenant: 'shop', bytes: QUOTA });
  assert.equal(limited.status, 200, limited.text);
  const tooLarge = await put('shop/all', QUOTA + 1);
  assert.deepEqual([tooLarge.status, codeOf(tooLarge)], FULL);
  const told = JSON.parse(tooLarge.text) as { limit: number; mayTakeEffect: boolean };
  assert.deepEqual([told.limit, told.mayTakeEffect], [QUOTA, false]);
  assert.equal((await send('GET', '/mec/shop/all')).status, 404);
  for (const key of ['shop/1', 'shop/2']) assert.equal((await put(key)).status, 200);
  await eventually('the tenant is full', isFull);
  assert.equal((await put('store/1', LARGE, admin)).status, 200, 'another tenant');

  await secured.node.close();
  const again = await startSecured(directory);
  t.after(() => again.close());
  ({ url } = again);
  await eventually('the tenant is full again', isFull);
  for (const key of ['1', '2'])
    assert.equal((await send('DELETE', `/mec/shop/${key}`)).status, 204);
  await eventually(
    'there is room',
    async () => (await put('shop/more?replace=true')).status === 200,
  );
});

test('an operation of a batch is refused by the quota of its tenant, and the others are done', async (t) => {
  const secured = await SecuredNode.start(t);
  await secured.change('quotas', { tenant: 'shop', bytes: 10 });
  const lines = ['shop/a', 'store/a'].map((key) =>
    JSON.stringify({ op: 'put', key, value: 'x'.repeat(20) }),
  );
  const answer = await secured.send('/batch', {
    method: 'POST',
    token: secured.admin,
    headers: { 'Content-Type': 'application/x-ndjson' },
    body: `${lines.join('\n')}\n`,
  });
  const told = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status: number });
  assert.deepEqual(
    told.map(({ status }) => status),
    [507, 200],
    answer.text,
  );
});

test('a change of a quota that is malformed is refused with the field', async (t) => {
  const secured = await SecuredNode.start(t);
  for (const [document, parameter] of [
    [{ tenant: 'a/b', bytes: 1 }, 'tenant'],
    [{ tenant: '', bytes: 1 }, 'tenant'],
    [{ tenant: 'a' }, 'bytes'],
    [{ tenant: 'a', bytes: -1 }, 'bytes'],
    [{ tenant: 'a', bytes: 1.5 }, 'bytes'],
    [{ tenant: 'a', bytes: MAX_QUOTA_BYTES + 1 }, 'bytes'],
  ] as const) {
    const answer = await secured.change('quotas', document);
    assert.equal(answer.status, 400, answer.text);
    assert.equal((JSON.parse(answer.text) as { parameter: string }).parameter, parameter);
  }
  const user = await secured.tokenWith({ '': ['read', 'write', 'delete', 'list', 'monitor'] });
  assert.equal((await secured.change('quotas', { tenant: 'a', bytes: 1 }, user)).status, 403);
});

test('mec security quota sets a quota, status tells its use, and none takes it away', async (t) => {
  const secured = await SecuredNode.start(t);
  const remote = ['--client', secured.made.clientFile];
  const mec = (...words: readonly string[]) => runMec(['security', ...words, ...remote]);
  assert.deepEqual((await mec('quota', 'shop', '10KiB')).code, 0);
  await secured.send('/mec/shop/a', {
    method: 'PUT',
    token: secured.admin,
    body: 'x'.repeat(5_120),
  });
  await eventually('the bytes are counted', async () =>
    /^tenant\/shop {2}5\.\d KiB of 10\.0 KiB$/m.test((await mec('status')).out),
  );
  assert.equal((await mec('quota', 'shop', 'much')).code, 2);
  assert.deepEqual((await mec('quota', 'shop', 'none')).code, 0);
  assert.match((await mec('status')).out, /^tenant\/shop\s*$/m);
});

test('the client does not repeat a write that a quota refuses', async (t) => {
  const secured = await SecuredNode.start(t);
  await secured.change('quotas', { tenant: 'shop', bytes: 10 });
  let sent = 0;
  const world = nodeWorld({ ca: secured.ca });
  const counted = (
    ...given: Parameters<ClientWorld['fetch']>
  ): ReturnType<ClientWorld['fetch']> => {
    sent += 1;
    return world.fetch(...given);
  };
  const client = new MecClient<string>(secured.node.url, {
    token: secured.admin,
    world: { ...world, fetch: counted },
  });
  await assert.rejects(client.put('shop/a', 'x'.repeat(20)), (error) => {
    assert.ok(error instanceof RefusedError, String(error));
    assert.equal(error.code, 'quota-exceeded');
    return true;
  });
  assert.equal(sent, 1);
});
