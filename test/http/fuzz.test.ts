/**
 * Random requests, many of them with random changes of their bytes. No answer is a 500, each
 * connection ends, and no other value is changed. `MEC_FUZZ_REQUESTS` sets their number, and
 * `MEC_FUZZ_SEED` the first seed.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Dice } from '../../src/sim/world.ts';
import { plantCanaries } from '../fixtures/canaries.ts';
import { eventually, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { mutated } from '../fixtures/fuzz.ts';
import { isLongRun } from '../sets.ts';

const REQUESTS = Number(process.env['MEC_FUZZ_REQUESTS'] ?? (isLongRun() ? 200_000 : 4_000));
const FIRST_SEED = Number(process.env['MEC_FUZZ_SEED'] ?? 1);
const PER_CONNECTION = 5;
const AT_ONCE = 24;
/** Less than the minute after which a node gives up an unfinished request. */
const HANG_MS = 40_000;
const CANARIES = 100;
const MIB = 1024 * 1024;

const METHODS = 'GET GET GET GET HEAD PUT PUT PUT PUT POST POST DELETE OPTIONS PATCH'.split(' ');
/** Methods and headers after which a connection often ends. They are rare. */
const STRANGE_METHODS = 'BREW TRACE CONNECT PRI get'.split(' ');
const PATHS = [
  '/mec/fuzz /mec/fuzz /mec/fuzz /mec/fuzz?returnbody=true /mec/fuzz?raw=true /mec /mec',
  '/mec?prefix=fuz&limit=3 /mec/fuzz?w=all&timeout=50 /mec/fuzz?r=4&w= /mec/fuzz?vtag=%22',
  '/mec/%00fuzz /mec/fuzz%ff /mec/fuzz/../x /mec/ /mec// /ping /ready /status /health /metrics',
  '/openapi.json / * /cluster/ /cluster/ring/fuzz /cluster/locate/%2f http://localhost/mec/fuzz',
  `http://x/y /mec/fuzz${'k'.repeat(1020)}`,
].flatMap((line) => line.split(' '));
const TOKENS: readonly string[] = [
  'gA==',
  'gaF4gqdDb3VudGVyAalUaW1lc3RhbXAA',
  'gaF4gadDb3VudGVyzwAAAP//////',
  'gaF4gaREb3RzkgIE',
  'A'.repeat(5_000),
  '!',
  '',
];
const HEADERS: readonly (readonly [name: string, values: readonly string[]])[] = [
  ['X-Mec-Vclock', TOKENS],
  ['X-Mec-Seen', ['n1~a:1', 'n1~a:1, n2~b:99999999999999999999', ',,', '']],
  ['X-Mec-Gone', TOKENS],
  ['X-Mec-Client-ID', ['me', 'x'.repeat(300), '\xff\x80']],
  ['X-Mec-TTL', ['1', '0', '-1', '999999999', 'soon']],
  ['X-Mec-Expires', ['Fri, 01 Jan 2100 00:00:00 GMT', 'Fri Jan  1 00:00:00 2100', 'never']],
  ['X-Mec-Meta-A', ['1', '\xc3\xab', 'x'.repeat(8_180)]],
  ['X-Mec-Write-ID', ['w', 'w w', 'x'.repeat(256)]],
  ['X-Mec-Unknown', ['1']],
  ['Idempotency-Key', ['i', '', 'x'.repeat(255)]],
  ['If-Match', ['*', '"x"', 'W/"x"', '"a,b",,"c"', '"', '"x"'.repeat(200)]],
  ['If-None-Match', ['*', '"x"', ', "0000000000000000-j" ,', 'x']],
  ['If-Modified-Since', ['Sunday, 06-Nov-94 08:49:37 GMT', 'Sun, 30 Feb 2100 00:00:00 GMT', '0']],
  ['If-Range', ['"x"', 'Sun, 06 Nov 1994 08:49:37 GMT']],
  [
    'Range',
    ['bytes=0-0', 'bytes=-1', 'bytes=9-1', 'bytes=0-0,2-3', 'bytes=1-99999999999999999999'],
  ],
  ['Accept', ['application/json', 'mime/multipart', 'a/b;q=0', 'a/b;q=9']],
  ['Accept', ['application/x-ndjson']],
  ['Content-Type', ['text/html', 'a/b, c/d', 'x'.repeat(1_100), '"']],
  ['Content-Encoding', ['gzip', '', 'x'.repeat(1_100)]],
  ['Content-Digest', ['sha-256=:AAAA:', 'sha-256=:', 'md5=:AA==:', 'sha-256=:AAAA:, x']],
  ['Content-Range', ['bytes 0-0/1']],
  ['Expect', ['100-continue', 'miracles']],
  ['Origin', ['https://evil.example', 'null', 'http://localhost']],
  ['Sec-Fetch-Site', ['cross-site', 'none']],
  ['Host', ['evil.example', 'localhost']],
  ['X-Dummy', ['', 'x'.repeat(20_000)]],
];

const STRANGE_HEADERS: typeof HEADERS = [
  ['Connection', ['close', 'keep-alive', 'upgrade, x']],
  ['Upgrade', ['h2c', 'websocket']],
  ['Transfer-Encoding', ['chunked', 'gzip, chunked']],
  ['Content-Length', ['0', '5', '-1', '99999999999', '070']],
];
const STRANGE = 0.03;

/** One request as bytes. */
function requestOf(dice: Dice): Buffer {
  const method = dice.pick(dice.chance(STRANGE) ? STRANGE_METHODS : METHODS);
  const path = dice.pick(PATHS).replace('fuzz', `fuzz-${dice.below(20)}`);
  const lines = [`${method} ${path} HTTP/1.${dice.chance(0.97) ? 1 : 0}`];
  if (dice.chance(0.97)) lines.push('Host: localhost');
  for (let left = dice.below(4); left > 0; left--) {
    const [name, values] = dice.pick(dice.chance(STRANGE) ? STRANGE_HEADERS : HEADERS);
    lines.push(`${name}: ${dice.pick(values)}`);
  }
  let body = '';
  const length = dice.chance(0.02) ? 70_000 : dice.below(40);
  if (dice.chance(0.4)) {
    body = 'v'.repeat(length);
    lines.push(`Content-Length: ${length}`);
  } else if (dice.chance(0.3)) {
    body = `${length.toString(16)}\r\n${'v'.repeat(length)}\r\n0\r\n\r\n`;
    lines.push('Transfer-Encoding: chunked');
  }
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  return dice.chance(0.3) ? mutated(bytes, dice) : bytes;
}

/** Sends the requests of a seed on one connection, and resolves with all that is answered. */
function exchange({ httpport }: TestNode, seed: number): Promise<string> {
  const dice = new Dice(seed);
  const bytes = Buffer.concat(Array.from({ length: PER_CONNECTION }, () => requestOf(dice)));
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port: httpport, host: '127.0.0.1', allowHalfOpen: true }, () =>
      // A request that waits for more of its body has its end here.
      socket.end(bytes),
    );
    const finish = (): void => {
      socket.destroy();
      resolve(answer);
    };
    const hang = setTimeout(() => {
      socket.destroy();
      reject(new Error(`seed ${seed}: no end in ${HANG_MS} ms after ${answer.slice(-2_000)}`));
    }, HANG_MS);
    socket.on('data', (piece) => (answer += piece.toString('latin1')));
    socket.on('end', finish).on('error', finish);
    socket.on('close', () => {
      clearTimeout(hang);
      finish();
    });
  });
}

test('random requests get no 500, hang no connection, and change nothing else', async (t) => {
  const cluster = await TestCluster.start(t);
  const assertCanaries = await plantCanaries(cluster, CANARIES);
  const counts: Record<string, number> = {};
  let next = 0;
  const connections = REQUESTS / PER_CONNECTION;
  const work = async (): Promise<void> => {
    while (next < connections) {
      const seed = FIRST_SEED + next++;
      const answer = await exchange(cluster.node(seed % 3), seed);
      assert.match(answer, /^(?:HTTP\/1\.1 \d{3} |$)/, `seed ${seed}`);
      assert.doesNotMatch(answer, /HTTP\/1\.1 500 |"code":"internal"/, `seed ${seed}`);
      for (const [, status = ''] of answer.matchAll(/HTTP\/1\.1 (\d{3}) /g))
        counts[status] = (counts[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  t.diagnostic(`answers: ${JSON.stringify(counts)}`);
  for (const status of ['200', '201', '204', '300', '304', '400', '403', '404', '405'])
    assert.ok((counts[status] ?? 0) > 0, `no ${status} was answered`);
  await assertCanaries();
  for (const node of cluster.nodes) {
    assert.equal(node.ending, undefined, node.log);
    await eventually('nothing is in progress', async () => {
      const { inFlight, bodyBytes, answerBytes } = (await node.status()).http;
      return inFlight === 1 && bodyBytes === 0 && answerBytes === 0;
    });
    const { rssBytes } = (await node.status()).memory;
    t.diagnostic(`${node.name}: ${Math.round(rssBytes / MIB)} MiB`);
    assert.ok(rssBytes < 1024 * MIB, `${rssBytes} bytes`);
    assert.doesNotMatch(node.log, /request failed|unhandled|actor given up/i);
  }
});
