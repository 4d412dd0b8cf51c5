/** The client at a secured cluster: it proves its identity, and never in the clear. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { clientFile, nodeWorld } from '../../src/adapters/secured.ts';
import { MecClient, RefusedError, UnavailableError } from '../../src/client/index.ts';
import { SecuredNode } from '../fixtures/secured.ts';

function clientOf(secured: SecuredNode, token: string): MecClient<string> {
  return new MecClient<string>(secured.node.url, { token, world: nodeWorld({ ca: secured.ca }) });
}

test('a client with a token does what its identity may, and no more', async (t) => {
  const secured = await SecuredNode.start(t);
  const token = await secured.tokenWith({ 'a/': ['read', 'write', 'delete', 'list'] });
  const client = clientOf(secured, token);
  await client.put('a/x', 'v');
  const read = await client.get('a/x');
  assert.equal(read.kind === 'value' && read.value, 'v');
  assert.deepEqual([...(await client.getMany(['a/x'])).keys()], ['a/x']);
  const keys: string[] = [];
  for await (const key of client.list({ prefix: 'a/' })) keys.push(key);
  assert.deepEqual(keys, ['a/x']);
  const code = (expected: string) => (error: unknown) =>
    error instanceof RefusedError && error.code === expected && !error.retriable;
  await assert.rejects(client.get('b'), code('forbidden'));
  await assert.rejects(client.put('b', 'v'), code('forbidden'));
  await assert.rejects(clientOf(secured, `${token}0`).get('a/x'), code('unauthenticated'));
});

test('a client waits when its identity sends too much', async (t) => {
  const secured = await SecuredNode.start(t, { security: { rate: 2 } });
  const client = clientOf(secured, secured.admin);
  const reads = Array.from({ length: 4 }, (_, i) => client.get(`k${i}`));
  for (const { kind } of await Promise.all(reads)) assert.equal(kind, 'missing');
  const many = Array.from({ length: 9 }, () => client.get('k', { deadlineMs: 300 }));
  const limited = (await Promise.allSettled(many)).flatMap((one) =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  );
  assert.ok(limited.length > 0);
  assert.ok(limited.every((error) => error instanceof UnavailableError));
});

test('a token is in no print of a client, and travels over TLS only', () => {
  const token = `mec_${'0'.repeat(16)}_${'a1'.repeat(32)}`;
  const client = new MecClient('https://127.0.0.1:1', { token });
  assert.ok(!inspect(client, { depth: 9, showHidden: true }).includes(token));
  assert.ok(!JSON.stringify(client).includes(token));
  for (const urls of ['http://127.0.0.1:1', ['https://a.example', 'http://b.example']])
    assert.throws(
      () => new MecClient(urls, { token }),
      /TypeError: A token travels over https only/,
    );
});

test('a program reads nodes, authority and token from a client file, and needs no more', async (t) => {
  const secured = await SecuredNode.start(t);
  const { urls, ...options } = clientFile(secured.made.clientFile);
  const client = new MecClient<string>(urls, options);
  await client.set('a', 'v');
  const read = await client.get('a');
  assert.equal(read.kind === 'value' && read.value, 'v');
  const file = join(secured.directory, 'odd.toml');
  assert.throws(() => clientFile(file), /^StartError: Cannot read .*odd\.toml: ENOENT/);
  await writeFile(file, 'ca = "ca.crt"\n');
  assert.throws(() => clientFile(file), /odd\.toml names no nodes: it needs the key url$/);
});

test('a certificate is a proof of its own, and another authority is not trusted', async (t) => {
  const secured = await SecuredNode.start(t);
  await secured.change('grants', { identity: 'ann', prefix: 'a/', verbs: ['read', 'write'] });
  const { certificate: cert, key } = await secured.certificateFor('mec://mec/user/ann');
  const world = nodeWorld({ ca: secured.ca, cert, key: key.reveal() });
  await new MecClient<string>(secured.node.url, { world }).put('a/x', 'v');
  const { ca } = await SecuredNode.start(t);
  for (const other of [nodeWorld({}), nodeWorld({ ca })])
    await assert.rejects(
      new MecClient(secured.node.url, { world: other, deadlineMs: 500 }).get('a/x'),
      /unreachable: (?:SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_SIGNATURE_FAILURE)/,
    );
});
