/** Signed tokens on a real cluster: disks, restarts and the answers of HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../../src/core/causality/token.ts';
import { eventually, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { tokenOf } from '../fixtures/http.ts';
import { madeUpToken } from '../fixtures/made-up-token.ts';

const KEY = 'register';

interface Outcome {
  readonly status: number;
  readonly code?: string;
  readonly reason?: string;
  readonly mayTakeEffect?: boolean;
}

async function write(node: TestNode, token: string): Promise<Outcome> {
  const headers = { 'X-Mec-Vclock': token };
  const { status, text } = await node.key(KEY, { method: 'PUT', body: 'next', headers });
  return status === 200 ? { status } : { ...(JSON.parse(text) as Outcome), status };
}

const read = async (node: TestNode): Promise<string> => tokenOf(await node.key(KEY));

function altered(token: string): string {
  const bytes = Buffer.from(token, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  return bytes.toString('base64');
}

test('tokens are signed, and a cluster may refuse all others', async (t) => {
  const extra = '[http]\nunsignedtokens = false\n';
  const cluster = await TestCluster.start(t, { extra });
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  assert.equal((await a.key(KEY, { method: 'PUT', body: 'first' })).status, 200);
  const token = await read(a);
  const { bytes, signature } = decodeToken(token, KEY);
  assert.ok(signature instanceof Uint8Array);
  const refused = { status: 400, code: 'bad-vclock', mayTakeEffect: false };
  const { status, code, reason, mayTakeEffect } = await write(b, altered(token));
  assert.deepEqual({ status, code, reason, mayTakeEffect }, { ...refused, reason: 'forged' });
  const unsigned = madeUpToken({ phone: 1 })['x-mec-vclock'] ?? '';
  assert.equal((await write(c, unsigned)).reason, 'unsigned');
  assert.equal((await a.key(KEY)).text, 'first', 'nothing was stored');

  // A key on disk survives all processes.
  for (const node of cluster.nodes) await node.end('SIGKILL');
  for (const node of cluster.nodes) node.start();
  await cluster.connected();
  assert.equal((await write(c, token)).status, 200);
  assert.equal((await b.key(KEY)).text, 'next');

  // No log and no answer has a secret, not even a part of a code.
  const code16 = Buffer.from(bytes.subarray(-16));
  for (const { log } of cluster.nodes) assert.ok(!log.includes(code16.toString('hex')));

  const other = await TestCluster.start(t, { nodes: 1, extra });
  await eventually('the other cluster signs', async () => {
    return (await other.node(0).status()).tokens.isSigned;
  });
  assert.equal((await write(other.node(0), await read(a))).reason, 'unknown-key');
});
