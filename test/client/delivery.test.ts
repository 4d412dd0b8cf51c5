/** The client while nodes fail: its retries, its limits, and its waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  MecClient,
  type MecClientError,
  QuorumError,
  UnavailableError,
} from '../../src/client/index.ts';
import { observedRemoveSet, type ObservedRemoveSet } from '../../src/client/merge/index.ts';
import { answer, type Behaviour, deadUrl, fakeNode, hang, problem } from '../fixtures/fake-node.ts';

const { merge, add } = observedRemoveSet;

async function failure(promise: Promise<unknown>): Promise<MecClientError> {
  return promise.then(
    () => assert.fail('it should have failed'),
    (error: unknown) => error as MecClientError,
  );
}

const timed = async <T>(work: Promise<T>): Promise<{ ms: number; result: T }> => {
  const startMs = performance.now();
  const result = await work;
  return { ms: performance.now() - startMs, result };
};

test('an unreachable node is skipped at once, and asked last afterwards', async (t) => {
  const good = await fakeNode(t, answer('here'));
  const dead = await deadUrl();
  const client = new MecClient([dead, dead, good.url], { deadlineMs: 2_000 });
  for (let i = 0; i < 20; i++) {
    const read = await client.get('k');
    assert.ok(read.kind === 'value' && read.value === 'here');
  }
  assert.equal(good.requests.length, 20);
});

test('a node that fails is skipped until its rest ends', async (t) => {
  const bad = await fakeNode(t, problem(503, 'overloaded'));
  const good = await fakeNode(t, answer(1));
  const client = new MecClient([bad.url, good.url]);
  for (let i = 0; i < 20; i++) await client.get('k');
  assert.equal(good.requests.length, 20);
  assert.ok(bad.requests.length <= 3, `${bad.requests.length} requests to the bad node`);
});

test('a request that meets `not-ready` goes to the next node at once', async (t) => {
  const detail = 'This node has not found its cluster yet.';
  const lonely = await fakeNode(t, (response, asked, i) => {
    response.setHeader('Retry-After', '60');
    problem(503, 'not-ready', { detail, mayTakeEffect: false })(response, asked, i);
  });
  const good = await fakeNode(t, answer(1));
  const { ms } = await timed(
    (async () => {
      // Each of these clients asks the nodes in another order.
      for (let i = 0; i < 10; i++) {
        const client = new MecClient([lonely.url, good.url]);
        await client.put('k', i);
        await client.get('k');
      }
    })(),
  );
  assert.ok(lonely.requests.length > 0);
  assert.equal(good.requests.length, 20);
  assert.ok(ms < 2_500, `${ms} ms`);
  const error = await failure(new MecClient([lonely.url]).put('k', 1, { deadlineMs: 300 }));
  assert.deepEqual([error.code, error.mayTakeEffect], ['not-ready', false]);
  assert.ok(error instanceof UnavailableError);
});

test('a late read also goes to a second node, and the slow node is skipped next', async (t) => {
  const mute = await fakeNode(t, hang);
  const good = await fakeNode(t, answer(1));
  const client = new MecClient([mute.url, good.url]);
  const { ms } = await timed(Promise.all([client.get('k'), client.get('k'), client.get('k')]));
  assert.ok(ms < 1_500, `${ms} ms`);
  const before = mute.requests.length;
  assert.ok(before >= 1);
  for (let i = 0; i < 10; i++) await client.get('k');
  assert.ok(
    mute.requests.length - before <= 2,
    `${mute.requests.length - before} more requests to the node that hangs`,
  );
});

test('a repeated write has the same bytes, token and name', async (t) => {
  const behave: Behaviour = (response, asked, i) =>
    i === 0
      ? response.destroy()
      : i === 1
        ? problem(503, 'quorum-not-met', { have: 1, need: 2 })(response, asked, i)
        : answer(1)(response, asked, i);
  const node = await fakeNode(t, behave);
  const client = new MecClient([node.url]);
  await client.put('k', { a: 1 });
  await client.put('k', { a: 1 });
  const [first, second, third, other] = node.requests;
  const same = ({ method, headers, body }: (typeof node.requests)[number]): unknown => [
    method,
    headers['x-mec-write-id'],
    body,
  ];
  assert.ok(
    first !== undefined && second !== undefined && third !== undefined && other !== undefined,
  );
  assert.match(String(first.headers['x-mec-write-id']), /^[0-9a-z]{20}$/);
  assert.deepEqual(same(first), same(second));
  assert.deepEqual(same(first), same(third));
  assert.notDeepEqual(same(third), same(other));
});

test('a refused request is not repeated, and may have taken effect after a lost answer', async (t) => {
  const refuses = await fakeNode(t, problem(413, 'value-too-large'));
  const plain = await failure(new MecClient([refuses.url]).put('k', 1));
  assert.deepEqual(
    [plain.code, plain.mayTakeEffect, refuses.requests.length],
    ['value-too-large', false, 1],
  );
  const fickle = await fakeNode(t, (response, asked, i) =>
    i === 0 ? response.destroy() : problem(409, 'too-many-siblings')(response, asked, i),
  );
  const after = await failure(new MecClient([fickle.url]).put('k', 1));
  assert.deepEqual([after.code, after.mayTakeEffect], ['too-many-siblings', true]);
});

test('a write that no node has stored cannot take effect, unless an earlier attempt could', async (t) => {
  const detail = '1 of 2 replicas can be reached. Nothing was written.';
  // An attempt that the deadline cuts off could take effect. So the nodes ask for a long pause.
  const more = { detail, retryAfter: 60 };
  const short = problem(503, 'quorum-not-met', { have: 1, need: 2, ...more, mayTakeEffect: false });
  const outcomeAt = async (urls: string[]): Promise<unknown[]> => {
    const client = new MecClient(urls, { deadlineMs: 1_000 });
    const { code, message, mayTakeEffect } = await failure(client.put('k', 1));
    return [code, message, mayTakeEffect];
  };
  const starting = problem(503, 'not-ready', { retryAfter: 60, mayTakeEffect: false });
  const nodes = [(await fakeNode(t, starting)).url, (await fakeNode(t, short)).url];
  assert.deepEqual(await outcomeAt(nodes), ['quorum-not-met', detail, false]);
  assert.deepEqual(await outcomeAt(nodes.reverse()), ['quorum-not-met', detail, false]);
  const [code, , mayTakeEffect] = await outcomeAt([await deadUrl()]);
  assert.deepEqual([code, mayTakeEffect], ['unreachable', false]);
  const fickle = await fakeNode(t, (response, asked, i) =>
    i === 0 ? response.destroy() : short(response, asked, i),
  );
  const sentence = `The last of several attempts failed: ${detail}`;
  assert.deepEqual(await outcomeAt([fickle.url]), ['quorum-not-met', sentence, true]);
  // The field decides, and not the text.
  const silent = problem(503, 'quorum-not-met', more);
  assert.deepEqual(await outcomeAt([(await fakeNode(t, silent)).url]), [
    'quorum-not-met',
    detail,
    true,
  ]);
});

test('a node is not asked again before its Retry-After', async (t) => {
  const busy =
    (retryAfter: string): Behaviour =>
    (response, asked, i) => {
      if (i > 0) return answer(1)(response, asked, i);
      response.setHeader('Retry-After', retryAfter);
      return problem(503, 'overloaded')(response, asked, i);
    };
  const inSeconds = await fakeNode(t, busy('1'));
  const one = await timed(new MecClient([inSeconds.url]).get('k'));
  assert.ok(one.ms >= 990 && one.ms < 2_500, `${one.ms} ms`);
  assert.equal(inSeconds.requests.length, 2);
  const atDate = await fakeNode(t, busy(new Date(Date.now() + 2_000).toUTCString()));
  const two = await timed(new MecClient([atDate.url]).get('k'));
  assert.ok(two.ms >= 500, `${two.ms} ms`);
  assert.equal(atDate.requests.length, 2);

  // Others are asked meanwhile, but this node is not.
  const resting = await fakeNode(t, busy('5'));
  const failing = await fakeNode(t, (response, asked, i) =>
    i < 4
      ? problem(503, 'quorum-not-met', { have: 1, need: 2 })(response, asked, i)
      : answer(1)(response, asked, i),
  );
  await new MecClient([resting.url, failing.url]).get('k');
  assert.ok(
    resting.requests.length <= 1 && failing.requests.length === 5,
    `${resting.requests.length}`,
  );

  // A node that allows no request before the deadline is not waited for.
  const closed = await fakeNode(t, busy('3600'));
  const late = await timed(failure(new MecClient([closed.url]).put('k', 1, { deadlineMs: 5_000 })));
  assert.ok(late.ms < 2_000, `${late.ms} ms`);
  assert.deepEqual(
    [late.result.code, late.result.retryAfterMs, closed.requests.length],
    ['overloaded', 3_600_000, 1],
  );
  const nonsense = await fakeNode(t, busy('soon'));
  assert.ok((await timed(new MecClient([nonsense.url]).get('k'))).ms < 500);
});

test('the deadline ends a call with its most informative error', async (t) => {
  const mute = await fakeNode(t, hang);
  const late = await timed(failure(new MecClient([mute.url]).get('k', { deadlineMs: 300 })));
  assert.ok(late.ms >= 290 && late.ms < 1_500, `${late.ms} ms`);
  assert.ok(late.result instanceof UnavailableError);
  assert.equal(late.result.code, 'deadline');
  const short = await fakeNode(t, problem(503, 'quorum-not-met', { have: 1, need: 2 }));
  const error = await failure(
    new MecClient([short.url, await deadUrl()]).get('k', { deadlineMs: 1_000 }),
  );
  assert.ok(error instanceof QuorumError);
  assert.deepEqual([error.have, error.need, error.status], [1, 2, 503]);
  assert.ok(short.requests.length >= 3, 'the client kept trying');
  assert.equal(
    (await failure(new MecClient([await deadUrl()]).get('k', { deadlineMs: 100 }))).code,
    'unreachable',
  );
});

test('a node that has no time left to answer does not hide an earlier error', async (t) => {
  const node = await fakeNode(t, (response, asked, i) =>
    (i === 0 ? problem(503, 'overloaded') : hang)(response, asked, i),
  );
  const error = await failure(new MecClient(node.url, { deadlineMs: 600 }).get('k'));
  assert.equal(node.requests.length, 2);
  assert.equal(error.code, 'overloaded');
});

test('each request has a timeout that fits into its attempt', async (t) => {
  const node = await fakeNode(t, answer(1));
  const client = new MecClient([node.url], { attemptMs: 1_000, deadlineMs: 5_000 });
  await client.get('k');
  await client.get('k', { deadlineMs: 100 });
  const timeouts = node.requests.map(({ url }) =>
    Number(new URL(url, 'http://x').searchParams.get('timeout')),
  );
  assert.equal(timeouts[0], 900);
  assert.ok((timeouts[1] as number) <= 90);
});

test('a signal ends a call with its reason, before and during the call', async (t) => {
  const mute = await fakeNode(t, hang);
  const client = new MecClient([mute.url]);
  const reason = new Error('enough');
  await assert.rejects(client.get('k', { signal: AbortSignal.abort(reason) }), reason);
  assert.equal(mute.requests.length, 0);
  const controller = new AbortController();
  const { ms } = await timed(
    assert.rejects(
      Promise.all([
        client.put('k', 1, { signal: controller.signal }),
        Promise.resolve().then(() => controller.abort(reason)),
      ]),
      reason,
    ),
  );
  assert.ok(ms < 1_000);
});

test('an answer that is not from MecDB is a bad-answer error', async (t) => {
  const page = await fakeNode(
    t,
    (response) => void response.writeHead(404).end('<h1>not here</h1>'),
  );
  const error = await failure(new MecClient([page.url]).get('k'));
  assert.deepEqual([error.code, error.retriable, page.requests.length], ['bad-answer', false, 1]);
  for (const urls of [[], ['127.0.0.1:3000'], ['ftp://x'], 'nonsense']) {
    assert.throws(() => new MecClient(urls), TypeError);
  }
});

test('an update after a write with unknown outcome has a new author', async (t) => {
  const names: string[] = [];
  let isLost = false;
  const node = await fakeNode(t, (response, asked, i) => {
    if (asked.method === 'PUT' && isLost) response.destroy();
    else answer({ clock: {}, entries: {} })(response, asked, i);
  });
  const client = new MecClient<ObservedRemoveSet>([node.url], { deadlineMs: 2_000 });
  const update = (): Promise<unknown> =>
    client.update(
      'k',
      (set, by) => {
        names.push(`${by.name}:${by.number}`);
        return add(set, 'x', by);
      },
      { merge },
    );
  await update();
  await update();
  isLost = true;
  const error = await failure(update());
  assert.equal(error.mayTakeEffect, true);
  isLost = false;
  await update();
  const [one, two, three, four] = names.map((name) => name.split(':')) as [string, string][];
  assert.deepEqual(
    [one?.[0], one?.[1], two?.[1], three?.[1], four?.[1]],
    [two?.[0], '1', '2', '3', '1'],
  );
  assert.notEqual(three?.[0], four?.[0]);
});

test('an update that finds no node with its last write has a new author', async (t) => {
  const node = await fakeNode(t, (response, asked, i) => {
    if (asked.headers['x-mec-seen'] === undefined)
      answer({ clock: {}, entries: {} }, 'x~0000000000:7')(response, asked, i);
    else problem(503, 'behind')(response, asked, i);
  });
  const names: string[] = [];
  const client = new MecClient<ObservedRemoveSet>([node.url]);
  for (let i = 0; i < 2; i++) {
    await client.update(
      'k',
      (set, by) => {
        names.push(by.name);
        return add(set, 'x', by);
      },
      { merge },
    );
  }
  assert.equal(new Set(names).size, 2);
});

test('a read that started before a write does not remove the write from the session', async (t) => {
  let releaseRead = (): void => {};
  const node = await fakeNode(t, (response, asked, i) => {
    if (asked.method === 'GET' && i === 0)
      releaseRead = () => answer('old', 'x~0000000000:1')(response, asked, i);
    else answer('new', 'x~0000000000:2')(response, asked, i);
  });
  const client = new MecClient([node.url]);
  const read = client.get('k');
  await client.put('k', 'new');
  releaseRead();
  await read;
  await client.get('k');
  assert.match(String(node.requests[2]?.headers['x-mec-seen']), /x~0000000000:2/);
});

test('only a small share of late reads goes to a second node', async (t) => {
  const slow: Behaviour = (response, asked, i) =>
    void setTimeout(() => answer(1)(response, asked, i), 500);
  const nodes = [await fakeNode(t, slow), await fakeNode(t, slow)];
  const client = new MecClient(nodes.map(({ url }) => url));
  await Promise.all(Array.from({ length: 100 }, () => client.get('k')));
  const asked = nodes.reduce((sum, node) => sum + node.requests.length, 0);
  assert.ok(asked > 100 && asked <= 121, `${asked} requests for 100 reads`);
});

test('a waiting update ends at its deadline or signal, and others continue', async (t) => {
  let release = (): void => {};
  const node = await fakeNode(t, (response, asked, i) => {
    if (asked.method === 'PUT' && i === 1) release = () => answer(0)(response, asked, i);
    else answer(0)(response, asked, i);
  });
  const client = new MecClient<number>([node.url]);
  const order: string[] = [];
  const update = (name: string, options = {}): Promise<unknown> =>
    client.update('k', () => (order.push(name), 1), { merge: Math.max, ...options });
  const first = update('first');
  const reason = new Error('enough');
  const controller = new AbortController();
  const late = failure(update('late', { deadlineMs: 60 }));
  const aborted = assert.rejects(update('aborted', { signal: controller.signal }), reason);
  const last = update('last');
  controller.abort(reason);
  await aborted;
  assert.equal((await late).code, 'deadline');
  release();
  await Promise.all([first, last]);
  assert.deepEqual(order, ['first', 'last']);
});

test('an update whose token is refused reads again, once', async (t) => {
  const merge = (a: number, b: number): number => a + b;
  for (const refusals of [1, 2]) {
    let writes = 0;
    const node = await fakeNode(t, (response, request, i) => {
      const isRefused = request.method === 'PUT' && ++writes <= refusals;
      const behave = isRefused
        ? problem(400, 'bad-vclock', { reason: 'unknown-key', mayTakeEffect: false })
        : answer(7);
      behave(response, request, i);
    });
    const client = new MecClient<number>([node.url], { deadlineMs: 5_000 });
    const update = client.update('k', (n) => (n ?? 0) + 1, { merge });
    if (refusals === 1) assert.equal((await update)?.value, 8);
    else assert.equal((await failure(update)).code, 'bad-vclock');
    assert.deepEqual(
      node.requests.map(({ method }) => method),
      ['GET', 'PUT', 'GET', 'PUT'],
    );
  }
});
