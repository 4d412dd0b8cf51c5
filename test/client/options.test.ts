/** The client refuses options that it does not know, and addresses that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientOptions, MecClient, RefusedError } from '../../src/client/index.ts';
import { answer, fakeNode } from '../fixtures/fake-node.ts';

test('an option that a call does not have is refused, and nothing is sent', async (t) => {
  const node = await fakeNode(t, answer(1));
  const client = new MecClient<number>(node.url);
  const merge = Math.max;
  const wrong = { ttl: 5 };
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    get: () => client.get('k', wrong as object),
    put: () => client.put('k', 1, wrong as object),
    set: () => client.set('k', 1, wrong as object),
    delete: () => client.delete('k', wrong as object),
    update: () => client.update('k', () => 1, { merge, ...wrong }),
    getMany: () => client.getMany(['k'], wrong as object),
    setMany: () => client.setMany([['k', 1]], wrong as object),
    count: () => client.count(wrong as object),
    list: () => client.list(wrong as object).next(),
  };
  for (const [name, call] of Object.entries(calls)) {
    const expected = /"ttl" is unknown; known are .*deadlineMs/;
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof RefusedError && !error.mayTakeEffect, name);
      assert.match(error.message, expected);
      return true;
    });
  }
  // A token in place of the options, as in other stores.
  for (const options of ['dG9rZW4=', 5, null])
    await assert.rejects(client.put('k', 1, options as never), /must be an object/);
  await assert.rejects(
    client.update('k', () => 1, {} as never),
    /needs the option merge/,
  );
  assert.equal(node.requests.length, 0);
});

test('every documented option of a call is taken', async (t) => {
  const node = await fakeNode(t, answer(1));
  const client = new MecClient<number>(node.url, { clientId: 'ann' });
  const call = { deadlineMs: 1_000, attemptMs: 500, signal: new AbortController().signal };
  const both = { r: 1, w: 1 } as const;
  await client.get('k', { ...call, r: 1, monotonic: false });
  await client.put('k', 1, {
    ...call,
    w: 1,
    meta: { by: 'ann' },
    ttlSeconds: 1,
    contentType: 'text/plain',
    contentEncoding: 'identity',
    clientId: 'bob',
    ifMatch: '"0"',
    once: true,
  });
  await client.set('k', 1, { ...call, ...both, ttlSeconds: 1, clientId: 'bob', meta: {} });
  await client.delete('k', { ...call, ...both });
  await client.update('k', () => 2, { ...call, ...both, merge: Math.max, ttlSeconds: 1 });
  assert.equal(node.requests.length, 6);
});

test('a client without the URL of a node is refused with a clear error', () => {
  const none = /^TypeError: .* is not the URL of a node; expected a URL like http:/;
  for (const urls of [undefined, null, [], {}, 3000, [[]]])
    assert.throws(() => new MecClient(urls as never), none);
  for (const urls of ['', [undefined], [null], 'localhost:3000', ['http://127.0.0.1:3000', '']])
    assert.throws(() => new MecClient(urls as never), none);
  const wrong = { timeout: 5 } as ClientOptions<unknown>;
  assert.throws(() => new MecClient('http://127.0.0.1:3000', wrong), /"timeout" is unknown/);
});
