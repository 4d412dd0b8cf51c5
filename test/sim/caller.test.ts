/** Tests that nodes pass on the name of the client with each request for it. */
import assert from 'node:assert/strict';
import { bodyInMemory } from '../../src/http/plain.ts';
import { test } from 'node:test';
import { PROTOCOL } from '../../src/transport/protocol.ts';
import { unpackFrame } from '../../src/transport/frame.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab } from '../fixtures/lab.ts';

/** Requests that nodes make for clients, and not for themselves. */
const FOR_CLIENTS = ['read', 'store', 'forward', 'list', 'grant', 'release'] as const;
type Kind = (typeof FOR_CLIENTS)[number];

test('every request that a node makes for a client names that client', async () => {
  const lab = new Lab(5);
  await lab.born();
  const callers = new Map<Kind, Set<string | undefined>>(
    FOR_CLIENTS.map((kind) => [kind, new Set()]),
  );
  lab.network.onSend = (_, frame) => {
    for (const { message } of unpackFrame(frame, { protocol: PROTOCOL }).items) {
      if ('caller' in message) callers.get(message.kind)?.add(message.caller);
    }
  };
  const key = 'k1';
  const nodes = lab.order(key) as [SimNode, SimNode, SimNode, SimNode];
  const [, second, , stranger] = nodes;
  const send = (
    node: SimNode,
    method: string,
    headers: Record<string, string> = {},
    path = `/mec/${key}`,
  ) =>
    node.send({
      method,
      path,
      query: '',
      headers,
      caller: 'alice',
      ...bodyInMemory(Buffer.from('v')),
    });
  const answers = [
    send(stranger, 'PUT'),
    send(second, 'PUT', { 'if-none-match': '*' }),
    send(stranger, 'PUT', { 'if-none-match': '*' }),
    send(stranger, 'GET'),
    send(second, 'DELETE'),
    send(second, 'GET', {}, '/mec'),
  ];
  let isOver = false;
  void Promise.allSettled(answers).then(() => (isOver = true));
  await lab.until(() => isOver);
  await lab.wait(1_000);
  for (const [kind, names] of callers) assert.deepEqual([...names], ['alice'], kind);
});
