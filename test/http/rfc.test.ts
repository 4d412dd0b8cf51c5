/** RFC 9110 and 9112 to the letter, above all where two readings would join or lose bytes. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type EmbeddedNode, startNode } from '../../src/index.ts';
import { type Response, send, type SendOptions, tokenOf } from '../fixtures/http.ts';
import { codesOf, raw, statusesOf } from '../fixtures/raw-http.ts';

const HOST = 'Host: localhost\r\n';

let node: EmbeddedNode;
let count = 0;
let key = '';
const at = (sent: SendOptions = {}, query = ''): Promise<Response> =>
  send(`${node.url}/mec/${key}${query}`, sent);
const put = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  at({ method: 'PUT', body, headers });
const get = (headers: Record<string, string> = {}, query = ''): Promise<Response> =>
  at({ headers }, query);
const ask = (bytes: string, answers = 1): Promise<string> =>
  raw(bytes, { httpport: node.config.httpport, answers });
const etagOf = ({ headers }: Response): string => String(headers.etag);

describe('HTTP to the letter', () => {
  before(async () => {
    node = await startNode();
  });
  after(() => node.close());
  beforeEach(() => {
    key = `rfc-${count++}`;
  });

  test('If-Range with a date never joins the bytes of two versions', async () => {
    const first = await put('AAAAAAAAAA');
    const read = await get();
    await put('BBBBBBBBBB', { 'X-Mec-Vclock': tokenOf(first) });
    const date = String(read.headers['last-modified']);
    const rest = await get({ Range: 'bytes=5-', 'If-Range': date });
    assert.deepEqual([rest.status, rest.text], [200, 'BBBBBBBBBB']);
    const now = await get();
    const current = await get({ Range: 'bytes=5-', 'If-Range': etagOf(now) });
    assert.deepEqual([current.status, current.text], [206, 'BBBBB']);
    for (const tag of [etagOf(read), `W/${etagOf(now)}`]) {
      const other = await get({ Range: 'bytes=5-', 'If-Range': tag });
      assert.equal(other.status, 200, tag);
    }
  });

  test('the same strong tag means the same bytes, at each request', async () => {
    await put('1');
    await put('2');
    const seen = new Map<string, string>();
    for (const accept of ['*/*', 'mime/multipart', 'application/json', '*/*', 'mime/multipart']) {
      const { status, headers, text } = await get({ Accept: accept });
      assert.equal(status, 300);
      const answer = `${headers['content-type']}\n${text}`;
      assert.equal(seen.get(String(headers.etag)) ?? answer, answer, accept);
      seen.set(String(headers.etag), answer);
    }
    assert.equal(seen.size, 3, 'each form has a tag of its own');
    const [usual = '', mime = '', json = ''] = seen.keys();
    for (const [accept, own] of [
      ['*/*', usual],
      ['mime/multipart', mime],
      ['application/json', json],
    ] as const)
      for (const tag of seen.keys()) {
        const { status, headers } = await get({ Accept: accept, 'If-None-Match': tag });
        assert.deepEqual(
          [status, headers.etag],
          [tag === own ? 304 : 300, own],
          `${accept} ${tag}`,
        );
      }
  });

  test('a write matches the versions by the tag of any form', async () => {
    for (const accept of ['*/*', 'mime/multipart', 'application/json']) {
      await put('1');
      await put('2');
      const tag = etagOf(await get({ Accept: accept }));
      assert.equal((await put('both', { 'If-None-Match': tag })).status, 412, accept);
      assert.equal((await put('both', { 'If-Match': tag })).status, 200, accept);
      assert.equal((await get()).text, 'both');
    }
  });

  test('a coded value and its raw form have different tags, and vtag takes each', async () => {
    await put('packed', { 'Content-Encoding': 'x-own' });
    const coded = await get();
    const stored = await get({}, '?raw=true');
    assert.notEqual(etagOf(coded), etagOf(stored));
    assert.equal((await get({ 'If-None-Match': etagOf(coded) }, '?raw=true')).status, 200);
    assert.equal((await get({ 'If-None-Match': etagOf(stored) }, '?raw=true')).status, 304);
    for (const answer of [coded, stored]) {
      const picked = await get({}, `?vtag=${encodeURIComponent(etagOf(answer))}`);
      assert.deepEqual([picked.status, picked.text], [200, 'packed']);
    }
    assert.equal((await put('new', { 'If-Match': etagOf(stored) })).status, 200);
    await put('plain', { 'X-Mec-Vclock': tokenOf(await get()) });
    assert.equal(etagOf(await get()), etagOf(await get({}, '?raw=true')), 'they are the same');
  });

  test('a value that contains the boundary does not end its part', async () => {
    await put('1');
    await put('2');
    const tag = etagOf(await get()).replaceAll('"', '');
    const { headers, text } = await get();
    assert.ok(text.includes(`--mec-${tag}`), 'the boundary follows from the tag');
    // Dots are counted, so a writer can know the tag of later versions.
    const [, actor = '', number = ''] = /X-Mec-Dot: (\S+):(\d+)/i.exec(text) ?? [];
    assert.notEqual(actor, '');
    const { boundaryOf } = await import('../../src/http/multipart.js');
    const part = (body: string) => ({ headers: {}, body: Buffer.from(body) });
    const own = boundaryOf([part(''), part(`--mec-${tag}0 ${number}`)], `mec-${tag}`);
    assert.equal(own, `mec-${tag}00`);
    assert.equal(boundaryOf([part('')], `mec-${tag}`), `mec-${tag}`);
    assert.match(String(headers['content-type']), new RegExp(`boundary=mec-${tag}$`));
  });

  test('HEAD ignores Range', async () => {
    await put('0123456789');
    for (const range of ['bytes=0-1', 'bytes=99-']) {
      const { status, headers } = await at({ method: 'HEAD', headers: { Range: range } });
      assert.deepEqual([status, headers['content-length']], [200, '10'], range);
    }
  });

  test('a range of any number of digits, and a unit in capitals', async () => {
    await put('0123456789');
    const nines = '9'.repeat(20);
    for (const [range, text] of [
      [`bytes=8-${nines}`, '89'],
      [`bytes=-${nines}`, '0123456789'],
      ['Bytes=0-0', '0'],
    ] as const) {
      const part = await get({ Range: range });
      assert.deepEqual([part.status, part.text], [206, text], range);
    }
    assert.equal((await get({ Range: `bytes=${nines}-` })).status, 416);
    assert.equal((await get()).headers['accept-ranges'], 'bytes');
  });

  test('HTTP/1.0 gets no 100 Continue', async () => {
    const head = (version: string): string =>
      `PUT /mec/${key} HTTP/${version}\r\n${HOST}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n`;
    assert.deepEqual(statusesOf(await ask(`${head('1.0')}x`)), ['200']);
    assert.deepEqual(statusesOf(await ask(`${head('1.1')}x`, 2)), ['100', '200']);
  });

  test('lists of tags may have empty elements, and tags may have commas', async () => {
    const { headers } = await put('x');
    const tag = String(headers.etag);
    const lists = [`"a,b", ${tag}`, `, ${tag}, ,`, `\t${tag} ,"x"`, `W/${tag}`, `,,,"",${tag},`];
    for (const list of lists)
      assert.equal((await get({ 'If-None-Match': list })).status, 304, list);
    for (const list of ['"a,b"', `"x${tag.slice(1)}`])
      assert.equal((await get({ 'If-None-Match': list })).status, 200, list);
    for (const list of [' , ', `${tag} ${tag}`, `"a`, 'a', `${tag}, *`, `${tag}x`])
      assert.equal((await get({ 'If-None-Match': list })).status, 400, list);
  });

  test('dates in the two old forms count', async () => {
    await put('x');
    const dates = ['Fri, 01 Jan 2100 00:00:00 GMT', 'Fri Jan  1 00:00:00 2100'];
    for (const date of dates)
      assert.equal((await get({ 'If-Modified-Since': date })).status, 304, date);
    for (const date of ['Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) {
      assert.equal((await get({ 'If-Modified-Since': date })).status, 200, date);
      assert.equal((await get({ 'If-Unmodified-Since': date })).status, 412, date);
    }
    const soon = new Date(Date.now() + 20 * 365 * 86_400_000);
    const [day = '', month = '', year = ''] = soon.toUTCString().slice(5, 16).split(' ');
    const short = `Monday, ${day}-${month}-${year.slice(2)} 00:00:00 GMT`;
    assert.equal((await get({ 'If-Modified-Since': short })).status, 304, short);
    assert.equal((await get({ 'If-Modified-Since': 'yesterday' })).status, 200);
    const written = await put('y', {
      'X-Mec-Expires': `Wed Dec 31 00:00:00 ${new Date().getUTCFullYear() + 1}`,
    });
    assert.equal(written.status, 200);
  });

  test('conditions do not count where the answer is an error without them', async () => {
    assert.equal((await get({ 'If-Match': '*' })).status, 404);
    const refused = await at({ method: 'DELETE', headers: { 'If-Match': '*' } });
    assert.equal(refused.status, 404);
    assert.equal((await put('x', { 'If-Match': '*' })).status, 412, 'a write would succeed');
    assert.equal((await get()).status, 404);
  });

  test('HEAD and OPTIONS are answered at each path', async () => {
    await put('x');
    const paths: readonly (readonly [path: string, methods: string])[] = [
      [`/mec/${key}`, 'GET, HEAD, PUT, POST, DELETE, OPTIONS'],
      ['/mec', 'GET, HEAD, POST, OPTIONS'],
      ['/ping', 'GET, HEAD, OPTIONS'],
      ['/status', 'GET, HEAD, OPTIONS'],
      [`/cluster/ring/${key}`, 'GET, HEAD, OPTIONS'],
      [`/cluster/locate/${key}`, 'GET, HEAD, OPTIONS'],
    ];
    for (const [path, methods] of paths) {
      const options = await send(node.url + path, { method: 'OPTIONS' });
      assert.deepEqual([options.status, options.headers.allow], [204, methods], path);
      const refused = await send(node.url + path, { method: 'PATCH' });
      assert.deepEqual([refused.status, refused.headers.allow], [405, methods], path);
      const [head, whole] = [
        await send(node.url + path, { method: 'HEAD' }),
        await send(node.url + path),
      ];
      assert.deepEqual([head.status, head.text], [200, ''], path);
      assert.deepEqual(Object.keys(head.headers), Object.keys(whole.headers), path);
    }
    const post = await send(`${node.url}/cluster/leave`, { method: 'OPTIONS' });
    assert.equal(post.headers.allow, 'POST, OPTIONS');
    const all = await ask(`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`);
    assert.deepEqual(statusesOf(all), ['204']);
    assert.match(all, /\r\nAllow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n/);
    assert.deepEqual(codesOf(await ask(`GET * HTTP/1.1\r\n${HOST}\r\n`)), ['bad-request']);
  });

  test('paths are exact', async () => {
    for (const path of [
      '/ping/',
      '/PING',
      '/Status',
      '/status/',
      '/mec//',
      '/MEC',
      '/cluster/leave/',
    ])
      assert.ok([400, 404].includes((await send(node.url + path)).status), path);
  });

  test('metadata of siblings is UTF-8 in JSON', async () => {
    const utf8 = Buffer.from('Zoë').toString('latin1');
    const write = (by: string, value: string): Promise<string> =>
      ask(
        `PUT /mec/${key} HTTP/1.1\r\n${HOST}X-Mec-Client-ID: ${by}\r\nX-Mec-Meta-By: ${by}\r\n` +
          `Content-Type: text/plain;of=${by}\r\nConnection: close\r\nContent-Length: 1\r\n\r\n${value}`,
      );
    await write(utf8, '1');
    await write('\xff', '2');
    const { text } = await get({ Accept: 'application/json' });
    const { siblings } = JSON.parse(text) as {
      siblings: { value: string; contentType: string; meta: { by: string }; clientId: string }[];
    };
    const of = (value: string): (string | undefined)[] => {
      const one = siblings.find((sibling) => sibling.value === value);
      return [one?.meta.by, one?.clientId, one?.contentType];
    };
    assert.deepEqual(of('1'), ['Zoë', 'Zoë', 'text/plain;of=Zoë']);
    assert.deepEqual(of('2'), ['\xff', '\xff', 'text/plain;of=\xff'], 'bytes that are no UTF-8');
  });
});
