import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Env } from '../../src/base/env.ts';
import { MecError } from '../../src/base/errors.ts';
import {
  CALLER_SILENT_MS,
  MAX_CALLERS,
  MAX_OUTBOX_MESSAGES,
  RPC_SWEEP_MS,
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

/** A server, and what calls it: each call comes over the connection of that name. */
async function serverOf(): Promise<{
  server: RpcServer;
  clock: ManualClock;
  call: (id: string) => void;
  answered: string[];
}> {
  const clock = new ManualClock();
  const answered: string[] = [];
  let onFrame: (from: { id: string; handle: string }, frame: Uint8Array) => void = () => {};
  const network: Env['network'] = {
    bind: async (_, onFrameOfSocket) => {
      onFrame = onFrameOfSocket;
      return { send: async (to) => void answered.push(to.id), close: async () => {} };
    },
    connect: () => assert.fail('a server calls no one'),
    close: async () => {},
  };
  const env = { clock, random: seededRandom(1), log: memoryLog(), network };
  const server = await RpcServer.bind(
    env,
    { host: 'h', port: 1 },
    { handler: (_, answer) => answer({ kind: 'pong', process: 'p', nowMs: 1 }) },
  );
  const ping = packFrame([{ id: 1, message: packMessage({ kind: 'ping' }) }]);
  return { server, clock, answered, call: (id) => onFrame({ id, handle: id }, ping) };
}

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
