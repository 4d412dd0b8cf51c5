/** Tests of a node that has lost its disk, and does not know the members of its cluster yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberStatus } from '../../src/cluster/status.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { listKeys, AnswerError } from '../../src/sim/http.ts';
import { beforeJoin, Lab, labClient, settled, stateAt, textOf } from '../fixtures/lab.ts';

test('a listing fails, and is not empty, if no member is known', async () => {
  const lab = new Lab(3, { config: { quorum: { n: 3, r: 'all', w: 'one', timeoutMs: 3_000 } } });
  await lab.born();
  const [wiped, ...others] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  assert.equal((await lab.ask(wiped, 'PUT', 'k', { value: 'v' })).status, 200);
  wiped.crash();
  wiped.disk.replace(new Map());
  for (const other of others) lab.cut(wiped, other);
  wiped.start();
  await lab.until(() => wiped.node !== undefined);
  let outcome: unknown;
  listKeys(wiped, '').then(
    ({ keys }) => (outcome = keys),
    (error: unknown) => (outcome = error),
  );
  await lab.until(() => outcome !== undefined);
  assert.ok(outcome instanceof AnswerError, `it lists ${JSON.stringify(outcome)}`);
  assert.equal(outcome.code, 'not-ready');
});

/** Starts nodes on empty disks that hear only each other and one of the other members. */
async function hearingOne(
  count: number,
): Promise<{ readonly lab: Lab; readonly wiped: readonly SimNode[] }> {
  const lab = new Lab(count + 2);
  await lab.born();
  const [speaking, , ...wiped] = lab.cluster.nodes as [SimNode, SimNode, ...SimNode[]];
  for (const node of lab.cluster.nodes) node.crash();
  for (const node of wiped) {
    node.disk.replace(new Map());
    // The messages of that member reach the node. The messages of the node to it are lost.
    lab.network.cuts.add(`${node.name}>${speaking.name}`);
    node.start();
  }
  speaking.start();
  await lab.wait(10_000);
  for (const { node } of wiped)
    assert.ok((node?.status().members.length ?? 0) > count, 'it has heard of the other');
  return { lab, wiped };
}

async function assertServesNoKeys(lab: Lab, node: SimNode): Promise<void> {
  for (const method of ['PUT', 'GET']) {
    const answer = await lab.ask(node, method, 'k', { value: 'v' });
    assert.equal(answer.status, 503, `${method}: ${textOf(answer)}`);
  }
}

/** The node says so to clients, and to a balancer that asks `/ready`. */
async function assertNotReady(lab: Lab, node: SimNode): Promise<void> {
  for (const method of ['PUT', 'GET', 'DELETE']) {
    const text = textOf(await lab.ask(node, method, 'k', { value: 'v' }));
    const { code, mayTakeEffect } = JSON.parse(text) as { code: string; mayTakeEffect?: boolean };
    const expected = method === 'GET' ? undefined : false;
    assert.deepEqual([code, mayTakeEffect], ['not-ready', expected], `${method}: ${text}`);
  }
  assert.equal(node.node?.whyNotReady()?.code, 'not-ready');
}

async function assertServes(lab: Lab, node: SimNode): Promise<void> {
  const answer = await lab.ask(node, 'PUT', 'k', { value: 'v' });
  assert.equal(answer.status, 200, textOf(answer));
  assert.equal(node.node?.whyNotReady(), undefined);
}

test('a node that has heard of some members only serves no keys', async () => {
  const { lab, wiped } = await hearingOne(1);
  for (const node of wiped) await assertNotReady(lab, node);
});

test('a node that has heard of some members only serves no keys after another start', async () => {
  const { lab, wiped } = await hearingOne(1);
  for (const node of wiped) {
    node.crash();
    node.start();
    await lab.until(() => node.node !== undefined);
    await lab.wait(10_000);
    await assertNotReady(lab, node);
  }
});

test('two nodes that have heard of the same members only serve no keys', async () => {
  const { lab, wiped } = await hearingOne(2);
  for (const node of wiped) await assertNotReady(lab, node);
});

test('a node that was killed just after others had joined serves no keys alone', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const lab = new Lab(3, { seed });
    // All nodes tell that all are up. The member lists on their disks may be older.
    await lab.rest();
    const { nodes } = lab.cluster;
    for (const node of nodes) node.crash();
    for (const node of nodes) for (const other of nodes) if (other !== node) lab.cut(node, other);
    for (const node of nodes) node.start();
    await lab.wait(6_000);
    for (const node of nodes) await assertServesNoKeys(lab, node);
    lab.heal();
    await lab.rest();
    for (const node of nodes) await assertServes(lab, node);
  }
});

test('a node that was killed before it kept that it has joined serves no keys', async () => {
  const { lab, members, newcomer } = await beforeJoin(3);
  newcomer.disk.delayMs = 500;
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  newcomer.crash();
  for (const other of members) lab.cut(newcomer, other);
  newcomer.disk.delayMs = 1;
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'joining');
  assert.equal(newcomer.node?.state, 'joining');
  await lab.wait(6_000);
  const answer = await lab.ask(newcomer, 'PUT', 'k', { value: 'v', query: 'w=1' });
  assert.equal(answer.status, 503, textOf(answer));
  await assertNotReady(lab, newcomer);
  lab.heal();
  await lab.rest();
  await assertServes(lab, newcomer);
});

test('a lone node serves keys when the member that never joined is declared gone', async () => {
  const lab = new Lab(1, {
    config: { quorum: { n: 3, r: 'quorum', w: 'quorum', timeoutMs: 3_000 } },
  });
  const [first] = lab.cluster.nodes as [SimNode];
  await lab.until(() => first.node?.state === 'up', 60_000);
  await lab.wait(2_000);
  assert.equal((await lab.ask(first, 'PUT', 'k', { value: 'v' })).status, 200);
  const second = lab.cluster.add();
  second.start();
  await lab.until(() => first.node?.members.length === 2, 20_000);
  second.crash();
  await lab.wait(1_000);
  first.crash();
  first.start();
  await lab.wait(6_000);
  await assertNotReady(lab, first);
  const named = new RegExp(second.name);
  assert.match(textOf(await lab.ask(first, 'GET', 'k')), named);
  assert.match(first.node?.whyNotReady()?.message ?? '', named);
  first.node?.remove(second.name);
  await lab.wait(6_000);
  assert.equal((await lab.ask(first, 'GET', 'k')).status, 200);
  await assertServes(lab, first);
});

for (const isWiped of [false, true]) {
  const addition = isWiped ? ', also if the newcomer loses its disk' : '';
  test(`after an outage of all nodes during a join, the cluster serves again${addition}`, async () => {
    const { lab, members, newcomer } = await beforeJoin(3);
    const { nodes } = lab.cluster;
    newcomer.start();
    await lab.until(() => members.every((node) => stateAt(node, newcomer) === 'joining'), 20_000);
    // In this time the record is kept on disk, and the node has not joined yet.
    await lab.wait(20);
    for (const node of nodes) node.crash();
    if (isWiped) newcomer.disk.replace(new Map());
    for (const node of nodes) node.start();
    await lab.rest();
    for (const node of nodes) {
      const answer = await lab.ask(node, 'PUT', 'k', { value: 'v' });
      assert.equal(answer.status, 200, textOf(answer));
    }
  });
}

test('a node that lost its disk stays an owner when it hears first that it is joining', async () => {
  const quorum = { n: 4, r: 'quorum', w: 'quorum', timeoutMs: 3_000 } as const;
  const { lab, members, newcomer } = await beforeJoin(3, { config: { quorum } });
  const { nodes } = lab.cluster;
  const [knowing, behind] = members as [SimNode, SimNode, SimNode];
  newcomer.start();
  await lab.until(() => stateAt(behind, newcomer) === 'joining', 20_000);
  for (const other of nodes) if (other !== behind) lab.cut(behind, other);
  await lab.until(() => stateAt(knowing, newcomer) === 'up', 60_000);
  assert.deepEqual(
    [knowing, behind].map((node) => stateAt(node, newcomer)),
    ['up', 'joining'],
  );
  newcomer.crash();
  newcomer.disk.replace(new Map());
  lab.heal();
  for (const other of nodes) if (other !== behind) lab.cut(newcomer, other);
  lab.cut(behind, knowing);
  newcomer.start();
  const generation = (): number =>
    newcomer.node?.members.find(({ name }) => name === newcomer.name)?.generation ?? 0;
  await lab.until(() => generation() === 2, 20_000);
  assert.equal(newcomer.node?.state, 'joining');
  assert.equal(knowing.replicas, 4);
  lab.heal();
  const isOut = (): boolean => knowing.replicas !== 4;
  await lab.until(() => isOut() || lab.cluster.isAtRest(), 60_000);
  assert.ok(!isOut(), 'it counts an owner less');
  assert.ok(lab.cluster.isAtRest(), lab.cluster.describeUnrest());
});

test('writes pass over an owner that does not rely on its list yet', async () => {
  const lab = new Lab(6);
  await lab.born();
  const key = 'k';
  const order = lab.order(key) as [SimNode, SimNode, SimNode, SimNode, SimNode, SimNode];
  const [wiped, , , stranger, ...down] = order;
  for (const node of [wiped, ...down]) node.crash();
  wiped.disk.replace(new Map());
  await lab.wait(6_000);
  wiped.start();
  await lab.wait(10_000);
  await assertNotReady(lab, wiped);
  for (let i = 0; i < 10; i++) {
    const headers = i === 0 ? { 'if-none-match': '*' } : {};
    const answer = await lab.ask(stranger, 'PUT', key, { value: 'v', headers });
    assert.equal(answer.status, 200, textOf(answer));
  }
});

test('a client passes over a node that does not rely on its list yet', async () => {
  const { lab, wiped } = await hearingOne(1);
  const [lonely] = wiped as [SimNode];
  const [speaking, other] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  // At first neither of the two can serve, so the client has asked both before one does.
  const client = labClient(lab, [lonely, speaking]);
  const write = client.put('k', 'v', { deadlineMs: 30_000 });
  await lab.wait(2_000);
  other.start();
  await settled(lab, write);
  await assertNotReady(lab, lonely);
  for (let i = 0; i < 4; i++) {
    const read = await settled(lab, client.get('k'));
    assert.equal(read.kind === 'value' && read.value, 'v');
  }
});

/** Longer than the simulated disk needs for a row. */
const KEPT_MS = 5;

test('a node that lost its disk stays an owner when it starts again before it knows all', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [wiped, near, far] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  wiped.crash();
  wiped.disk.replace(new Map());
  for (const other of [wiped, near]) lab.cut(other, far);
  wiped.start();
  await lab.until(() => wiped.node?.state === 'up');
  // It has taken its place again, and has kept a record. It does not rely on its list yet.
  await lab.wait(KEPT_MS);
  assert.notEqual((await lab.ask(wiped, 'GET', 'k')).status, 200);
  wiped.crash();
  lab.heal();
  lab.cut(wiped, near);
  wiped.start();
  const isOut = (): boolean => [near, far].some(({ replicas }) => replicas !== 3);
  await lab.until(
    () => isOut() || far.node?.members.some(({ generation }) => generation > 1) === true,
    60_000,
  );
  lab.heal();
  await lab.until(() => isOut() || lab.cluster.isAtRest(), 60_000);
  assert.ok(!isOut(), 'the others count an owner less');
  assert.ok(lab.cluster.isAtRest());
});

test('a node that lost its disk stays an owner when it denies an old suspicion', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [wiped, ...others] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  const recordAt = ({ node }: SimNode): MemberStatus | undefined =>
    node?.status().members.find(({ name }) => name === wiped.name);
  const before = recordAt(wiped)?.version ?? 0;
  wiped.crash();
  wiped.disk.replace(new Map());
  // The node hears that it is a suspect, but not its old record.
  const resumes = others.map(({ name }) => lab.network.stall(`${wiped.name}>${name}`));
  wiped.start();
  await lab.until(() => (recordAt(wiped)?.version ?? 0) > before);
  assert.equal(recordAt(wiped)?.state, 'joining');
  for (const resume of resumes) resume();
  const isOut = (): boolean => others.some(({ replicas }) => replicas !== 3);
  await lab.until(() => isOut() || lab.cluster.isAtRest(), 60_000);
  assert.ok(!isOut(), `it is ${recordAt(others[0])?.state} for the others`);
  assert.ok(lab.cluster.isAtRest());
});
