/** Clients that send a request too slowly. The time that they get is part of the interface. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startNode } from '../../src/index.ts';

/** The limits in docs/http.md, and the time in which a node finds that one has passed. */
const HEADERS_MS = 15_000;
const REQUEST_MS = 60_000;
const BODY_MS = 5_000;
const LATE_MS = 5_000;
const PIECE_MS = 2_000;

/** Sends a beginning, then a byte from time to time; the answer, and the time until it came. */
async function trickle(
  { httpport }: { readonly httpport: number },
  beginning: string,
): Promise<{ readonly answer: string; readonly ms: number }> {
  const startMs = performance.now();
  const socket = connect(httpport, '127.0.0.1', () => socket.write(beginning));
  const timer = setInterval(() => socket.write('x'), PIECE_MS);
  let answer = '';
  for await (const bytes of socket) answer += String(bytes);
  clearInterval(timer);
  return { answer, ms: performance.now() - startMs };
}

test('headers and requests that take too long get 408', async (t) => {
  const node = await startNode();
  t.after(() => node.close());
  const at = { httpport: Number(new URL(node.url).port) };
  const [headers, request, body] = await Promise.all([
    trickle(at, 'PUT /mec/k HTTP/1.1\r\nHost: '),
    // A body of at most 64 KiB may be slow, and a larger one may not.
    trickle(at, 'PUT /mec/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65536\r\n\r\n'),
    trickle(at, 'PUT /mec/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n'),
  ]);
  for (const [{ answer, ms }, leastMs] of [
    [headers, HEADERS_MS],
    [request, REQUEST_MS],
    [body, BODY_MS],
  ] as const) {
    assert.match(answer, /^HTTP\/1\.1 408 /, answer.slice(0, 100));
    assert.ok(ms >= leastMs - 100 && ms <= leastMs + LATE_MS, `${leastMs} ms, took ${ms} ms`);
  }
});
