/** The client before servers that are no nodes: proxies, login pages, and worse. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { lightFetch } from '../../src/adapters/light-fetch.ts';
import { MecClient, MecClientError, systemWorld } from '../../src/client/index.ts';
import { MAX_ANSWER_BYTES, MAX_ANSWER_PARTS } from '../../src/client/limits.ts';
import { answer, type Behaviour, deadUrl, fakeNode } from '../fixtures/fake-node.ts';

const PAGE = '<h1>Please log in</h1>';
const TOKEN = { 'X-Mec-Vclock': 'dG9rZW4=' };
const NAMES = { ...TOKEN, 'X-Mec-Dot': 'x~0000000000:1' };

const reply =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = PAGE): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(status === 204 ? undefined : body);

/** The error of a call: one of the client, or the test fails. */
async function failure(promise: Promise<unknown>): Promise<MecClientError> {
  const error = await promise.then(
    (result) => assert.fail(`it has succeeded: ${JSON.stringify(result)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MecClientError, String(error));
  return error;
}

/** The code of the error of a call, and whether the call may have taken effect. */
const outcome = (promise: Promise<unknown>): Promise<unknown[]> =>
  failure(promise).then(({ code, mayTakeEffect }) => [code, mayTakeEffect]);

async function clientOf(t: TestContext, behave: Behaviour): Promise<MecClient> {
  return new MecClient((await fakeNode(t, behave)).url, { deadlineMs: 5_000 });
}

test('a write whose answer no node gives may have taken effect', async (t) => {
  const odd: Readonly<Record<string, Behaviour>> = {
    'the page of a login': reply(200),
    'an answer without token': reply(200, { 'X-Mec-Dot': NAMES['X-Mec-Dot'] }, ''),
    'an answer without dot': reply(200, TOKEN, ''),
    'an empty token': reply(200, { ...NAMES, 'X-Mec-Vclock': '' }, ''),
    'a token that is none': reply(200, { ...NAMES, 'X-Mec-Vclock': '<br>' }, ''),
    'a dot that is none': reply(200, { ...NAMES, 'X-Mec-Dot': 'x' }, ''),
    'a number that is none': reply(200, { ...NAMES, 'X-Mec-Siblings': 'many' }, ''),
    'another status': reply(201, NAMES, ''),
    siblings: reply(300, NAMES, ''),
    'nothing modified': reply(304, NAMES, ''),
    'a refusal of another server': reply(403, { 'Content-Type': 'text/html' }),
    'an error of another server': reply(404, {}, '{"code":"not-found","status":404}'),
  };
  for (const [name, behave] of Object.entries(odd)) {
    const client = await clientOf(t, behave);
    assert.deepEqual(await outcome(client.put('k', 1)), ['bad-answer', true], name);
  }
});

test('only a 204 with a token says that a key was deleted', async (t) => {
  const odd: readonly Behaviour[] = [
    reply(200),
    reply(200, NAMES, '{"type":"urn:mec:error:not-found","code":"not-found","status":404}'),
    reply(204),
    reply(204, TOKEN),
    reply(204, { 'X-Mec-Dot': NAMES['X-Mec-Dot'] }),
    reply(404),
    reply(404, {}, '{"code":"not-found","status":404}'),
  ];
  for (const [i, behave] of odd.entries()) {
    const client = await clientOf(t, behave);
    assert.deepEqual(await outcome(client.delete('k')), ['bad-answer', true], String(i));
  }
  const good = await (await clientOf(t, reply(204, NAMES))).delete('k');
  assert.deepEqual(good, { found: true, token: TOKEN['X-Mec-Vclock'] });
});

test('a redirect is not followed, so no other server gets the value or the token', async (t) => {
  const other = await fakeNode(t, answer('forged'));
  for (const status of [301, 302, 303, 307, 308]) {
    const client = await clientOf(t, reply(status, { Location: `${other.url}/mec/k` }, ''));
    assert.deepEqual(await outcome(client.put('k', 'secret')), ['bad-answer', true]);
    const error = await failure(client.get('k'));
    assert.match(`${error.code}: ${error.message}`, /^bad-answer: .*redirect/);
  }
  assert.equal(other.requests.length, 0);
});

test('a key is missing only if a node says so', async (t) => {
  const foreign = ['{"code":"not-found"}', '{"type":"about:blank","code":"not-found"}', 'null'];
  for (const body of foreign) {
    const client = await clientOf(t, reply(404, { 'Content-Type': 'application/json' }, body));
    assert.equal((await failure(client.get('k'))).code, 'bad-answer', body);
  }
});

const parts = (count: number): string =>
  `${Array.from({ length: count }, (_, i) => `--b\r\nX-Mec-Dot: x~0:${i + 1}\r\n\r\n${i}\r\n`).join('')}--b--\r\n`;

test('siblings are several values, and not too many', async (t) => {
  const siblings = (count: number): Behaviour =>
    reply(300, { ...TOKEN, 'Content-Type': 'multipart/mixed; boundary=b' }, parts(count));
  for (const count of [0, 1, MAX_ANSWER_PARTS + 1]) {
    const client = await clientOf(t, siblings(count));
    assert.deepEqual(await outcome(client.get('k')), ['bad-answer', false], String(count));
    const updated = client.update('k', () => 1, { merge: (a) => a });
    assert.deepEqual(await outcome(updated), ['bad-answer', false], String(count));
  }
  for (const count of [2, MAX_ANSWER_PARTS]) {
    const read = await (await clientOf(t, siblings(count))).get('k');
    assert.ok(read.kind === 'siblings' && read.siblings.length === count);
  }
});

test('an answer has a limit, whatever its head says', async (t) => {
  let sent = 0;
  const endless: Behaviour = (response) => {
    const piece = Buffer.alloc(1 << 20);
    const more = (): void => {
      while (!response.destroyed && response.write(piece)) sent += piece.length;
    };
    response.writeHead(200, NAMES).on('drain', more);
    more();
  };
  const announced: Behaviour = (response) =>
    void response
      .writeHead(200, { ...NAMES, 'Content-Length': String(MAX_ANSWER_BYTES + 1) })
      .write('x');
  const worlds = [systemWorld, { ...systemWorld, fetch: lightFetch }];
  for (const world of worlds) {
    for (const behave of [endless, announced]) {
      const { url } = await fakeNode(t, behave);
      const client = new MecClient(url, { world, deadlineMs: 20_000, attemptMs: 20_000 });
      const error = await failure(client.get('k'));
      assert.match(`${error.code}: ${error.message}`, /^bad-answer: .*too large/);
    }
  }
  assert.ok(sent < 4 * MAX_ANSWER_BYTES, `${sent} bytes`);
});

test('headers that are too long do not make a healthy node rest', async (t) => {
  const behave: Behaviour = (response, asked, i) =>
    asked.url.startsWith('/mec/long')
      ? void response.writeHead(200, { ...NAMES, 'X-Long': 'x'.repeat(20_000) }).end('1')
      : answer(1)(response, asked, i);
  const node = await fakeNode(t, behave);
  const client = new MecClient([node.url, await deadUrl()], { deadlineMs: 3_000 });
  assert.deepEqual(await outcome(client.get('long')), ['bad-answer', false]);
  assert.deepEqual(await outcome(client.put('long', 1)), ['bad-answer', true]);
  assert.equal(node.requests.length, 2, 'the node would answer so again');
});

test('a listing fails with an error of the client, and never goes in a circle', async (t) => {
  const page = (keys: unknown, next: unknown): string => JSON.stringify({ keys, next });
  const odd = [
    PAGE,
    'null',
    '[]',
    '{}',
    page(5, null),
    page('ab', null),
    page(['a', 5], null),
    page(['a'], 5),
    page(['b', 'a'], null),
    page(['a', 'a'], null),
    page([], 'a'),
    page(['b'], 'a'),
  ];
  for (const body of odd) {
    const node = await fakeNode(t, reply(200, {}, body));
    const client = new MecClient(node.url);
    const listed = async (): Promise<void> => {
      for await (const key of client.list({ after: 'a' })) assert.notEqual(key, '');
    };
    assert.deepEqual(await outcome(listed()), ['bad-answer', false], body);
    assert.ok(node.requests.length <= 2, `${node.requests.length} requests for ${body}`);
  }
  const pages = [page(['a', 'b'], 'b'), page([], 'bb'), page(['c'], null)];
  const client = await clientOf(t, (response, asked, i) =>
    reply(200, {}, pages[i])(response, asked, i),
  );
  const listed: string[] = [];
  for await (const key of client.list()) listed.push(key);
  assert.deepEqual(listed, ['a', 'b', 'c']);
});

test('a count that no node gives is a bad-answer', async (t) => {
  const count = { keys: 1, siblings: 0, values: 1, bytes: 5 };
  const odd = [PAGE, 'null', '{}', '[]', JSON.stringify({ ...count, keys: ['a'] })];
  for (const body of [...odd, JSON.stringify({ ...count, bytes: -1 })]) {
    const client = await clientOf(t, reply(200, {}, body));
    assert.deepEqual(await outcome(client.count()), ['bad-answer', false], body);
  }
  const good = await clientOf(t, reply(200, {}, JSON.stringify(count)));
  assert.deepEqual(await good.count(), count);
});

test('if every node refuses the connection, a call soon fails and names the addresses', async () => {
  const urls = [await deadUrl(), await deadUrl()];
  for (const world of [systemWorld, { ...systemWorld, fetch: lightFetch }]) {
    const client = new MecClient(urls, { world });
    const calls = [client.get('k'), client.put('k', 1), client.delete('k'), client.list().next()];
    const startMs = performance.now();
    const errors = await Promise.all(calls.map(failure));
    const ms = performance.now() - startMs;
    // A second, of the ten that a call may take.
    assert.ok(ms >= 100 && ms < 5_000, `${ms} ms`);
    for (const { code, message, mayTakeEffect } of errors) {
      assert.deepEqual([code, mayTakeEffect], ['unreachable', false]);
      for (const url of urls) assert.ok(message.includes(url), message);
    }
  }
});
