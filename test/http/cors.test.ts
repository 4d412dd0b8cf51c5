/** Access of web pages to a node. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startNode } from '../../src/index.ts';
import { type Response, send, type SendOptions } from '../fixtures/http.ts';

const ASK = {
  'Access-Control-Request-Method': 'PUT',
  'Access-Control-Request-Headers': 'x-mec-vclock,content-type',
};

async function served(
  t: TestContext,
  origins: readonly string[],
): Promise<(origin: string, method: string, more?: Record<string, string>) => Promise<Response>> {
  const node = await startNode({ http: { origins } });
  t.after(() => node.close());
  return (origin, method, more = {}) =>
    send(`${node.url}/mec/k`, { method, headers: { Origin: origin, ...more } });
}

test('a node without configured origins sends no CORS headers', async (t) => {
  const ask = await served(t, []);
  const preflight = await ask('https://a.example', 'OPTIONS', ASK);
  // Without the headers below, a browser takes it for a refusal.
  assert.equal(preflight.status, 204);
  for (const response of [preflight, await ask('https://a.example', 'GET')]) {
    assert.deepEqual(
      Object.keys(response.headers).filter((name) => name.startsWith('access-control')),
      [],
    );
  }
});

test('pages of configured origins may read and write, and no others', async (t) => {
  const ask = await served(t, ['https://a.example', 'http://localhost:8080']);
  const preflight = await ask('http://localhost:8080', 'OPTIONS', ASK);
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers['access-control-allow-origin'], 'http://localhost:8080');
  assert.match(String(preflight.headers['access-control-allow-methods']), /PUT.*DELETE/);
  assert.equal(preflight.headers['access-control-allow-headers'], 'x-mec-vclock,content-type');
  // Pages can read errors too.
  const missing = await ask('https://a.example', 'GET');
  assert.equal(missing.status, 404);
  assert.equal(missing.headers['access-control-allow-origin'], 'https://a.example');
  assert.equal(missing.headers['access-control-expose-headers'], '*');
  assert.equal(missing.headers['vary'], 'Origin');
  for (const origin of ['https://b.example', 'https://a.example.evil', 'null']) {
    const refused = await ask(origin, 'OPTIONS', ASK);
    assert.equal(refused.status, 204);
    assert.equal(refused.headers['access-control-allow-origin'], undefined);
  }
});

test('a simple request of a foreign page is refused, and the page cannot read that', async (t) => {
  const ask = await served(t, ['https://a.example']);
  const origin = 'https://b.example';
  const refused = await ask(origin, 'POST', { 'Content-Type': 'text/plain' });
  assert.equal(refused.status, 403);
  assert.equal(refused.headers['access-control-allow-origin'], undefined);
  assert.equal((await ask('https://a.example', 'GET')).status, 404);
});

test('Vary has all its names, and a page can read a refusal', async (t) => {
  const origin = 'https://a.example';
  const node = await startNode({ http: { origins: [origin] } });
  t.after(() => node.close());
  const ask = (path: string, sent: SendOptions = {}): Promise<Response> =>
    send(node.url + path, { ...sent, headers: { Origin: origin, ...sent.headers } });
  await ask('/mec/k', { method: 'PUT', body: '1' });
  assert.equal((await ask('/ping')).headers['vary'], 'Origin');
  await ask('/mec/k', { method: 'PUT', body: '2' });
  const lines = { Accept: 'application/x-ndjson' };
  for (const response of [
    await ask('/mec/k'),
    await ask('/mec'),
    await ask('/mec', { headers: lines }),
  ]) {
    assert.equal(response.headers['vary'], 'Origin, Accept');
    assert.equal(response.headers['access-control-allow-origin'], origin);
  }
  const refused = await ask('/mec/%zz');
  assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [400, origin]);
});

test('the origin "*" allows all pages', async (t) => {
  const ask = await served(t, ['*']);
  assert.equal(
    (await ask('https://any.example', 'GET')).headers['access-control-allow-origin'],
    '*',
  );
});
