/** Bytes that are no request are refused in their turn: after all answers before them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedNode, startNode } from '../../src/index.ts';
import { send } from '../fixtures/http.ts';
import { codesOf, openRaw, raw, statusesOf } from '../fixtures/raw-http.ts';

const HOST = 'Host: localhost\r\n';
const put = (path: string, body: string, head = ''): string =>
  `PUT ${path} HTTP/1.1\r\n${HOST}${head}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (path: string, body: string): string =>
  `PUT ${path} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body}`;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
const GARBAGE = 'GARBAGE\r\n\r\n';

/** The bytes that are sent, and the statuses and codes of the answers. */
const TABLE: readonly (readonly [
  name: string,
  bytes: string,
  statuses: readonly string[],
  codes: readonly string[],
])[] = [
  ['after a write', put('/mec/a', 'abc') + GARBAGE, ['200', '400'], ['bad-request']],
  [
    'after several requests',
    put('/mec/a', 'abc') + get('/ping') + get('/mec?limit=1') + GARBAGE,
    ['200', '200', '200', '400'],
    ['bad-request'],
  ],
  [
    'after a stream',
    put('/mec/a', 'abc') + get('/mec') + GARBAGE,
    ['200', '200', '400'],
    ['bad-request'],
  ],
  [
    'after a refused request',
    put('/mec/a', 'abc', 'Origin: null\r\n') + GARBAGE,
    ['403', '400'],
    ['cross-origin', 'bad-request'],
  ],
  [
    'after many refused requests',
    put('/mec/a', 'abc') + put('/mec/a', 'x', 'Origin: null\r\n').repeat(3) + GARBAGE,
    ['200', '403', '403', '403', '400'],
    ['cross-origin', 'cross-origin', 'cross-origin', 'bad-request'],
  ],
  [
    'in a body',
    put('/mec/a', 'abc') + chunked('/mec/b', '1\r\nx\r\nzz\r\n'),
    ['200', '400'],
    ['bad-request'],
  ],
  [
    'in the body of a request that is refused by its head',
    put('/mec/a', 'abc') + chunked('/mec/%zz', 'zz\r\n'),
    ['200', '400'],
    ['bad-request'],
  ],
  [
    'in front of further requests',
    put('/mec/a', 'abc') + GARBAGE + put('/mec/c', 'never'),
    ['200', '400'],
    ['bad-request'],
  ],
  ['alone', GARBAGE, ['400'], ['bad-request']],
  [
    'as an unknown method',
    put('/mec/a', 'abc') + `BREW /mec/a HTTP/1.1\r\n${HOST}\r\n`,
    ['200', '501'],
    ['unknown-method'],
  ],
  ['as an unknown method alone', `BREW /tea HTTP/1.1\r\n${HOST}\r\n`, ['501'], ['unknown-method']],
  [
    'as a request for a tunnel',
    put('/mec/a', 'abc') + `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`,
    ['200', '501'],
    ['unknown-method'],
  ],
  ['as TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', ['400'], ['bad-request']],
];

describe('bytes that are no request', () => {
  let node: EmbeddedNode;
  before(async () => {
    node = await startNode();
  });
  after(() => node.close());

  for (const [name, bytes, statuses, codes] of TABLE)
    test(name, async () => {
      await send(`${node.url}/mec/a`, { method: 'DELETE' });
      const answer = await raw(bytes, {
        httpport: node.config.httpport,
        answers: statuses.length,
      });
      assert.deepEqual([statusesOf(answer), codesOf(answer)], [statuses, codes], answer);
      assert.equal(answer.match(/\r\nDate: \w{3}, /g)?.length, statuses.length, 'Date');
      assert.equal(answer.match(/\r\nConnection: close\r\n/g)?.length, 1, 'Connection: close');
      const isWritten = statuses.length > 1 && statuses[0] === '200';
      const stored = await send(`${node.url}/mec/a`);
      assert.equal(stored.status, isWritten ? 200 : 404);
      for (const key of ['b', 'c'])
        assert.equal((await send(`${node.url}/mec/${key}`)).status, 404, 'nothing else is stored');
    });

  test('a running stream is not cut, and has no refusal in its middle', async () => {
    for (let i = 0; i < 300; i++) await send(`${node.url}/mec/list-${i}`, { method: 'PUT' });
    const list = `GET /mec?prefix=list- HTTP/1.1\r\n${HOST}Accept: application/x-ndjson\r\n\r\n`;
    const answer = await raw(list + GARBAGE, {
      httpport: node.config.httpport,
      answers: 2,
    });
    assert.deepEqual(statusesOf(answer), ['200', '400']);
    const body = answer.slice(0, answer.lastIndexOf('HTTP/1.1 400'));
    assert.equal(body.match(/\{"key":"list-\d+"\}\n/g)?.length, 300);
    assert.ok(body.endsWith('\r\n0\r\n\r\n'), 'the stream is whole');
  });

  test('a stream waits for the answers before it, and is whole', async () => {
    // No key has the prefix, so the stream is ready before the write is.
    const stream = `GET /mec?prefix=none HTTP/1.1\r\n${HOST}Accept: application/x-ndjson\r\n\r\n`;
    const answer = await raw(put('/mec/a', 'abc') + stream + get('/ping'), {
      httpport: node.config.httpport,
      answers: 3,
    });
    assert.deepEqual(statusesOf(answer), ['200', '200', '200'], answer);
    assert.match(answer, /\r\n\r\n0\r\n\r\nHTTP[^]*pong/);
  });

  test('pieces that follow are not answered', async () => {
    const socket = await openRaw(node.config, put('/mec/a', 'abc') + GARBAGE);
    let answer = '';
    socket.on('data', (piece) => (answer += piece.toString('latin1')));
    const timer = setInterval(() => socket.write(GARBAGE), 1);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(timer);
    assert.deepEqual(statusesOf(answer).slice(0, 2), ['200', '400']);
    assert.equal(statusesOf(answer).length, 2);
  });

  test('a write with such a body says that nothing was written', async () => {
    const bytes = chunked('/mec/b', '1\r\nx\r\nzz\r\n');
    const answer = await raw(bytes, { httpport: node.config.httpport });
    assert.match(answer, /"code":"bad-request","mayTakeEffect":false/);
    const { http } = JSON.parse((await send(`${node.url}/status`)).text) as {
      http: { inFlight: number };
    };
    assert.equal(http.inFlight, 1, 'only the request for the status is in progress');
  });
});
