/**
 * Conditional and repeated writes against real clusters: one winner, no lost and no double write.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, pause, TestCluster } from '../fixtures/cluster.ts';
import { parseMultipart, type Response, send, tokenOf } from '../fixtures/http.ts';

const ROUNDS = 100;
const CREATORS = 50;

let cluster: TestCluster;
let keys = 0;
const freshKey = (): string => `condition-${keys++}`;
const teardown: (() => Promise<void> | void)[] = [];

interface Put {
  readonly body?: string;
  readonly method?: string;
  readonly query?: string;
}

/** Sends one PUT with headers. */
function put(
  at: number,
  key: string,
  headers: Record<string, string>,
  { body = 'x', method = 'PUT', query = '' }: Put = {},
): Promise<Response> {
  return cluster.node(at).key(key + query, { method, body, headers });
}

const etagOf = ({ headers }: Response): string => String(headers['etag']);

async function etag(key: string): Promise<string> {
  return etagOf(await cluster.node(0).key(key));
}

const codeOf = ({ text }: Response): string => (JSON.parse(text) as { code: string }).code;

/**
 * Fifty clients on three nodes create one key at the same time. Expects each answer to be 200 or
 * 412, and returns those that are 200.
 */
async function race(key: string): Promise<Response[]> {
  const answers = await Promise.all(
    Array.from({ length: CREATORS }, (_, i) =>
      put(i % 3, key, { 'If-None-Match': '*' }, { body: `${i}` }),
    ),
  );
  for (const answer of answers)
    assert.ok(answer.status === 200 || answer.status === 412, `${answer.status} ${answer.text}`);
  return answers.filter(({ status }) => status === 200);
}

describe('conditions', () => {
  before(async () => {
    cluster = await TestCluster.start({
      after: (task) => void teardown.push(task as () => Promise<void>),
    });
  });
  after(async () => {
    for (const task of teardown) await task();
  });

  test('of fifty concurrent creates exactly one wins, in each of a hundred rounds', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const key = freshKey();
      const winners = await race(key);
      assert.equal(winners.length, 1, `round ${round}`);
      const read = await cluster.node(round % 3).key(key);
      assert.equal(read.status, 200, 'no siblings');
      assert.equal(etagOf(read), etagOf(winners[0] as Response));
    }
  });

  test('a counter by compare-and-set loses no increment of eight clients', async () => {
    const key = freshKey();
    await put(0, key, {}, { body: '0' });
    const client = async (at: number): Promise<void> => {
      for (let done = 0; done < 25;) {
        const read = await cluster.node(at % 3).key(key);
        assert.equal(read.status, 200);
        const body = String(Number(read.text) + 1);
        const written = await put((at + done) % 3, key, { 'If-Match': etagOf(read) }, { body });
        if (written.status === 200) done += 1;
        else assert.equal(written.status, 412, written.text);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, at) => client(at)));
    for (const at of [0, 1, 2]) assert.deepEqual(await cluster.values(key, at), ['200']);
  });

  test('a write has a tag only if its writer has seen all values of the key', async () => {
    const key = freshKey();
    const first = await put(0, key, {}, { body: 'first' });
    assert.equal(etagOf(first), etagOf(await cluster.node(1).key(key)));
    const second = await put(0, key, {}, { body: 'second' });
    assert.equal(second.headers['x-mec-siblings'], '2');
    assert.equal(second.headers['etag'], undefined);
    assert.equal((await put(0, key, { 'If-Match': etagOf(first) }, { body: 'third' })).status, 412);
    assert.deepEqual((await cluster.values(key, 2)).sort(), ['first', 'second']);
  });

  test('PUT with If-Match replaces the matching siblings, and returns 412 on mismatch', async () => {
    const key = freshKey();
    assert.equal(
      (await put(0, key, { 'If-Match': '*' })).status,
      412,
      'an absent key matches nothing',
    );
    assert.equal((await put(0, key, { 'If-Match': '"0000000000000000"' })).status, 412);
    assert.equal((await put(0, key, { 'If-None-Match': '*' }, { body: 'one' })).status, 200);
    const refused = await put(1, key, { 'If-None-Match': '*' }, { body: 'two' });
    assert.deepEqual([refused.status, codeOf(refused)], [412, 'precondition-failed']);
    assert.deepEqual(await cluster.values(key, 2), ['one']);
    const first = await etag(key);
    assert.equal((await put(1, key, { 'If-Match': first }, { body: 'two' })).status, 200);
    assert.equal(
      (await put(2, key, { 'If-Match': first }, { body: 'three' })).status,
      412,
      'the tag is outdated',
    );
    assert.equal(
      (await put(2, key, { 'If-Match': `W/${await etag(key)}` })).status,
      412,
      'a weak tag matches nothing',
    );
    assert.equal((await put(2, key, { 'If-None-Match': `W/${await etag(key)}` })).status, 412);
    await put(2, key, {}, { body: 'beside' });
    const both = await cluster.node(0).key(key);
    assert.equal(both.status, 300);
    const single = String(parseMultipart(both)[0]?.headers['etag']);
    assert.equal(
      (await put(0, key, { 'If-Match': single })).status,
      412,
      'the key has another version too',
    );
    assert.equal(
      (await put(0, key, { 'If-Match': `"x", ${etagOf(both)}` }, { body: 'merged' })).status,
      200,
    );
    for (const at of [0, 1, 2]) assert.deepEqual(await cluster.values(key, at), ['merged']);
    assert.equal((await put(1, key, { 'If-Match': '*' }, { body: 'any' })).status, 200);
    assert.deepEqual(await cluster.values(key), ['any']);
    assert.equal((await put(1, key, { 'If-None-Match': '"x"' }, { body: 'unseen' })).status, 200);
    assert.deepEqual(
      await cluster.values(key),
      ['any', 'unseen'],
      'without a match nothing is replaced',
    );
  });

  test('DELETE with If-Match returns 412 on mismatch, and a create may follow it', async () => {
    const key = freshKey();
    await put(0, key, {});
    const remove = (headers: Record<string, string>): Promise<Response> =>
      cluster.node(1).key(key, { method: 'DELETE', headers });
    assert.equal((await remove({ 'If-Match': '"0000000000000000"' })).status, 412);
    assert.equal((await remove({ 'If-Match': await etag(key) })).status, 204);
    assert.equal((await remove({ 'If-Match': '*' })).status, 404);
    assert.equal((await remove({ 'If-None-Match': '*' })).status, 404);
    assert.equal((await put(2, key, { 'If-None-Match': '*' }, { body: 'again' })).status, 200);
    assert.deepEqual(await cluster.values(key), ['again']);
  });

  test('an expired version matches no condition', async () => {
    const key = freshKey();
    await put(0, key, { 'X-Mec-TTL': '1' });
    assert.equal((await put(1, key, { 'If-None-Match': '*' })).status, 412);
    await pause(1_050);
    assert.equal((await put(1, key, { 'If-None-Match': '*' }, { body: 'new' })).status, 200);
    assert.deepEqual(await cluster.values(key, 2), ['new']);
  });

  test('a write with a condition that cannot be checked is refused', async () => {
    const key = freshKey();
    for (const headers of [
      { 'If-Unmodified-Since': new Date().toUTCString() },
      { 'If-Match': 'untagged' },
      { 'If-Match': '' },
      { 'If-Match': '"a" "b"' },
      { 'If-None-Match': '*, "a"' },
      { 'Idempotency-Key': '' },
      { 'Idempotency-Key': 'with space' },
      { 'Idempotency-Key': 'x'.repeat(256) },
    ] as Record<string, string>[]) {
      const refused = await put(0, key, headers);
      assert.deepEqual(
        [refused.status, codeOf(refused)],
        [400, 'bad-parameter'],
        JSON.stringify(headers),
      );
      assert.equal(
        (JSON.parse(refused.text) as { parameter: string }).parameter,
        Object.keys(headers)[0],
      );
    }
    assert.equal((await cluster.node(0).key(key)).status, 404);
  });

  test('GET with conditions returns 304 or 412, by tag and by time', async () => {
    const key = freshKey();
    const written = await put(0, key, {});
    const get = (headers: Record<string, string>, method = 'GET'): Promise<Response> =>
      cluster.node(1).key(key, { headers, method });
    const whole = await get({});
    for (const method of ['GET', 'HEAD']) {
      const same = await get({ 'If-None-Match': `"x", W/${etagOf(whole)}` }, method);
      assert.deepEqual([same.status, same.body.length], [304, 0]);
      assert.equal(tokenOf(same), tokenOf(whole));
      assert.equal(etagOf(same), etagOf(written));
      assert.equal(same.headers['last-modified'], whole.headers['last-modified']);
    }
    const modified = String(whole.headers['last-modified']);
    const before = new Date(Date.parse(modified) - 1_000).toUTCString();
    for (const [headers, status] of [
      [{ 'If-None-Match': '*' }, 304],
      [{ 'If-None-Match': '"x"' }, 200],
      [{ 'If-Modified-Since': modified }, 304],
      [{ 'If-Modified-Since': before }, 200],
      [{ 'If-Modified-Since': 'yesterday' }, 200],
      [{ 'If-None-Match': '"x"', 'If-Modified-Since': modified }, 200],
      [{ 'If-Match': '"x"' }, 412],
      [{ 'If-Match': etagOf(whole) }, 200],
      [{ 'If-Unmodified-Since': before }, 412],
      [{ 'If-Unmodified-Since': modified }, 200],
    ] as [Record<string, string>, number][]) {
      assert.equal((await get(headers)).status, status, JSON.stringify(headers));
    }
    await put(0, key, {});
    const both = await get({});
    assert.equal((await get({ 'If-None-Match': etagOf(both) })).status, 304);
    assert.equal((await get({ 'If-None-Match': etagOf(whole) })).status, 300);
    assert.equal(
      (await cluster.node(0).key(freshKey(), { headers: { 'If-None-Match': '*' } })).status,
      404,
    );
    assert.equal(
      (await cluster.node(0).key(freshKey(), { headers: { 'If-Match': '*' } })).status,
      404,
    );
  });

  test('a write repeated with its Idempotency-Key is made once, on any node at any time', async () => {
    const key = freshKey();
    const headers = { 'Idempotency-Key': 'order-1' };
    const all = await Promise.all(Array.from({ length: 30 }, (_, i) => put(i % 3, key, headers)));
    assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(all.map(etagOf)).size, 1);
    assert.equal(all.filter((answer) => answer.headers['x-mec-repeated'] === undefined).length, 1);
    assert.deepEqual(await cluster.values(key), ['x']);
    const [first] = all;
    // The token of a repeated answer replaces the token of the first answer.
    const repeated = all.find((answer) => answer.headers['x-mec-repeated'] === 'true');
    await put(1, key, { 'X-Mec-Vclock': tokenOf(repeated as Response) }, { body: 'next' });
    for (const at of [0, 1, 2]) assert.deepEqual(await cluster.values(key, at), ['next']);
    const late = await put(2, key, headers);
    assert.deepEqual([late.status, late.headers['x-mec-repeated']], [200, 'true']);
    const told = await put(2, `${key}?returnbody=true`, headers);
    assert.deepEqual([told.status, told.headers['x-mec-repeated']], [200, 'true']);
    assert.equal(told.text, 'next');
    assert.deepEqual(await cluster.values(key), ['next'], 'the overwritten value does not return');
    await put(2, key, { 'X-Mec-Vclock': tokenOf(first as Response) }, { body: 'beside' });
    assert.deepEqual(await cluster.values(key), ['beside', 'next']);
    await cluster.node(0).key(key, { method: 'DELETE' });
    assert.equal((await put(0, key, headers)).status, 200);
    assert.deepEqual(await cluster.values(key), []);
    const other = await put(1, key, headers, { body: 'another value' });
    assert.deepEqual([other.status, codeOf(other)], [422, 'idempotency-key-reused']);
    assert.equal((await put(1, key, { 'Idempotency-Key': 'order-2' })).status, 200);
    assert.deepEqual(await cluster.values(key), ['x']);
    assert.equal(
      (await put(1, freshKey(), headers)).headers['x-mec-repeated'],
      undefined,
      'another key is another write',
    );
  });

  test('a create with an Idempotency-Key is acknowledged again to its writer', async () => {
    const key = freshKey();
    const headers = { 'If-None-Match': '*', 'Idempotency-Key': 'a' };
    assert.equal((await put(0, key, headers)).status, 200);
    assert.equal((await put(1, key, headers)).status, 200);
    assert.equal((await put(1, key, { ...headers, 'Idempotency-Key': 'b' })).status, 412);
    assert.deepEqual(await cluster.values(key), ['x']);
  });

  test('POST /mec with an Idempotency-Key creates one key', async () => {
    const create = (headers: Record<string, string>, body = 'made'): Promise<Response> =>
      send(`${cluster.node(0).url}/mec`, { method: 'POST', body, headers });
    const locations = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const made = await create({ 'Content-Type': 'text/plain' });
      assert.equal(made.status, 201, made.text);
      const location = String(made.headers['location']);
      locations.add(location);
      const read = await send(cluster.node(1).url + location);
      assert.deepEqual([read.text, read.headers['content-type']], ['made', 'text/plain']);
      assert.equal(etagOf(read), etagOf(made));
      await send(cluster.node(1).url + location, {
        method: 'PUT',
        body: 'x',
        headers: { 'X-Mec-Vclock': tokenOf(made) },
      });
      assert.equal((await send(cluster.node(2).url + location)).text, 'x');
    }
    assert.equal(locations.size, 3);
    const [one, two] = [
      await create({ 'Idempotency-Key': 'k' }),
      await create({ 'Idempotency-Key': 'k' }),
    ];
    assert.equal(one.headers['location'], two.headers['location']);
    assert.equal((await send(cluster.node(1).url + String(one.headers['location']))).status, 200);
    assert.equal((await create({ 'Idempotency-Key': 'k' }, 'other')).status, 422);
  });
});

test('a conditional write without a majority fails, and succeeds with one', async (t) => {
  cluster = await TestCluster.start(t);
  await put(0, 'held', { 'If-None-Match': '*' });
  for (const paused of [0, 1, 2]) {
    const others = [0, 1, 2].filter((at) => at !== paused);
    cluster.node(paused).signal('SIGSTOP');
    // Immediately, before any node has noticed.
    for (let i = 0; i < 10; i++) {
      const key = `paused-${paused}-${i}`;
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          put(others[n % 2] as number, key, { 'If-None-Match': '*' }),
        ),
      );
      const won = answers.filter(({ status }) => status === 200).length;
      assert.equal(won, 1, answers.map(({ status, text }) => `${status} ${text}`).join('\n'));
      assert.equal(
        (await put(others[i % 2] as number, 'held', { 'If-None-Match': '*' })).status,
        412,
      );
    }
    cluster.node(paused).signal('SIGCONT');
    await cluster.connected();
  }
  cluster.node(1).signal('SIGSTOP');
  cluster.node(2).signal('SIGSTOP');
  for (const headers of [
    { 'If-None-Match': '*' },
    { 'If-Match': '*' },
    { 'Idempotency-Key': 'a' },
  ] as Record<string, string>[]) {
    for (const key of ['held', 'new']) {
      const refused = await put(0, key, headers, { query: '?timeout=300' });
      assert.ok(
        refused.status === 503 || refused.status === 504,
        `${refused.status} ${refused.text}`,
      );
    }
  }
  await eventually('both are missed', async () =>
    (await cluster.node(0).status()).peers.every(({ reach }) => reach === 'unreachable'),
  );
  const refused = await put(0, 'new', { 'If-None-Match': '*' });
  assert.deepEqual([refused.status, codeOf(refused)], [503, 'quorum-not-met']);
  assert.equal(
    (await put(0, 'new', {}, { query: '?w=1' })).status,
    200,
    'a plain write may still use a smaller quorum',
  );
});

test('concurrent creates never have two winners while nodes hang and wake up', async (t) => {
  cluster = await TestCluster.start(t);
  const over = new AbortController();
  const chaos = (async () => {
    for (let i = 0; !over.signal.aborted; i++) {
      cluster.node(i % 3).signal('SIGSTOP');
      // Sometimes longer than a key grant lasts, so that a coordinator continues after its expiry.
      await pause(i % 2 === 0 ? 2_600 : 300);
      cluster.node(i % 3).signal('SIGCONT');
      await pause(200);
    }
  })();
  let won = 0;
  for (let round = 0; round < 12; round++) {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        put(i % 3, `chaos-${round}`, { 'If-None-Match': '*' }, { query: '?timeout=3000' }).catch(
          () => undefined,
        ),
      ),
    );
    const winners = answers.filter((answer) => answer?.status === 200).length;
    assert.ok(winners <= 1, `round ${round}: ${winners} winners`);
    won += winners;
  }
  over.abort();
  await chaos;
  assert.ok(won > 0, 'some creates succeed');
});

test('a retry makes no second version if the first node died with its answer', async (t) => {
  cluster = await TestCluster.start(t);
  for (let round = 0; round < 6; round++) {
    const at = round % 3;
    const key = `lost-${round}`;
    const headers = { 'Idempotency-Key': `write-${round}` };
    const first = put(at, key, headers).catch(() => undefined);
    if (round > 0) await pause(round);
    await cluster.node(at).end('SIGKILL');
    await first;
    const retry = (n: number): Promise<Response> =>
      put((at + n) % 3, key, headers, { query: '?timeout=10000' });
    const [one, two] = await Promise.all([retry(1), retry(2)]);
    assert.deepEqual([one.status, two.status], [200, 200], one.text + two.text);
    cluster.node(at).start();
    await cluster.connected();
    for (const node of [0, 1, 2]) assert.deepEqual(await cluster.values(key, node), ['x']);
    await put(at, key, { 'X-Mec-Vclock': tokenOf(one) }, { body: 'next' });
    assert.deepEqual(await cluster.values(key, (at + 1) % 3), ['next']);
  }
});
