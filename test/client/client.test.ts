/** The client against a real cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { type EmbeddedCluster, startCluster } from '../../src/index.ts';
import { MAX_DECODED_BYTES } from '../../src/client/limits.ts';
import { MAX_SIBLINGS } from '../../src/storage/limits.ts';
import {
  bytes,
  type ClientWorld,
  CodecError,
  ConflictError,
  json,
  type ListOptions,
  MecClient,
  type MecClientError,
  QuorumError,
  type Read,
  RefusedError,
  type Siblings,
  systemWorld,
  text,
} from '../../src/client/index.ts';
import {
  type GrowOnlyCounter,
  growOnlyCounter,
  observedRemoveSet,
  type ObservedRemoveSet,
} from '../../src/client/merge/index.ts';
import { eventually } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';

let cluster: EmbeddedCluster;
let keys = 0;
const freshKey = (): string => `client/${keys++}`;
const { merge, add, values } = observedRemoveSet;

/** The values of a read, newest first; [] if there are none. */
function all<T>(read: Read<T>): T[] {
  if (read.kind === 'missing') return [];
  return read.kind === 'value' ? [read.value] : read.siblings.map(({ value }) => value);
}

async function failure(promise: Promise<unknown>): Promise<MecClientError> {
  return promise.then(
    () => assert.fail('it should have been refused'),
    (error: unknown) => error as MecClientError,
  );
}

describe('the client', () => {
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test('get returns missing, a value or siblings as a key changes', async () => {
    const client = new MecClient<string>(cluster.urls);
    const key = freshKey();
    assert.deepEqual(await client.get(key), { kind: 'missing', token: undefined });

    const first = await client.put(key, 'milk', { meta: { aisle: '7' } });
    assert.equal(first.siblings, 1);
    const one = await client.get(key);
    assert.equal(one.kind, 'value');
    assert.ok(one.kind === 'value');
    assert.equal(one.value, 'milk');
    assert.equal(one.dot, first.dot);
    assert.deepEqual(one.meta, { aisle: '7' });
    assert.equal(one.contentType, 'application/json');
    assert.ok(Math.abs(one.timestampMicros / 1000 - Date.now()) < 60_000);

    assert.equal((await client.put(key, 'bread')).siblings, 2);
    const both = await client.get(key);
    assert.ok(both.kind === 'siblings');
    assert.deepEqual(
      both.siblings.map(({ value }) => value),
      ['bread', 'milk'],
    );
    await client.put(key, 'milk, bread', { token: both.token });
    const merged = await client.get(key);
    assert.deepEqual(all(merged), ['milk, bread']);

    const deleted = await client.delete(key, { token: merged.token ?? assert.fail() });
    assert.equal(deleted.found, true);
    assert.equal((await client.get(key)).kind, 'missing');
    assert.equal((await client.delete(key)).found, false);
  });

  test('siblings are byte-exact, and every codec reads its own output', async () => {
    const client = new MecClient(cluster.urls, { clientId: 'me' });
    const key = freshKey();
    const binary = client.with(bytes);
    const nasty = [
      Uint8Array.from({ length: 256 }, (_, i) => i),
      Buffer.from('\r\n--mec-\r\n\r\n--'),
      new Uint8Array(),
    ];
    for (const value of nasty) await binary.put(key, value);
    const read = await binary.get(key);
    assert.ok(read.kind === 'siblings');
    assert.deepEqual(
      read.siblings.map(({ value }) => Buffer.from(value).toString('hex')).sort(),
      nasty.map((value) => Buffer.from(value).toString('hex')).sort(),
    );
    assert.deepEqual(new Set(read.siblings.map(({ clientId }) => clientId)), new Set(['me']));

    const words = freshKey();
    await client.with(text).put(words, 'grün\n\u{1F600}');
    assert.deepEqual(all(await client.with(text).get(words)), ['grün\n\u{1F600}']);
    const typed = client.with(
      json<number>((value) => (typeof value === 'number' ? value : assert.fail('not a number'))),
    );
    const error = await failure(typed.get(words));
    assert.ok(error instanceof CodecError);
    assert.equal(error.code, 'bad-value');
    assert.equal(error.retriable, false);
    assert.ok((await failure(client.put(freshKey(), undefined))) instanceof CodecError);
  });

  test('a single value and siblings have the same metadata', async () => {
    const client = new MecClient<number>(cluster.urls);
    const key = freshKey();
    const latin1 = Array.from({ length: 96 }, (_, i) => String.fromCharCode(160 + i)).join('');
    const controls = Array.from({ length: 32 }, (_, i) => String.fromCharCode(128 + i)).join('');
    const meta = { aisle: 'Gemüse', all: `a${latin1}z`, controls: `a${controls}z` };
    await client.put(key, 1, { meta });
    const one = await client.get(key);
    assert.ok(one.kind === 'value');
    assert.deepEqual(one.meta, meta);
    await client.put(key, 2, { meta });
    const both = await client.get(key);
    assert.ok(both.kind === 'siblings');
    for (const sibling of both.siblings) assert.deepEqual(sibling.meta, meta);
  });

  test('a value with a Content-Encoding reads the same alone and among siblings', async () => {
    const key = freshKey();
    const url = `${cluster.urls[0]}/mec/${encodeURIComponent(key)}`;
    const client = new MecClient<string>(cluster.urls);
    const raw = client.with(bytes);
    const zipped = gzipSync('"page"');
    await raw.put(key, zipped, {
      contentType: 'application/json',
      contentEncoding: 'gzip',
      clientId: 'ann',
    });
    const plain = await send(url);
    assert.equal(plain.headers['content-encoding'], 'gzip');
    assert.deepEqual(plain.body, zipped);
    const one = await client.get(key);
    assert.ok(one.kind === 'value');
    assert.deepEqual([one.value, one.contentEncoding, one.clientId], ['page', 'gzip', 'ann']);
    const stored = await raw.get(key);
    assert.ok(stored.kind === 'value');
    assert.deepEqual([Buffer.from(stored.value), stored.contentEncoding], [zipped, 'gzip']);

    for (const [coding, body] of [
      ['deflate', deflateSync('"page"')],
      ['X-GZIP', zipped],
      ['identity', Buffer.from('"page"')],
    ] as const)
      await raw.put(key, body, { contentEncoding: coding });
    const all4 = await client.get(key);
    assert.ok(all4.kind === 'siblings');
    assert.deepEqual(
      all4.siblings.map(({ value, contentEncoding }) => [value, contentEncoding]),
      ['identity', 'X-GZIP', 'deflate', 'gzip'].map((coding) => ['page', coding]),
    );
    const last = (await raw.get(key)) as Siblings<Uint8Array>;
    assert.deepEqual(Buffer.from(last.siblings.at(-1)?.value ?? assert.fail()), zipped);
  });

  test('a value that cannot be decoded can be read as stored', async () => {
    const client = new MecClient<string>(cluster.urls);
    const raw = client.with(bytes);
    const bomb = gzipSync(Buffer.alloc(MAX_DECODED_BYTES + 1));
    for (const [value, contentEncoding] of [
      [Buffer.from('no gzip'), 'gzip'],
      [gzipSync('"cut"').subarray(0, -4), 'gzip'],
      [Buffer.from('x'), 'rot13'],
      [bomb, 'gzip'],
    ] as const) {
      const key = freshKey();
      await raw.put(key, value, { contentEncoding });
      const error = await failure(client.get(key));
      assert.ok(error instanceof CodecError, error.message);
      assert.equal(error.code, 'bad-value');
      const read = await raw.get(key);
      assert.ok(read.kind === 'value');
      assert.deepEqual(Buffer.from(read.value), Buffer.from(value));
    }
  });

  test('a value that no header can carry is a bad-parameter error', async () => {
    const client = new MecClient<number>(cluster.urls);
    const key = freshKey();
    for (const meta of [
      { a: '\u65e5\u672c' },
      { a: 'two\r\nlines' },
      { 'a b': 'x' },
      { '\u00fc': 'x' },
    ]) {
      const error = await failure(client.put(key, 1, { meta }));
      assert.ok(error instanceof RefusedError, error.message);
      assert.deepEqual(
        [error.code, error.retriable, error.mayTakeEffect],
        ['bad-parameter', false, false],
      );
      assert.match(error.message, /X-Mec-Meta-/i);
    }
    assert.equal((await client.get(key)).kind, 'missing');
  });

  test('a key with special characters can be written, read and deleted', async () => {
    const client = new MecClient(cluster.urls);
    for (const key of [
      'a/b',
      '../x',
      'a/../b',
      'a//b',
      '%',
      '%2F',
      'ü \u{1F600}',
      '?x=1#y',
      '__proto__',
      '...',
    ]) {
      await client.put(key, key);
      assert.deepEqual(all(await client.get(key)), [key], key);
      await client.delete(key);
    }
    for (const key of ['', '.', '..', '\ud800']) {
      const error = await failure(client.get(key));
      assert.ok(error instanceof RefusedError, key);
      assert.equal(error.code, 'bad-key');
    }
    assert.equal((await failure(client.get('k'.repeat(1025)))).code, 'key-too-long');
  });

  test('a refused request is reported and not repeated', async () => {
    const client = new MecClient(cluster.urls);
    const written = await client.put(freshKey(), 1);
    const error = await failure(client.put(freshKey(), 2, { token: written.token }));
    assert.ok(error instanceof RefusedError);
    assert.deepEqual(
      [error.code, error.status, error.retriable, error.mayTakeEffect],
      ['bad-vclock', 400, false, false],
    );
    assert.match(error.message, /another key/);
    const large = await failure(client.with(bytes).put(freshKey(), new Uint8Array(2 ** 20 + 1)));
    assert.equal(large.code, 'value-too-large');
  });

  test('concurrent updates by many clients all count', async () => {
    const key = freshKey();
    const clients = Array.from({ length: 8 }, () => new MecClient<ObservedRemoveSet>(cluster.urls));
    await Promise.all(
      clients.flatMap((client, c) =>
        Array.from({ length: 10 }, (_, i) =>
          client.update(key, (set, by) => add(set, `${c}.${i}`, by), { merge }),
        ),
      ),
    );
    const end = await clients[0]?.update(key, (set) => set, { merge });
    assert.equal(values(end?.value).length, 80);
    assert.equal((await clients[1]?.get(key))?.kind, 'value');
  });

  test('updates of one key through one client run one after the other', async () => {
    const client = new MecClient<GrowOnlyCounter>(cluster.urls);
    const key = freshKey();
    const { merge, add } = growOnlyCounter;
    await Promise.all(
      Array.from({ length: 20 }, () => client.update(key, (n, by) => add(n, by), { merge })),
    );
    const read = await client.get(key);
    assert.ok(read.kind === 'value');
    assert.equal(growOnlyCounter.value(read.value), 20);
    assert.equal(Object.keys(read.value.plus).length, 1, 'one author');
  });

  test('an update of a deleted key has a new author', async () => {
    const client = new MecClient<ObservedRemoveSet>(cluster.urls);
    const names = new Set<string>();
    const key = freshKey();
    for (let i = 0; i < 3; i++) {
      await client.update(
        key,
        (set, by) => {
          names.add(by.name);
          return add(set, 'x', by);
        },
        { merge },
      );
      if (i === 1) await client.delete(key);
    }
    assert.equal(names.size, 2);
  });

  test('an update that returns undefined or throws writes nothing', async () => {
    const client = new MecClient<number>(cluster.urls);
    const key = freshKey();
    assert.equal(await client.update(key, () => undefined, { merge: Math.max }), undefined);
    await assert.rejects(
      client.update(key, () => assert.fail('no'), { merge: Math.max }),
      /no/,
    );
    assert.equal((await client.get(key)).kind, 'missing');
    assert.equal((await client.update(key, async () => 5, { merge: Math.max }))?.value, 5);
  });

  test('at the limit of siblings a put is refused and an update merges them', async () => {
    const client = new MecClient<number>(cluster.urls);
    const key = freshKey();
    for (let i = 0; i < MAX_SIBLINGS; i++) await client.put(key, i);
    const error = await failure(client.put(key, -1));
    assert.ok(error instanceof ConflictError);
    assert.equal(error.code, 'too-many-siblings');
    const updated = await client.update(key, (n) => (n ?? 0) + 1, { merge: Math.max });
    assert.deepEqual(
      [updated?.value, updated?.merged, updated?.siblings],
      [MAX_SIBLINGS, MAX_SIBLINGS, 1],
    );
  });

  test('list yields the keys with a prefix in order, page by page', async () => {
    const client = new MecClient<number>(cluster.urls);
    const prefix = `list-${freshKey()}/ü&?`;
    const names = Array.from({ length: 7 }, (_, i) => `${prefix}${i}`);
    await Promise.all(names.map((name) => client.put(name, 1)));
    const listed = async (options: ListOptions): Promise<string[]> => {
      const found: string[] = [];
      for await (const key of client.list(options)) found.push(key);
      return found;
    };
    assert.deepEqual(await listed({ prefix }), names);
    assert.deepEqual(await listed({ prefix, after: names[4], pageKeys: 1 }), names.slice(5));
    for await (const key of client.list({ prefix, pageKeys: 2 })) {
      assert.equal(key, names[0]);
      break;
    }
  });

  test('a value with a time to live has its expiry', async () => {
    const client = new MecClient<string>(cluster.urls);
    const key = freshKey();
    await client.put(key, 'soon', { ttlSeconds: 100 });
    const read = await client.get(key);
    assert.ok(read.kind === 'value');
    const leftMs = Date.parse(read.expires ?? '') - Date.now();
    assert.ok(leftMs > 90_000 && leftMs <= 101_000, `${leftMs} ms`);
    assert.equal((await failure(client.put(key, 'x', { ttlSeconds: 0 }))).code, 'bad-parameter');
  });

  test('a write that is sent twice is read once, and with `once` made once', async () => {
    const key = freshKey();
    const url = `${cluster.urls[0]}/mec/${encodeURIComponent(key)}`;
    const sendAs = (name: string): Promise<Response> =>
      fetch(url, { method: 'PUT', body: '"a"', headers: { 'X-Mec-Write-ID': name } });
    assert.deepEqual([(await sendAs('one')).status, (await sendAs('one')).status], [200, 200]);
    const client = new MecClient<string>(cluster.urls);
    const seen = await client.get(key);
    assert.equal(seen.kind, 'value');
    await client.put(key, 'b', { token: seen.token ?? assert.fail() });
    assert.deepEqual(all(await client.get(key, { r: 'all' })), ['b'], 'both copies are replaced');
    assert.equal((await sendAs('not visible')).status, 400);

    const asked: string[] = [];
    const spied: ClientWorld = {
      ...systemWorld,
      fetch: (to, init) => {
        asked.push(...Object.keys(init.headers));
        return systemWorld.fetch(to, init);
      },
    };
    await new MecClient<string>(cluster.urls, { world: spied }).put(freshKey(), 'once', {
      once: true,
    });
    assert.ok(asked.includes('idempotency-key') && !asked.includes('x-mec-write-id'));
  });

  test('150 calls of set in a row leave one value, and concurrent ones lose none', async () => {
    const client = new MecClient<number>(cluster.urls);
    const key = freshKey();
    for (let i = 0; i < 150; i++) {
      const { siblings } = await client.set(key, i);
      assert.equal(siblings, 1);
    }
    assert.deepEqual(all(await client.get(key, { r: 'all' })), [149]);
    const written = await Promise.all([1, 2, 3].map((i) => client.set(key, i, { w: 'all' })));
    const left = all(await client.get(key));
    assert.ok(left.length >= 1 && left.every((value) => [1, 2, 3].includes(value)), String(left));
    await client.set(key, 4, { ttlSeconds: 600, meta: { by: 'ann' } });
    const last = await client.get(key);
    assert.ok(last.kind === 'value' && last.value === 4 && last.meta['by'] === 'ann');
    assert.ok(last.expires !== undefined && written.length === 3);
  });

  test('count gives keys, keys with siblings, values and bytes', async () => {
    const client = new MecClient<string>(cluster.urls);
    const none = { keys: 0, siblings: 0, values: 0, bytes: 0 };
    assert.deepEqual(await client.count({ prefix: 'counted/' }), none);
    for (let i = 0; i < 12; i++) await client.set(`counted/${i}`, 'x'.repeat(i), { w: 'all' });
    await client.put('counted/3', 'other', { w: 'all' });
    await client.delete('counted/11', { w: 'all' });
    // Each value has two quotes of JSON.
    const bytesOfAll = 55 + 2 * 11 + 7;
    const counted = await client.count({ prefix: 'counted/', r: 'quorum' });
    assert.deepEqual(counted, { keys: 11, siblings: 1, values: 12, bytes: bytesOfAll });
    for (const query of ['count=maybe', 'count=true&limit=5', 'count=true&after=a'])
      assert.equal((await send(`${cluster.urls[0]}/mec?${query}`)).status, 400, query);
    const late = await send(`${cluster.urls[0]}/mec?prefix=counted/&count=true&timeout=1`);
    assert.ok([200, 504].includes(late.status), late.text);
  });

  test('set replaces siblings, and removes the limit of their number', async () => {
    const client = new MecClient<number>(cluster.urls);
    const key = freshKey();
    for (let i = 0; i < MAX_SIBLINGS; i++) await client.put(key, i);
    const full = await failure(client.put(key, 0));
    assert.ok(full instanceof ConflictError && full.message.includes('?replace=true'));
    await client.set(key, 1);
    assert.deepEqual(all(await client.get(key)), [1]);
  });

  test('a failed condition is a ConflictError, and one concurrent create wins', async () => {
    const clients = Array.from({ length: 5 }, () => new MecClient<number>(cluster.urls));
    const key = freshKey();
    const outcomes = await Promise.allSettled(
      clients.map((client, i) => client.put(key, i, { ifMissing: true })),
    );
    const lost = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    );
    assert.equal(lost.length, 4);
    for (const error of lost)
      assert.ok(error instanceof ConflictError && error.code === 'precondition-failed');
    const [client] = clients;
    const read = await client?.get(key);
    assert.ok(read?.kind === 'value');
    await client?.put(key, 10, { ifMatch: read.etag });
    const late = await failure(client?.put(key, 11, { ifMatch: read.etag }) ?? assert.fail());
    assert.deepEqual([late.code, late.status, late.retriable], ['precondition-failed', 412, false]);
    const end = await client?.get(key);
    assert.ok(end?.kind === 'value' && end.value === 10);
  });

  test('reads of one client never go back in time, even with r=1', async (t) => {
    t.after(() => cluster.heal());
    const key = freshKey();
    const here = cluster.urls.slice(0, 1);
    const writer = new MecClient<number>(cluster.urls.slice(1));
    await writer.put(key, 1);
    const reader = new MecClient<number>(cluster.urls);
    const old = await reader.get(key);
    assert.ok(old.kind === 'value');
    cluster.partition([0], [1, 2]);
    await writer.put(key, 2, { token: old.token, deadlineMs: 30_000 });
    assert.deepEqual(all(await writer.get(key)), [2]);
    // The isolated node answers as before, but not to a client that has seen more.
    const alone = new MecClient<number>(here);
    assert.deepEqual(all(await alone.get(key, { r: 1 })), [1]);
    const { dot } = (await writer.get(key)) as { dot: string };
    const ask = await fetch(`${here[0]}/mec/${encodeURIComponent(key)}?r=1&timeout=200`, {
      headers: { 'X-Mec-Seen': dot },
    });
    assert.equal(ask.status, 503);
    assert.ok(['behind', 'timeout'].includes(((await ask.json()) as { code: string }).code));
    // The client may use any node, so it moves on to one that is recent enough.
    const mover = new MecClient<number>([...cluster.urls]);
    assert.deepEqual(all(await mover.get(key, { deadlineMs: 20_000 })), [2]);
    for (let i = 0; i < 6; i++)
      assert.deepEqual(all(await mover.get(key, { r: 1, deadlineMs: 20_000 })), [2]);
    cluster.heal();
    await cluster.whole();
    const healed = await fetch(`${here[0]}/mec/${encodeURIComponent(key)}?r=1`, {
      headers: { 'X-Mec-Seen': dot },
    });
    assert.equal(await healed.text(), '2');
    const garbage = await fetch(`${here[0]}/mec/${encodeURIComponent(key)}`, {
      headers: { 'X-Mec-Seen': 'x' },
    });
    assert.equal(garbage.status, 400);
  });

  test('a quorum that cannot be met is a QuorumError with have and need', async (t) => {
    t.after(() => cluster.heal());
    cluster.partition([0], [1], [2]);
    // Long enough for an answer from a busy machine.
    const client = new MecClient<number>(cluster.urls, { deadlineMs: 3_000 });
    const error = await failure(client.put(freshKey(), 1));
    assert.ok(error instanceof QuorumError, String(error));
    assert.deepEqual(
      [error.have, error.need, error.retriable, error.mayTakeEffect],
      [1, 2, true, true],
    );
    // As soon as the node knows that its peers are away, it begins no write.
    await eventually('nothing is written', async () => {
      const put = client.put(freshKey(), 1, { deadlineMs: 500 });
      const { message, mayTakeEffect } = await failure(put);
      return /Nothing was written/.test(message) && !mayTakeEffect;
    });
    cluster.heal();
    await cluster.whole();
  });
});
