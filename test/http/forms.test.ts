/**
 * The forms of answers, against real clusters: siblings, single siblings, ranges, digests, bodies
 * of writes.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { compareUtf8 } from '../../src/base/bytes.ts';
import { preferred } from '../../src/http/accept.ts';
import { TestCluster } from '../fixtures/cluster.ts';
import { parseMultipart, type Response, send, tokenOf } from '../fixtures/http.ts';

let cluster: TestCluster;
let keys = 0;
const freshKey = (): string => `forms-${keys++}`;
const teardown: (() => Promise<void> | void)[] = [];

const put = (
  at: number,
  key: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> => cluster.node(at).key(key, { method: 'PUT', body, headers });
const get = (key: string, headers: Record<string, string> = {}, at = 1): Promise<Response> =>
  cluster.node(at).key(key, { headers });
const problemOf = ({ text }: Response): Record<string, unknown> =>
  JSON.parse(text) as Record<string, unknown>;

test('preferred picks by quality, then exactness, then the order of offers', () => {
  const offers = ['multipart/mixed', 'mime/multipart', 'application/json'] as const;
  for (const [accept, type] of [
    [undefined, 'multipart/mixed'],
    ['*/*', 'multipart/mixed'],
    ['multipart/*', 'multipart/mixed'],
    ['mime/multipart', 'mime/multipart'],
    ['mime/*;q=0.1, */*;q=0', 'mime/multipart'],
    ['application/json', 'application/json'],
    ['Application/JSON; charset=utf-8', 'application/json'],
    ['application/json, text/plain, */*', 'application/json'],
    ['application/json;q=0.9, */*', 'multipart/mixed'],
    ['application/json;q=0.9, multipart/mixed;q=0.8', 'application/json'],
    ['application/*, multipart/mixed;q=0', 'application/json'],
    ['text/html', 'multipart/mixed'],
    ['', 'multipart/mixed'],
    [';;,q=1,', 'multipart/mixed'],
  ] as [string | undefined, string][])
    assert.equal(preferred(accept, offers), type, accept);
});

describe('forms', () => {
  before(async () => {
    cluster = await TestCluster.start({
      after: (task) => void teardown.push(task as () => Promise<void>),
    });
  });
  after(async () => {
    for (const task of teardown) await task();
  });

  test('siblings as JSON are JSON, text or base64, newest first', async () => {
    const key = freshKey();
    const exact = '{"n": 12345678901234567890, "n": 1.0}';
    const binary = Uint8Array.from([0, 255, 13, 10]);
    await put(0, key, exact, {
      'Content-Type': 'application/vnd.x+json; charset=utf-8',
      'X-Mec-Meta-A': 'b',
    });
    await put(1, key, 'tëxt "quoted"', {
      'Content-Type': 'text/plain',
      'X-Mec-TTL': '60',
      'X-Mec-Client-ID': 'me',
    });
    await put(2, key, binary);
    await put(2, key, '{"no": json', { 'Content-Type': 'application/json' });
    await put(2, key, 'text', { 'Content-Encoding': 'br' });
    const answer = await get(key, { Accept: 'application/json' });
    assert.equal(answer.status, 300);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.equal(answer.headers['vary'], 'Accept');
    assert.equal(answer.headers['x-mec-siblings'], '5');
    assert.ok(answer.text.includes(`"encoding":"json","value":${exact}`), 'digit for digit');
    const { siblings } = JSON.parse(answer.text) as { siblings: Record<string, unknown>[] };
    const by = (encoding: string, type: string): Record<string, unknown> | undefined =>
      siblings.find(
        (sibling) => sibling['encoding'] === encoding && sibling['contentType'] === type,
      );
    assert.deepEqual(by('json', 'application/vnd.x+json; charset=utf-8')?.['meta'], { a: 'b' });
    const text = by('utf8', 'text/plain');
    assert.deepEqual([text?.['value'], text?.['clientId']], ['tëxt "quoted"', 'me']);
    assert.match(String(text?.['expires']), /^\d{19}$/);
    assert.equal(by('utf8', 'application/json')?.['value'], '{"no": json');
    const octets = siblings.filter((sibling) => sibling['encoding'] === 'base64');
    assert.deepEqual(octets.map(({ value }) => String(value)).sort(compareUtf8), [
      'AP8NCg==',
      'dGV4dA==',
    ]);
    const parts = parseMultipart(await get(key));
    assert.deepEqual(
      siblings.map(({ etag }) => etag),
      parts.map(({ headers }) => headers['etag']),
      'the same siblings in the same order',
    );
    assert.deepEqual(
      siblings.map(({ timestamp }) => timestamp),
      parts.map(({ headers }) => headers['x-mec-timestamp']),
    );
    await put(0, key, 'one', { 'X-Mec-Vclock': tokenOf(answer) });
    assert.deepEqual(await cluster.values(key, 2), ['one']);
  });

  test('siblings are available under the media type of the first MecDB', async () => {
    const key = freshKey();
    await put(0, key, 'a');
    await put(1, key, 'b');
    const answer = await get(key, { Accept: 'mime/multipart' });
    const type = String(answer.headers['content-type']);
    assert.match(type, /^mime\/multipart; boundary=mec-[0-9a-f]{16}$/);
    const headers = {
      ...answer.headers,
      'content-type': type.replace('mime/multipart', 'multipart/mixed'),
    };
    assert.deepEqual(
      parseMultipart({ ...answer, headers })
        .map(({ body }) => body.toString())
        .sort(),
      ['a', 'b'],
    );
  });

  test('?vtag= returns one sibling, with a token that includes only it', async () => {
    const key = freshKey();
    for (const at of [0, 1, 2]) await put(at, key, `${at}`, { 'X-Mec-Meta-At': `${at}` });
    const both = await get(key);
    for (const { headers, body } of parseMultipart(both)) {
      const vtag = String(headers['etag']);
      const alone = await cluster.node(2).key(`${key}?vtag=${vtag.replaceAll('"', '')}`);
      assert.deepEqual(
        [alone.status, alone.text, alone.headers['etag']],
        [200, body.toString(), vtag],
      );
      assert.equal(alone.headers['x-mec-meta-at'], body.toString());
      assert.equal(
        (await cluster.node(2).key(`${key}?vtag=${encodeURIComponent(vtag)}`)).status,
        200,
        'quotes and all',
      );
    }
    const first = String(parseMultipart(both)[0]?.headers['etag']).replaceAll('"', '');
    const alone = await cluster.node(0).key(`${key}?vtag=${first}`);
    await put(1, key, 'resolved', { 'X-Mec-Vclock': tokenOf(alone) });
    const values = await cluster.values(key, 2);
    assert.deepEqual(
      values,
      [...['0', '1', '2'].filter((value) => value !== alone.text), 'resolved'].sort(),
    );
    const gone = await cluster.node(0).key(`${key}?vtag=${first}`);
    assert.equal(gone.status, 404);
    assert.notEqual(tokenOf(gone), '');
    assert.equal(problemOf(await cluster.node(0).key(`${key}?vtag=x`))['parameter'], 'vtag');
    assert.equal(
      problemOf(await cluster.node(0).key(`${key}?vtag=${first}`, { method: 'PUT' }))['parameter'],
      'vtag',
    );
  });

  test('Range returns a part of a value, or the whole if it is invalid', async () => {
    const key = freshKey();
    await put(0, key, '0123456789', { 'Content-Type': 'text/plain' });
    const whole = await get(key);
    const [etag, modified] = [
      String(whole.headers['etag']),
      String(whole.headers['last-modified']),
    ];
    for (const [headers, status, text, range] of [
      [{ Range: 'bytes=0-0' }, 206, '0', 'bytes 0-0/10'],
      [{ Range: 'bytes=2-5' }, 206, '2345', 'bytes 2-5/10'],
      [{ Range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
      [{ Range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
      [{ Range: 'bytes=-99' }, 206, '0123456789', 'bytes 0-9/10'],
      [{ Range: 'bytes=8-99' }, 206, '89', 'bytes 8-9/10'],
      [{ Range: 'bytes=10-' }, 416, undefined, 'bytes */10'],
      [{ Range: 'bytes=-0' }, 416, undefined, 'bytes */10'],
      [{ Range: 'bytes=5-2' }, 200, '0123456789', undefined],
      [{ Range: 'bytes=0-1,4-5' }, 200, '0123456789', undefined],
      [{ Range: 'lines=0-1' }, 200, '0123456789', undefined],
      [{ Range: 'bytes=-' }, 200, '0123456789', undefined],
      [{ Range: 'bytes=0-0', 'If-Range': etag }, 206, '0', 'bytes 0-0/10'],
      [{ Range: 'bytes=0-0', 'If-Range': modified }, 200, '0123456789', undefined],
      [{ Range: 'bytes=0-0', 'If-Range': '"other"' }, 200, '0123456789', undefined],
    ] as [Record<string, string>, number, string | undefined, string | undefined][]) {
      const part = await get(key, headers);
      assert.deepEqual(
        [part.status, part.headers['content-range']],
        [status, range],
        JSON.stringify(headers),
      );
      if (text === undefined) assert.equal(problemOf(part)['code'], 'range-not-satisfiable');
      else assert.equal(part.text, text);
      if (status === 206)
        assert.deepEqual([part.headers['etag'], tokenOf(part)], [etag, tokenOf(whole)]);
    }
    await put(1, key, 'beside');
    assert.equal((await get(key, { Range: 'bytes=0-0' })).status, 300, 'siblings have no ranges');
  });

  test('a body that differs from its Content-Digest is not stored', async () => {
    const key = freshKey();
    const digest = (algorithm: string, body: string): string =>
      createHash(algorithm).update(body).digest('base64');
    const good = `sha-256=:${digest('sha256', 'body')}:, sha-512=:${digest('sha512', 'body')}:`;
    for (const [header, status, code] of [
      [`sha-256=:${digest('sha256', 'other')}:`, 400, 'digest-mismatch'],
      [`${good.split(',')[0]}, sha-512=:${digest('sha512', 'other')}:`, 400, 'digest-mismatch'],
      ['sha-256=:AAAA:', 400, 'digest-mismatch'],
      ['sha-256=nonsense', 400, 'bad-parameter'],
      ['md5=:AAAA:', 400, 'bad-parameter'],
      ['', 400, 'bad-parameter'],
    ] as [string, number, string][]) {
      const refused = await put(0, key, 'body', { 'Content-Digest': header });
      assert.deepEqual([refused.status, problemOf(refused)['code']], [status, code], header);
    }
    assert.equal((await get(key)).status, 404);
    assert.equal((await put(0, key, 'body', { 'Content-Digest': good })).status, 200);
    assert.equal(
      (await put(0, key, 'body', { 'Content-Digest': `${good}, md5=:AAAA:` })).status,
      200,
    );
  });

  test('PUT with Content-Range is refused', async () => {
    const refused = await put(0, freshKey(), 'part', { 'Content-Range': 'bytes 0-3/10' });
    assert.deepEqual([refused.status, problemOf(refused)['parameter']], [400, 'Content-Range']);
  });

  test('?returnbody=true answers a write like a read', async () => {
    const key = freshKey();
    const write = (body: string, headers = {}): Promise<Response> =>
      cluster.node(0).key(`${key}?returnbody=true`, { method: 'PUT', body, headers });
    const one = await write('one', { 'Content-Type': 'text/plain', 'If-None-Match': '*' });
    assert.deepEqual(
      [one.status, one.text, one.headers['content-type']],
      [200, 'one', 'text/plain'],
    );
    assert.equal(one.headers['etag'], (await get(key)).headers['etag']);
    const two = await write('two');
    assert.equal(two.status, 300);
    assert.deepEqual(
      parseMultipart(two).map(({ body }) => body.toString()),
      ['two', 'one'],
    );
    const three = await write('three', { 'X-Mec-Vclock': tokenOf(two) });
    assert.deepEqual([three.status, three.text], [200, 'three']);
    const plain = await cluster
      .node(0)
      .key(`${key}?returnbody=false`, { method: 'PUT', body: 'x' });
    assert.deepEqual([plain.status, plain.text], [200, '']);
    const made = await send(`${cluster.node(0).url}/mec?returnbody=true`, {
      method: 'POST',
      body: 'made',
    });
    assert.deepEqual([made.status, made.text], [201, 'made']);
  });
});
