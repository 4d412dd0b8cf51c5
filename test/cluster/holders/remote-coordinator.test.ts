/** A peer that is given a write to coordinate: the request that it gets, and its time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { RemoteCoordinator } from '../../../src/cluster/holders/remote-coordinator.ts';
import type { PutRequest, PutResult } from '../../../src/cluster/holders/write-request.ts';
import type { Dot } from '../../../src/core/causality/causal-context.ts';
import type { Reply, Request } from '../../../src/transport/message.ts';
import { codeOf, content, objectOf } from '../../fixtures/fake-holders.ts';
import { LIFE, PlayedNode } from '../../fixtures/played-peers.ts';

type Forward = Extract<Request, { readonly kind: 'forward' }>;

const TIMEOUT_MS = 1_000;
const A: Dot = { actor: 'n2~one', counter: 1 };
const B: Dot = { actor: 'n3~one', counter: 1 };
const PONG: Reply = { kind: 'pong', process: LIFE, nowMs: 0 };
const STOPPING: Reply = { kind: 'failed', code: 'stopping', detail: '', have: 0, need: 0 };
const BODY = content('v');

/** All that a client can ask of a write. */
const PUT = {
  key: 'k',
  token: objectOf([B]).context,
  body: BODY,
  r: 1,
  w: 2,
  pr: 1,
  pw: 'all',
  condition: { ifMatch: undefined, ifNoneMatch: '*', idempotencyKey: 'once' },
  timeoutMs: TIMEOUT_MS,
  caller: 'alice',
  replace: true,
  isUnsigned: true,
} as const satisfies PutRequest;

/** A node, and its peer `n2` as the coordinator of writes. */
function bench(): { readonly node: PlayedNode; readonly to: RemoteCoordinator } {
  const node = new PlayedNode();
  const { env, peers } = node;
  const parts = { env, peers, nextWriteId: () => 'write 1' };
  return { node, to: new RemoteCoordinator(parts, node.peer('n2')) };
}

test('a peer that answers a ping is there, and its process is known', async () => {
  const { node, to } = bench();
  const found: boolean[] = [];
  assert.equal(to.isKnown, false);
  to.ping(TIMEOUT_MS, (isThere) => found.push(isThere));
  (await node.receivedOne()).reply(PONG);
  assert.deepEqual([found, to.isKnown], [[true], true]);
});

test('a peer that is stopping is not there', async () => {
  const { node, to } = bench();
  const found: boolean[] = [];
  to.ping(TIMEOUT_MS, (isThere) => found.push(isThere));
  (await node.receivedOne()).reply(STOPPING);
  assert.deepEqual([found, to.isKnown], [[false], false]);
});

test('a forwarded write names the time on the clock of the peer at which its time is over', async () => {
  const { node, to } = bench();
  to.ping(TIMEOUT_MS, () => {});
  node.clock.advance(7);
  (await node.receivedOne()).reply({ ...PONG, nowMs: 5_000 });
  node.clock.advance(40);
  to.forward(PUT, () => {});
  const { process, notAfterMs, timeoutMs } = (await node.receivedOne()).request as Forward;
  assert.deepEqual([process, notAfterMs, timeoutMs], [LIFE, 6_040, TIMEOUT_MS]);
});

test('a forwarded write has an id, and all that the client asked for', async () => {
  const { node, to } = bench();
  node.heard('n2');
  to.forward(PUT, () => {});
  const { token, body, ...rest } = (await node.receivedOne()).request as Forward;
  const { token: seen, body: given, ...asked } = PUT;
  const head = { kind: 'forward', id: 'write 1', process: LIFE, notAfterMs: TIMEOUT_MS };
  assert.deepEqual(rest, { ...head, ...asked });
  assert.equal(String(token), String(seen));
  assert.deepEqual(Buffer.from(body ?? []), Buffer.from(given));
});

test('the result of the peer is the answer to a forwarded write', async () => {
  const { node, to } = bench();
  let answer: PutResult | MecError | undefined;
  to.forward(PUT, (given) => (answer = given));
  const { reply } = await node.receivedOne();
  const result = { dot: A, token: PUT.token, versions: [A], found: true, isRepeated: false };
  reply({ kind: 'written', ...result });
  assert.ok(answer !== undefined && !(answer instanceof MecError));
  assert.deepEqual([answer.dot, String(answer.token), answer.found], [A, '{n3~one:1}', true]);
});

for (const [name, reply, code] of [
  ['a refusal', STOPPING, 'stopping'],
  ['a reply of another kind', PONG, 'internal'],
] as const) {
  test(`${name} of the peer is an error of the forwarded write`, async () => {
    const { node, to } = bench();
    let answer: PutResult | MecError | undefined;
    to.forward(PUT, (given) => (answer = given));
    (await node.receivedOne()).reply(reply);
    assert.equal(codeOf(answer), code);
  });
}
