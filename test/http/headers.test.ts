/** Headers that are many or long: none is ignored, and each answer can be read by every client. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  MAX_CLIENT_ID_BYTES,
  MAX_META_BYTES,
  MAX_STORED_HEADER_BYTES,
} from '../../src/http/limits.ts';
import { startNode } from '../../src/index.ts';
import { send } from '../fixtures/http.ts';
import { codesOf, raw, statusesOf } from '../fixtures/raw-http.ts';

/** A node, and what it answers to a PUT of one byte with these headers. */
async function served(t: TestContext) {
  const node = await startNode();
  t.after(() => node.close());
  const { httpport } = node.config;
  const put = (path: string, headers: readonly string[]): Promise<string> =>
    raw(
      [`PUT ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', 'x'].join(
        '\r\n',
      ),
      { httpport },
    );
  return { url: node.url, put };
}

/** More headers than Node keeps by default. */
const DUMMIES = Array.from({ length: 2_100 }, (_, i) => `a${i}: b`);

test('a header behind two thousand others counts', async (t) => {
  const { url, put } = await served(t);
  const LENGTH = 'Content-Length: 1';
  assert.deepEqual(statusesOf(await put('/mec/k', [LENGTH])), ['200']);
  const table: readonly (readonly [header: string, code: string])[] = [
    ['If-None-Match: *', 'precondition-failed'],
    ['If-Match: "x"', 'precondition-failed'],
    ['X-Mec-Vclock: !', 'bad-vclock'],
    ['Content-Digest: sha-256=:AAAA:', 'digest-mismatch'],
    ['X-Mec-TTL: never', 'bad-parameter'],
    ['X-Mec-Unknown: 1', 'bad-parameter'],
    ['Idempotency-Key: a b', 'bad-parameter'],
    ['Origin: https://evil.example', 'cross-origin'],
    ['Host: evil.example', 'bad-request'],
    ['Content-Type: a/b\r\nContent-Type: a/b', 'bad-request'],
  ];
  for (const [header, code] of table) {
    const answer = await put('/mec/k', [LENGTH, ...DUMMIES, header]);
    assert.deepEqual(codesOf(answer), [code], `${header}: ${answer}`);
  }
  // The length itself may be the last: otherwise the body would be the next request.
  assert.deepEqual(statusesOf(await put('/mec/last', [...DUMMIES, LENGTH])), ['200']);
  const read = await send(`${url}/mec/k`);
  assert.equal(read.status, 200, 'nothing was written');
});

test('stored headers have bounds, and names count', async (t) => {
  const { put } = await served(t);
  const LENGTH = 'Content-Length: 1';
  const table: readonly (readonly [name: string, limit: number])[] = [
    ['Content-Type', MAX_STORED_HEADER_BYTES],
    ['Content-Encoding', MAX_STORED_HEADER_BYTES],
    ['X-Mec-Client-ID', MAX_CLIENT_ID_BYTES],
    ['X-Mec-Meta-A', MAX_META_BYTES - 'X-Mec-Meta-A: \r\n'.length],
  ];
  for (const [name, limit] of table) {
    const most = await put('/mec/k', [LENGTH, `${name}: ${'v'.repeat(limit)}`]);
    assert.deepEqual(statusesOf(most), ['200'], name);
    const more = await put('/mec/k', [LENGTH, `${name}: ${'v'.repeat(limit + 1)}`]);
    assert.deepEqual(codesOf(more), ['headers-too-large'], name);
  }
  const many = Array.from({ length: 600 }, (_, i) => `X-Mec-Meta-${i}:`);
  assert.deepEqual(codesOf(await put('/mec/k', [LENGTH, ...many])), ['headers-too-large']);
});

test('a value with the longest headers is read by fetch', async (t) => {
  const { url } = await served(t);
  const headers: Record<string, string> = {
    'Content-Type': `a/${'t'.repeat(MAX_STORED_HEADER_BYTES - 2)}`,
    'Content-Encoding': 'e'.repeat(MAX_STORED_HEADER_BYTES),
    'X-Mec-Client-ID': 'c'.repeat(MAX_CLIENT_ID_BYTES),
    'X-Mec-TTL': '1000',
  };
  for (let i = 0; i < 8; i++)
    headers[`X-Mec-Meta-${i}`] = 'm'.repeat(MAX_META_BYTES / 8 - 'X-Mec-Meta-1: \r\n'.length);
  assert.equal((await send(`${url}/mec/k`, { method: 'PUT', body: 'x', headers })).status, 200);
  const read = await fetch(`${url}/mec/k?raw=true`);
  assert.deepEqual([read.status, await read.text()], [200, 'x']);
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'X-Mec-TTL') continue;
    assert.equal(read.headers.get(name.replace(/^Content-E/, 'X-Mec-Content-E')), value, name);
  }
});
