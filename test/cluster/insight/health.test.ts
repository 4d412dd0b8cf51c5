/** Each fault of a simulated cluster is in the verdict of its nodes within ten seconds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthCode } from '../../../src/cluster/insight/health-codes.ts';
import { LOOK_MS, PULL_STUCK_MS } from '../../../src/cluster/insight/limits.ts';
import type { Health } from '../../../src/cluster/insight/verdict.ts';
import { SYNC_LIMITS, type SyncLimits } from '../../../src/cluster/limits.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import type { SimNode } from '../../../src/sim/cluster.ts';
import { Lab } from '../../fixtures/lab.ts';

/** The time in which an operator must see a fault. */
const SEEN_MS = 10_000;

const verdictAt = ({ node }: SimNode): Health =>
  node?.sight.health.verdict() ?? assert.fail('the node is down');

/** The codes that a node tells, each with the nodes that are ill. */
const codesAt = (node: SimNode): string[] =>
  verdictAt(node).reasons.map(({ code, nodes }) => `${code} ${nodes.join(',')}`);

/** A cluster of three nodes that watch themselves, and whose verdict is "ok". */
async function wellCluster(options?: ConstructorParameters<typeof Lab>[1]): Promise<{
  readonly lab: Lab;
  readonly nodes: readonly [SimNode, SimNode, SimNode];
}> {
  const lab = new Lab(3, options);
  await lab.born();
  const nodes = lab.cluster.nodes as unknown as [SimNode, SimNode, SimNode];
  for (const node of nodes) watch(node);
  await lab.wait(15_000);
  for (const node of nodes) assert.deepEqual(codesAt(node), [], `${node.name} is well`);
  return { lab, nodes };
}

const watch = ({ node, disk }: SimNode): void =>
  node?.sight.health.start(async () => ({ freeBytes: disk.isFull ? 1 : 90, totalBytes: 100 }));

/** Waits until a node tells this, at most ten seconds. */
async function seen(lab: Lab, node: SimNode, expected: string): Promise<void> {
  await lab.until(() => codesAt(node).includes(expected), SEEN_MS);
  assert.ok(codesAt(node).includes(expected), `${node.name} tells ${codesAt(node).join(' ')}`);
}

const codeOf = (line: string): HealthCode => line.split(' ')[0] as HealthCode;

test('a node that is killed is told within ten seconds, and not after its return', async () => {
  const { lab, nodes } = await wellCluster();
  const [n1, n2, n3] = nodes;
  n3.crash();
  for (const node of [n1, n2]) await seen(lab, node, 'node-unreachable n3');
  assert.deepEqual(codesAt(n1).map(codeOf), ['node-unreachable']);
  assert.equal(verdictAt(n1).status, 'degraded');
  const since = verdictAt(n1).reasons[0]?.since;
  await lab.wait(6_000);
  assert.deepEqual(codesAt(n1).map(codeOf), ['node-unreachable', 'under-replicated']);
  assert.equal(verdictAt(n1).reasons[0]?.since, since, 'the date stays');
  n3.start();
  await lab.until(() => codesAt(n1).length === 0, 30_000);
  assert.deepEqual(codesAt(n1), []);
});

test('two of three nodes down are critical', async () => {
  const { lab, nodes } = await wellCluster();
  nodes[1].crash();
  nodes[2].crash();
  await seen(lab, nodes[0], 'quorum-lost n1');
  assert.equal(verdictAt(nodes[0]).status, 'critical');
});

test('a node that hangs is told', async () => {
  const { lab, nodes } = await wellCluster();
  lab.network.stall('n3>n1');
  lab.network.stall('n3>n2');
  for (const node of nodes.slice(0, 2)) await seen(lab, node, 'node-unreachable n3');
});

test('a full disk is told by the other nodes too', async () => {
  const { lab, nodes } = await wellCluster();
  const [n1, , n3] = nodes;
  n3.disk.isFull = true;
  void lab.ask(n3, 'PUT', 'k', { value: 'x' }).catch(() => {});
  await seen(lab, n3, 'disk-full n3');
  await seen(lab, n1, 'disk-full n3');
  await seen(lab, n1, 'disk-nearly-full n3');
  n3.disk.isFull = false;
  await lab.until(() => codesAt(n1).length === 0, 30_000);
  assert.deepEqual(codesAt(n1), []);
});

test('the findings of a node that has died are forgotten after a while', async () => {
  const { lab, nodes } = await wellCluster();
  const [n1, , n3] = nodes;
  n3.disk.isFull = true;
  await seen(lab, n1, 'disk-nearly-full n3');
  n3.crash();
  await lab.wait(15_000);
  assert.ok(codesAt(n1).includes('disk-nearly-full n3'));
  await lab.wait(10_000);
  assert.deepEqual(codesAt(n1).map(codeOf), ['node-unreachable', 'under-replicated']);
});

test('a clock that is an hour off is told of the node that has it', async () => {
  const { lab, nodes } = await wellCluster();
  nodes[1].skewMs = 3_600_000;
  for (const node of nodes) await seen(lab, node, 'clock-skew n2');
});

test('a damaged record is told, also after it was mended', async () => {
  const { lab, nodes } = await wellCluster();
  const [n1, n2] = nodes;
  for (let i = 0; i < 20; i++) await lab.ask(n1, 'PUT', `k${i}`, { value: 'x' });
  await lab.rest();
  assert.notEqual(n2.disk.damage(3), undefined);
  for (const node of [n1, n2]) await seen(lab, node, 'damage-found n2');
});

test('a key with 50 siblings is told by its holders, until they are resolved', async () => {
  const { lab, nodes } = await wellCluster();
  const [n1, , n3] = nodes;
  for (let i = 0; i < 49; i++) await lab.ask(n1, 'PUT', 'k', { value: `${i}` });
  await lab.wait(5_000);
  assert.deepEqual(codesAt(n1), []);
  await lab.ask(n1, 'PUT', 'k', { value: '49' });
  for (const node of [n1, n3]) await seen(lab, node, 'many-siblings n1,n2,n3');
  const { headers } = await lab.ask(n1, 'GET', 'k');
  const token = { 'x-mec-vclock': String(headers['X-Mec-Vclock']) };
  await lab.ask(n1, 'PUT', 'k', { value: 'resolved', headers: token });
  await lab.until(() => codesAt(n3).length === 0, 30_000);
  assert.deepEqual(codesAt(n3), []);
});

/** A cluster in which a node that was down must pull these keys, and its disk is slow by now. */
async function pullToSlowDisk(
  delayMs: number,
  keys: readonly string[],
  limits: Partial<SyncLimits> = {},
): Promise<{ lab: Lab; n1: SimNode; n3: SimNode }> {
  const { lab, nodes } = await wellCluster({ limits });
  const [n1, , n3] = nodes;
  n3.crash();
  await lab.until(() => codesAt(n1).includes('node-unreachable n3'));
  for (const key of keys) await lab.ask(n1, 'PUT', key, { value: 'x' });
  n3.start();
  await lab.until(() => n3.node !== undefined);
  watch(n3);
  n3.disk.delayMs = delayMs;
  await lab.until(() => (n3.node?.syncStatus.running ?? 0) > 0);
  return { lab, n1, n3 };
}

test('a pull that makes no progress is told by all nodes within ten seconds', async () => {
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  const { lab, n1, n3 } = await pullToSlowDisk(600_000, keys);
  const isTold = (): boolean => [n1, n3].every((node) => codesAt(node).includes('sync-stuck n3'));
  await lab.until(isTold, SEEN_MS);
  const rounds = 2 * 1.5 * SYNC_LIMITS.intervalMs;
  assert.ok(rounds + PULL_STUCK_MS + 2 * LOOK_MS < SEEN_MS, 'also if it begins with a comparison');
});

test('a pull that is slow and makes progress is not told', async () => {
  const all = Array.from({ length: 20_000 }, (_, i) => `k${i}`);
  const keys = all.filter((key) => partitionOf(key) === 7).slice(0, 24);
  const { lab, n1, n3 } = await pullToSlowDisk(1_000, keys, { pageDots: 2 });
  let oldestMs = 0;
  await lab.until(() => {
    oldestMs = Math.max(oldestMs, n3.node?.syncStatus.oldest?.ageMs ?? 0);
    for (const node of [n1, n3])
      assert.ok(!codesAt(node).some((code) => code.startsWith('sync-stuck')), `at ${oldestMs} ms`);
    return keys.every((key) => lab.held(n3, key).length === 1);
  }, 60_000);
  assert.ok(oldestMs > 3 * PULL_STUCK_MS, `the pull took ${oldestMs} ms`);
});

test('policies that differ are told of every pair', async () => {
  const { lab, nodes } = await wellCluster();
  const [n1, n2, n3] = nodes;
  const quorum = { n: 3, r: 1, w: 'quorum', timeoutMs: 3_000 } as const;
  n2.configured = { quorum };
  n2.stop();
  await lab.until(() => !n2.isUp);
  n2.start();
  await lab.rest();
  watch(n2);
  await lab.wait(25_000);
  assert.deepEqual(codesAt(n2), ['policies-differ n1,n2,n3']);
  assert.deepEqual(codesAt(n1), ['policies-differ n1,n2,n3']);
  assert.deepEqual(
    verdictAt(n3)
      .reasons[0]?.what.match(/n\d and n\d/g)
      ?.sort(),
    ['n1 and n2', 'n2 and n3'],
  );
});

test('a node without a report yet is not told to differ, and looking changes nothing', async () => {
  const { lab, nodes } = await wellCluster();
  const before = nodes.map(({ node }) => JSON.stringify([...(node?.digests() ?? [])]));
  for (let i = 0; i < 100; i++) {
    for (const node of nodes) {
      verdictAt(node);
      void node.node?.sight.explain('k');
      void node.node?.sight.topOfAll('reads');
      void node.node?.sight.slowOfAll();
    }
  }
  await lab.wait(5_000);
  assert.deepEqual(
    nodes.map(({ node }) => JSON.stringify([...(node?.digests() ?? [])])),
    before,
  );
});
