/** Tests of versions that readers do not see: they are removed, with or without a read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { Lab, textOf } from '../fixtures/lab.ts';

const KEY = 'k1';
const LAST_WRITE_WINS = {
  prefix: 'k',
  siblings: 'last-write-wins',
  ttlMs: undefined,
  r: undefined,
  w: undefined,
  maxValueBytes: undefined,
} as const;

/** Makes three nodes of which the first owner of the key hears no other. Each may write alone. */
async function parted(
  policies: (typeof LAST_WRITE_WINS)[],
): Promise<{ lab: Lab; owners: SimNode[] }> {
  const lab = new Lab(3, {
    config: { policies, quorum: { n: 3, r: 'quorum', w: 1, timeoutMs: 3_000 } },
  });
  await lab.born();
  const owners = lab.order(KEY);
  const [a, b, c] = owners as [SimNode, SimNode, SimNode];
  lab.cut(a, b);
  lab.cut(a, c);
  return { lab, owners };
}

async function put(
  lab: Lab,
  node: SimNode,
  value: string,
  headers: Record<string, string> = {},
): Promise<void> {
  const answer = await lab.ask(node, 'PUT', KEY, { value, headers });
  assert.equal(answer.status, 200, textOf(answer));
  await lab.wait(100);
}

const holdsBoth = (lab: Lab, owners: SimNode[]): boolean =>
  owners.every((node) => lab.held(node, KEY).length === 2);

/** Waits until every owner has only these values of the key, and reads it at each. */
async function assertEnds(
  lab: Lab,
  owners: SimNode[],
  { values, status }: { values: string[]; status: number },
): Promise<void> {
  await lab.until(
    () => owners.every((node) => lab.held(node, KEY).length <= values.length),
    20_000,
  );
  await lab.wait(5_000);
  for (const node of owners) {
    assert.deepEqual(lab.held(node, KEY), values, `${node.name} holds`);
    assert.equal((await lab.ask(node, 'GET', KEY)).status, status, `read at ${node.name}`);
  }
}

for (const isRead of [false, true]) {
  const addition = isRead ? ', after a read' : '';
  test(`last write wins: the older version stays hidden when the newer expires${addition}`, async () => {
    const { lab, owners } = await parted([LAST_WRITE_WINS]);
    const [a, b] = owners as [SimNode, SimNode];
    await put(lab, a, 'old');
    await put(lab, b, 'new', { 'x-mec-ttl': '8' });
    lab.heal();
    await lab.until(() => holdsBoth(lab, owners));
    assert.ok(holdsBoth(lab, owners), 'all hold both before the newer expires');
    if (isRead) assert.equal(textOf(await lab.ask(a, 'GET', KEY)), 'new');
    await assertEnds(lab, owners, { values: [], status: 404 });
  });
}

test('both copies of a write that was sent twice expire', async () => {
  const { lab, owners } = await parted([]);
  const [a, b, c] = owners as [SimNode, SimNode, SimNode];
  const isFirst = a.name < b.name;
  const id = { 'x-mec-write-id': 'w-1' };
  // Readers see the version with the least dot, which is the one that expires.
  await put(lab, a, 'one', isFirst ? { ...id, 'x-mec-ttl': '8' } : id);
  await put(lab, b, 'one', isFirst ? id : { ...id, 'x-mec-ttl': '8' });
  lab.heal();
  await lab.until(() => holdsBoth(lab, owners));
  assert.ok(holdsBoth(lab, owners), 'all hold both before one expires');
  await assertEnds(lab, [a, b, c], { values: [], status: 404 });
});

test('two values under one X-Mec-Write-ID are both shown', async () => {
  const { lab, owners } = await parted([]);
  const [a, b, c] = owners as [SimNode, SimNode, SimNode];
  const headers = { 'x-mec-write-id': '1' };
  await put(lab, a, 'one', headers);
  await put(lab, b, 'two', headers);
  lab.heal();
  await lab.until(() => holdsBoth(lab, owners));
  for (const node of [a, b, c]) {
    const read = await lab.ask(node, 'GET', KEY);
    assert.equal(read.status, 300);
    assert.match(textOf(read), /one[^]*two|two[^]*one/);
  }
  await lab.wait(15_000);
  for (const node of owners)
    assert.deepEqual(lab.held(node, KEY).sort(), ['one', 'two'], node.name);
});
