/** The bytes of tenants in the simulator: sums, refused writes, and writes that never are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUOTA_ROUND_MS } from '../../src/cluster/limits.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, type LabRequest, settled, textOf } from '../fixtures/lab.ts';
import { firstAdministrator } from './ledger-run.ts';

const FIRST = firstAdministrator();
const SECURITY = { mode: 'on', maxAgeMs: 3_600_000, requestsPerSecond: 1e6 } as const;

/** Longer than a count of one node and a round of all. */
const ROUND_MS = QUOTA_ROUND_MS + 3_000;
/** The bytes of a value that its metadata may add. */
const BESIDES = 100;
const VALUE = 'x'.repeat(1_000);

async function secured(count: number, quota: number): Promise<Lab> {
  const lab = new Lab(count, { config: { security: SECURITY }, firstRecords: FIRST.records });
  await lab.born();
  await limit(lab, nodesOf(lab)[0], quota);
  return lab;
}

const nodesOf = ({ cluster }: Lab): [SimNode, SimNode, SimNode, ...SimNode[]] =>
  cluster.nodes as [SimNode, SimNode, SimNode, ...SimNode[]];
const securityOf = ({ node }: SimNode) => node?.security ?? assert.fail('the node does not run');
const limit = (lab: Lab, at: SimNode, bytes: number) =>
  settled(lab, securityOf(at).limit({ tenant: 'shop', bytes }));

/** The status and the code of an answer. */
async function ask(
  lab: Lab,
  at: SimNode,
  method: string,
  key: string,
  { headers = {}, ...request }: LabRequest = {},
): Promise<unknown[]> {
  const authorization = `Bearer ${FIRST.token}`;
  const answer = await lab.ask(at, method, key, {
    ...request,
    headers: { authorization, ...headers },
  });
  const isProblem = answer.status >= 400;
  return [
    answer.status,
    isProblem ? (JSON.parse(textOf(answer)) as { code: string }).code : undefined,
  ];
}

const put = (lab: Lab, at: SimNode, key: string, value = VALUE, headers = {}): Promise<unknown[]> =>
  ask(lab, at, 'PUT', key, { value, headers });

const FULL = [507, 'quota-exceeded'];
const DONE = [200, undefined];

/** Asserts that all running nodes know that this number of versions of `VALUE` are stored. */
function assertStored(lab: Lab, versions: number): void {
  for (const node of lab.cluster.nodes) {
    if (node.node === undefined) continue;
    const stored = securityOf(node).storedBytes('shop') ?? NaN;
    const least = versions * VALUE.length;
    assert.ok(
      stored >= least && stored <= least + versions * BESIDES,
      `${node.name} knows ${stored} bytes, not those of ${versions} versions`,
    );
  }
}

test('all nodes know the bytes of a tenant, and only it is refused when they are too many', async () => {
  const lab = await secured(5, 10_500);
  const [a, b, c] = nodesOf(lab);
  assert.deepEqual(await put(lab, a, 'shop/large', VALUE.repeat(11)), FULL, 'more than all');
  for (let i = 0; i < 10; i++) assert.deepEqual(await put(lab, a, `shop/${i}`), DONE);
  for (const key of ['shop', 'shopping/x', '/shop', 'x/shop/y'])
    assert.deepEqual(await put(lab, a, key), DONE, key);
  await lab.wait(ROUND_MS);
  assertStored(lab, 10);
  for (const node of [a, b, c]) {
    assert.deepEqual(await put(lab, node, 'shop/more'), FULL);
    assert.deepEqual(await put(lab, node, 'shop/0', VALUE, { 'if-match': '*' }), FULL);
    assert.deepEqual(await put(lab, node, 'other/more'), DONE);
    assert.deepEqual(await ask(lab, node, 'GET', 'shop/0'), DONE);
  }
});

test('a delete is never refused, and makes room', async () => {
  const lab = await secured(3, 5_500);
  const [a, b] = nodesOf(lab);
  for (let i = 0; i < 5; i++) await put(lab, a, `shop/${i}`);
  await lab.wait(ROUND_MS);
  assert.deepEqual(await put(lab, b, 'shop/more'), FULL);
  await limit(lab, a, 1);
  for (let i = 0; i < 4; i++)
    assert.deepEqual(await ask(lab, b, 'DELETE', `shop/${i}`), [204, undefined]);
  await lab.wait(ROUND_MS);
  assertStored(lab, 1);
  await limit(lab, a, 5_500);
  assert.deepEqual(await put(lab, b, 'shop/more'), DONE);
});

test('siblings count, and so do expired versions until they are removed', async () => {
  const lab = await secured(3, 1e6);
  const [a, b, c] = nodesOf(lab);
  for (const node of [a, b, c]) await put(lab, node, 'shop/key');
  await put(lab, a, 'shop/short', VALUE, { 'x-mec-ttl': '20' });
  await lab.wait(ROUND_MS);
  assertStored(lab, 4);
  await put(lab, a, 'shop/key', VALUE, {});
  await lab.wait(60_000);
  assertStored(lab, 4);
});

test('a quota that is taken away or raised counts at once, and a later one for what is there', async () => {
  const lab = await secured(3, 2_500);
  const [a, b, c] = nodesOf(lab);
  for (let i = 0; i < 2; i++) await put(lab, a, `shop/${i}`);
  await lab.wait(ROUND_MS);
  assert.deepEqual(await put(lab, b, 'shop/more'), FULL);
  await limit(lab, c, 3_500);
  assert.deepEqual(await put(lab, c, 'shop/2'), DONE);
  await limit(lab, c, 0);
  for (let i = 3; i < 8; i++) assert.deepEqual(await put(lab, c, `shop/${i}`), DONE);
  await limit(lab, a, 3_500);
  await lab.wait(ROUND_MS);
  assertStored(lab, 8);
  assert.deepEqual(await put(lab, b, 'shop/more'), FULL);
});

test('a node that is down counts with what it told last, and one that restarts counts again', async () => {
  const lab = await secured(5, 1e6);
  const [a, b] = nodesOf(lab);
  for (let i = 0; i < 40; i++) await put(lab, a, `shop/${i}`);
  await lab.wait(ROUND_MS);
  b.crash();
  await lab.wait(2 * ROUND_MS);
  assertStored(lab, 40);
  for (const node of lab.cluster.nodes) node.crash();
  for (const node of lab.cluster.nodes) node.start();
  await lab.rest();
  await lab.wait(ROUND_MS);
  assertStored(lab, 40);
});

test('copies of a full tenant are still made: repairs, hints and hand-offs', async () => {
  const lab = await secured(3, 1e6);
  const [a, b, c] = nodesOf(lab);
  c.crash();
  for (let i = 0; i < 5; i++) assert.deepEqual(await put(lab, a, `shop/${i}`), DONE);
  await lab.wait(ROUND_MS);
  await limit(lab, a, 1_000);
  await lab.wait(ROUND_MS);
  assert.deepEqual(await put(lab, b, 'shop/more'), FULL);
  c.start();
  await lab.rest();
  const newcomer = lab.cluster.add();
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  await lab.rest();
  for (let i = 0; i < 5; i++)
    for (const node of lab.cluster.nodes.filter((one) => one.node?.owns(`shop/${i}`) === true))
      assert.deepEqual(lab.held(node, `shop/${i}`), [VALUE], node.name);
  await lab.wait(ROUND_MS);
  assertStored(lab, 5);
});
