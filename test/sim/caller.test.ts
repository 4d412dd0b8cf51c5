/** Tests that nodes pass on the name of the client with each request for it. */
import assert from 'node:assert/strict';
import { bodyInMemory } from '../../src/http/body-in-memory.ts';
import { test } from 'node:test';
import { PROTOCOL } from '../../src/transport/protocol.ts';
import { unpackFrame } from '../../src/transport/frame.ts';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import type { Message } from '../../src/transport/message.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab } from '../fixtures/lab.ts';

const KEY = 'k1';

/** Requests that nodes make for clients, and not for themselves. */
const FOR_CLIENTS = ['read', 'store', 'forward', 'list', 'grant', 'release'] as const;
type Kind = (typeof FOR_CLIENTS)[number];

/** A node repairs a replica for itself. Such a store brings no dots, and every other one does. */
const isRepair = (message: Message): boolean =>
  message.kind === 'store' && message.dots.length === 0;

/** The callers that the requests between nodes name from now on, by the kind of request. */
function callersIn(lab: Lab): ReadonlyMap<Kind, ReadonlySet<string | undefined>> {
  const callers = new Map<Kind, Set<string | undefined>>(
    FOR_CLIENTS.map((kind) => [kind, new Set()]),
  );
  lab.network.onSend = (_, frame) => {
    for (const { message } of unpackFrame(frame, { protocol: PROTOCOL }).items) {
      if ('caller' in message && !isRepair(message)) callers.get(message.kind)?.add(message.caller);
    }
  };
  return callers;
}

/** Sends a request of the client `alice` for the key, or to another path. */
function send(
  node: SimNode,
  method: string,
  {
    headers = {},
    query = '',
    path = `/mec/${KEY}`,
  }: { headers?: Record<string, string>; query?: string; path?: string } = {},
): Promise<HttpAnswer> {
  const request = { method, path, query, headers, caller: 'alice' };
  return node.send({ ...request, ...bodyInMemory(Buffer.from('v')) });
}

/** Waits until all requests have an answer. */
async function over(lab: Lab, answers: readonly Promise<HttpAnswer>[]): Promise<void> {
  let isOver = false;
  void Promise.allSettled(answers).then(() => (isOver = true));
  await lab.until(() => isOver);
  assert.equal(isOver, true);
}

test('every request that a node makes for a client names that client', async () => {
  const lab = new Lab(5);
  await lab.born();
  const callers = callersIn(lab);
  const [, second, , stranger] = lab.order(KEY) as [SimNode, SimNode, SimNode, SimNode];
  const unlessThere = { headers: { 'if-none-match': '*' } };
  await over(lab, [
    send(stranger, 'PUT'),
    send(second, 'PUT', unlessThere),
    send(stranger, 'PUT', unlessThere),
    send(stranger, 'GET'),
    send(second, 'DELETE'),
    send(second, 'GET', { path: '/mec' }),
  ]);
  await lab.wait(1_000);
  for (const [kind, names] of callers) assert.deepEqual([...names], ['alice'], kind);
});

test('a listing names its client in the read of a key on which the owners do not agree', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [first, second, third] = lab.order(KEY) as [SimNode, SimNode, SimNode];
  for (const other of [first, third]) lab.cut(second, other);
  await over(lab, [send(second, 'PUT', { query: 'w=1' })]);
  lab.heal();
  const callers = callersIn(lab);
  await over(lab, [send(second, 'GET', { path: '/mec' })]);
  assert.deepEqual([...(callers.get('read') ?? [])], ['alice']);
});
