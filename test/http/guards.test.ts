/** Headers that keep a browser from running, lending or keeping what a node answers. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startNode } from '../../src/index.ts';
import { type Response, send, type SendOptions } from '../fixtures/http.ts';
import { raw } from '../fixtures/raw-http.ts';

type Ask = (path: string, sent?: SendOptions) => Promise<Response>;

async function served(t: TestContext, origins: readonly string[] = []): Promise<Ask> {
  const node = await startNode({ http: { origins } });
  t.after(() => node.close());
  return (path, sent) => send(node.url + path, sent);
}

const SCRIPT = "<script>fetch('/cluster/leave', { method: 'POST' })</script>";
const HTML = { method: 'PUT', body: SCRIPT, headers: { 'Content-Type': 'text/html' } };

function assertGuarded({ headers }: Response, what: string): void {
  assert.equal(headers['x-content-type-options'], 'nosniff', what);
  assert.equal(headers['content-security-policy'], "sandbox; default-src 'none'", what);
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin', what);
}

test('a stored page is served so that its script cannot run', async (t) => {
  const ask = await served(t);
  await ask('/mec/page', HTML);
  const read = await ask('/mec/page');
  assert.deepEqual([read.text, read.headers['content-type']], [SCRIPT, 'text/html']);
  const { etag = '' } = read.headers;
  const range = { headers: { Range: 'bytes=0-7' } };
  const answers: readonly (readonly [what: string, path: string, sent?: SendOptions])[] = [
    ['the value', '/mec/page'],
    ['its head', '/mec/page', { method: 'HEAD' }],
    ['a part', '/mec/page', range],
    ['the raw value', '/mec/page?raw=true'],
    ['the answer to a write', '/mec/copy?returnbody=true', HTML],
    ['the siblings', '/mec/page'],
    ['the siblings as JSON', '/mec/page', { headers: { Accept: 'application/json' } }],
    ['one sibling', `/mec/page?vtag=${encodeURIComponent(etag)}`],
  ];
  for (const [what, path, sent] of answers) {
    if (what === 'the siblings') await ask('/mec/page', HTML);
    const answer = await ask(path, sent);
    assert.ok(answer.status >= 200 && answer.status <= 300, what);
    assertGuarded(answer, what);
    assert.equal(answer.headers['cache-control'], 'no-cache', what);
    assert.equal(answer.headers['vary'], 'Accept', what);
  }
});

test('lists, errors and documents about the node are neither run nor kept', async (t) => {
  const ask = await served(t);
  await ask('/mec/k', { method: 'PUT', body: 'x' });
  const lines = { headers: { Accept: 'application/x-ndjson' } };
  const answers: readonly (readonly [status: number, path: string, sent?: SendOptions])[] = [
    [200, '/mec'],
    [200, '/mec', lines],
    [200, '/ping'],
    [200, '/ready'],
    [200, '/status'],
    [200, '/openapi.json'],
    [200, '/cluster/ring/k'],
    [404, '/mec/missing'],
    [404, '/nothing'],
    [405, '/mec/k', { method: 'PATCH' }],
    [400, '/mec/%zz'],
    [414, `/mec/${'k'.repeat(1025)}`],
    [412, '/mec/k', { headers: { 'If-Match': '"x"' } }],
    [416, '/mec/k', { headers: { Range: 'bytes=9-' } }],
    [421, '/mec/k', { headers: { Host: 'evil.example' } }],
    [403, '/mec/k', { method: 'PUT', headers: { Origin: 'null' } }],
    [431, '/mec/k', { headers: { 'X-Huge': 'x'.repeat(60_000) } }],
  ];
  for (const [status, path, sent] of answers) {
    const answer = await ask(path, sent);
    assert.equal(answer.status, status, answer.text);
    assertGuarded(answer, `${status} ${path}`);
    assert.equal(answer.headers['cache-control'], 'no-store', `${status} ${path}`);
  }
});

test('the origin "*" lets pages of every origin embed values', async (t) => {
  const any = await served(t, ['*']);
  await any('/mec/k', HTML);
  assert.equal((await any('/mec/k')).headers['cross-origin-resource-policy'], 'cross-origin');
  const some = await served(t, ['https://a.example']);
  await some('/mec/k', HTML);
  assert.equal((await some('/mec/k')).headers['cross-origin-resource-policy'], 'same-origin');
});

test('the refusal of bytes that are not HTTP is guarded, too', async (t) => {
  const node = await startNode();
  t.after(() => node.close());
  const answer = await raw('no HTTP\r\n\r\n', { httpport: node.config.httpport });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /\r\nX-Content-Type-Options: nosniff\r\n/);
  assert.match(answer, /\r\nCache-Control: no-store\r\n/);
});
