import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Env } from '../../src/base/env.ts';
import { MIB } from '../../src/base/bytes.ts';
import { MecError } from '../../src/base/errors.ts';
import { MAX_TIMEOUT_MS } from '../../src/core/limits.ts';
import {
  CALLER_SILENT_MS,
  MAX_CALLERS,
  MAX_OUTBOX_MESSAGES,
  MAX_REPLY_BYTES,
  RPC_SWEEP_MS,
  SEND_RETRY_MS,
} from '../../src/transport/limits.ts';
import { packMessage } from '../../src/transport/codec.ts';
import { packFrame, unpackFrame } from '../../src/transport/frame.ts';
import { type OnReply, RpcClient, RpcServer } from '../../src/transport/rpc.ts';
import { ManualClock, memoryLog, nextTurn, seededRandom } from '../fixtures/fake-env.ts';

const TIMEOUT_MS = 300;

/** A client over a wire that takes frames, and answers when told to. */
function wire(): {
  client: RpcClient;
  clock: ManualClock;
  /** Ids of the requests that were sent. */
  sent: number[];
  /** One frame with a reply for each id. */
  reply(...ids: number[]): void;
  /** Asks; the outcomes are listed by request, in the order in which they came. */
  ask(name: string, then?: () => void): void;
  outcomes: string[];
} {
  const clock = new ManualClock();
  const sent: number[] = [];
  const outcomes: string[] = [];
  let onFrame: (frame: Uint8Array) => void = () => {};
  const network: Env['network'] = {
    bind: () => Promise.reject(new Error('not here')),
    connect: (_, onFrameOfLink) => {
      onFrame = onFrameOfLink;
      return {
        send: async (frame) => void sent.push(...unpackFrame(frame).items.map(({ id }) => id)),
        close: async () => {},
      };
    },
    close: async () => {},
  };
  const env = { clock, random: seededRandom(1), log: memoryLog(), network };
  const client = new RpcClient(env, { host: 'h', port: 1 });
  const packed = packMessage({ kind: 'stored', actor: 'n~a', life: 'a', replica: 1, fences: [] });
  return {
    client,
    clock,
    sent,
    outcomes,
    reply: (...ids) => onFrame(packFrame(ids.map((id) => ({ id, message: packed })))),
    ask: (name, then) => {
      const onReply: OnReply = (reply) => {
        outcomes.push(`${name} ${reply instanceof MecError ? reply.code : reply.kind}`);
        then?.();
      };
      client.request({ kind: 'ping' }, TIMEOUT_MS, onReply);
    },
  };
}

/** Expects that no later event answers a request a second time. */
async function assertFinal(
  { clock, outcomes }: ReturnType<typeof wire>,
  expected: string[],
): Promise<void> {
  assert.deepEqual(outcomes, expected);
  for (let i = 0; i < 5; i++) {
    clock.advance(TIMEOUT_MS + RPC_SWEEP_MS);
    await nextTurn();
  }
  assert.deepEqual(outcomes, expected);
}

test('close ends each pending request: `timeout` if it was sent, `unreachable` if not', async () => {
  const line = wire();
  line.ask('sent');
  await nextTurn();
  line.ask('queued');
  void line.client.close();
  await assertFinal(line, ['sent timeout', 'queued unreachable']);
  assert.equal(line.sent.length, 1, 'a message that was reported as lost does not go out later');
  line.reply(1, 2);
  await assertFinal(line, ['sent timeout', 'queued unreachable']);
});

test('a request after close fails in the same turn', async () => {
  for (const isIdle of [true, false]) {
    const line = wire();
    if (!isIdle) line.ask('first');
    await nextTurn();
    await line.client.close();
    const before = isIdle ? [] : ['first timeout'];
    line.ask('late');
    assert.deepEqual(line.outcomes, [...before, 'late unreachable']);
    line.client.requestPacked(packMessage({ kind: 'ping' }), TIMEOUT_MS, (reply) =>
      line.outcomes.push(`packed ${reply instanceof MecError ? reply.code : reply.kind}`),
    );
    await assertFinal(line, [...before, 'late unreachable', 'packed unreachable']);
    assert.equal(line.client.status()['pending'], 0);
  }
});

test('a request that is made during close fails as well', async () => {
  const line = wire();
  line.ask('first', () => line.ask('again'));
  await nextTurn();
  void line.client.close();
  await assertFinal(line, ['first timeout', 'again unreachable']);
});

test('a duplicate or late reply is counted and ignored', async () => {
  const line = wire();
  line.ask('a');
  line.ask('b');
  await nextTurn();
  line.reply(1, 1);
  line.reply(1);
  line.clock.advance(TIMEOUT_MS);
  line.clock.advance(RPC_SWEEP_MS);
  line.reply(2);
  await assertFinal(line, ['a stored', 'b timeout']);
  assert.equal(line.client.status()['late'], 3);
});

test('a caller that throws does not disturb the others, and its error is reported', async (t: TestContext) => {
  const failing = (line: ReturnType<typeof wire>): void => {
    line.ask('bad', () => {
      throw new Error('of the caller');
    });
    line.ask('good');
  };
  await t.test('when its reply arrives', async () => {
    const line = wire();
    failing(line);
    await nextTurn();
    assert.throws(() => line.reply(1, 2), /of the caller/);
    await assertFinal(line, ['bad stored', 'good stored']);
  });
  await t.test('when its request times out', async () => {
    const line = wire();
    failing(line);
    line.clock.advance(RPC_SWEEP_MS);
    assert.throws(() => line.clock.advance(TIMEOUT_MS), /of the caller/);
    line.ask('next');
    line.clock.advance(RPC_SWEEP_MS);
    line.clock.advance(TIMEOUT_MS);
    assert.deepEqual(line.outcomes, ['bad timeout', 'good timeout', 'next timeout']);
  });
  await t.test('when its connection is closed', async () => {
    const line = wire();
    failing(line);
    await nextTurn();
    await assert.rejects(line.client.close(), /of the caller/);
    await assertFinal(line, ['bad timeout', 'good timeout']);
  });
});

test('a full queue refuses a request at once, and the waiting ones get their replies', async () => {
  const line = wire();
  for (let i = 0; i < MAX_OUTBOX_MESSAGES; i++)
    line.client.request({ kind: 'ping' }, TIMEOUT_MS, () => {});
  line.ask('one too many');
  assert.deepEqual(line.outcomes, ['one too many overloaded']);
});

const OWN_TAG = 7;

/** A server, and what calls it: each call comes over the connection of that name. */
async function serverOf(process = 'p'): Promise<{
  server: RpcServer;
  clock: ManualClock;
  /** Sends some pings in one frame. */
  call: (id: string, more?: { pings?: number; tag?: number }) => void;
  answered: string[];
  /** The callers that read nothing. */
  stuck: Set<string>;
  /** The number of requests that the handler got. */
  handled: { count: number };
}> {
  const handled = { count: 0 };
  const clock = new ManualClock();
  const answered: string[] = [];
  const stuck = new Set<string>();
  let onFrame: (from: { id: string; handle: string }, frame: Uint8Array) => void = () => {};
  const network: Env['network'] = {
    bind: async (_, onFrameOfSocket) => {
      onFrame = onFrameOfSocket;
      return {
        send: async (to) => {
          if (stuck.has(to.id)) return false;
          answered.push(to.id);
          return true;
        },
        close: async () => {},
      };
    },
    connect: () => assert.fail('a server calls no one'),
    close: async () => {},
  };
  const env = { clock, random: seededRandom(1), log: memoryLog(), network };
  const server = await RpcServer.bind(
    env,
    { host: 'h', port: 1 },
    {
      handler: (_, answer) => {
        handled.count += 1;
        answer({ kind: 'pong', process, nowMs: 1 });
      },
      isOwnTag: (tag) => tag === OWN_TAG,
    },
  );
  const ping = packMessage({ kind: 'ping' });
  const call = (id: string, { pings = 1, tag }: { pings?: number; tag?: number } = {}): void => {
    const items = Array.from({ length: pings }, (_, i) => ({ id: i + 1, message: ping }));
    onFrame({ id, handle: id }, packFrame(items, tag === undefined ? {} : { tag }));
  };
  return { server, clock, answered, call, stuck, handled };
}

test('requests for another cluster are dropped and counted', async () => {
  const { server, answered, call } = await serverOf();
  call('a member', { tag: OWN_TAG });
  call('a stranger', { tag: OWN_TAG + 1 });
  call('a node that names no cluster');
  await nextTurn();
  assert.deepEqual(answered, ['a member', 'a node that names no cluster']);
  assert.equal(server.status()['garbage'], 1);
});

test('a silent connection makes room for another, and is remembered again when it speaks', async () => {
  const { server, clock, answered, call } = await serverOf();
  for (const id of ['early', 'speaking']) call(id);
  await nextTurn();
  clock.advance(CALLER_SILENT_MS);
  call('speaking');
  clock.advance(1);
  await nextTurn();
  call('late');
  assert.equal(server.status()['callers'], 2, 'one that was heard since is kept');
  call('early');
  await nextTurn();
  assert.deepEqual(answered, ['early', 'speaking', 'speaking', 'late', 'early']);
  assert.equal(server.status()['callers'], 3);
});

test('connections beyond the limit are answered but not remembered', async () => {
  const { server, clock, answered, call } = await serverOf();
  for (let i = 0; i < MAX_CALLERS; i++) call(`c${i}`);
  clock.advance(1);
  call('c0');
  call('another');
  assert.equal(server.status()['callers'], MAX_CALLERS);
  await nextTurn();
  assert.equal(answered.length, MAX_CALLERS + 1, 'answers that were given already go out');
});

/** Replies of a quarter of a mebibyte. */
const LARGE = 'p'.repeat(MIB / 4);

test('callers that read nothing leave room for the replies to others', async () => {
  const { server, answered, call, stuck } = await serverOf(LARGE);
  const hogs = Array.from({ length: 4 }, (_, i) => `hog ${i}`);
  for (const hog of hogs) {
    stuck.add(hog);
    call(hog, { pings: 300 });
    await nextTurn();
  }
  const { queuedBytes, dropped } = server.status();
  assert.ok((queuedBytes ?? 0) <= MAX_REPLY_BYTES, `${queuedBytes} bytes`);
  assert.ok((dropped ?? 0) > 100, `${dropped} replies were dropped`);
  call('reader', { pings: 3 });
  await nextTurn();
  assert.deepEqual(answered.slice(0, 1), ['reader']);
});

test('a caller whose reply found no room among those of others gets its next one', async () => {
  const { answered, call } = await serverOf(LARGE);
  for (const hog of ['hog 1', 'hog 2', 'hog 3']) call(hog, { pings: 300 });
  call('reader');
  for (let turn = 0; turn < 300; turn++) await nextTurn();
  assert.ok(!answered.includes('reader'), 'its first reply found no room');
  call('reader');
  await nextTurn();
  assert.ok(answered.includes('reader'));
});

test('a request is not handled if its reply would not fit', async () => {
  const { server, call, stuck, handled } = await serverOf(LARGE);
  stuck.add('hog');
  call('hog', { pings: 3_000 });
  assert.ok(handled.count < 300, `${handled.count} requests`);
  assert.equal((server.status()['dropped'] ?? 0) + handled.count, 3_001, 'one was handled in vain');
});

test('a reply that does not fit is not packed', async () => {
  const { server, call, stuck } = await serverOf(LARGE);
  stuck.add('hog');
  call('hog', { pings: 300 });
  await nextTurn();
  const before = process.cpuUsage();
  call('hog', { pings: 3_000 });
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 500_000, `${(user + system) / 1000} ms`);
  assert.ok((server.status()['dropped'] ?? 0) >= 3_000);
});

test('a caller that reads again gets the replies that waited, and one that never does loses them', async () => {
  const { server, clock, answered, call, stuck } = await serverOf();
  stuck.add('a').add('b');
  for (const id of ['a', 'b']) call(id);
  await nextTurn();
  clock.advance(SEND_RETRY_MS);
  await nextTurn();
  assert.deepEqual(answered, []);
  stuck.delete('a');
  clock.advance(SEND_RETRY_MS);
  await nextTurn();
  assert.deepEqual(answered, ['a']);
  clock.advance(MAX_TIMEOUT_MS);
  await nextTurn();
  clock.advance(SEND_RETRY_MS);
  await nextTurn();
  stuck.delete('b');
  clock.advance(SEND_RETRY_MS);
  await nextTurn();
  assert.deepEqual([answered, server.status()['queuedBytes']], [['a'], 0]);
});
