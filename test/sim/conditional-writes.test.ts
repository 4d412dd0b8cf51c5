/** Tests of conditional writes with slow links, rivals, damaged disks and repeats. */
import assert from 'node:assert/strict';
import { bodyInMemory } from '../../src/http/body-in-memory.ts';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import { Lab, type LabRequest } from '../fixtures/lab.ts';
import type { Message } from '../../src/transport/message.ts';

const CREATE = { 'if-none-match': '*' };
const ONCE = { 'idempotency-key': 'i-1' };

interface Outcome {
  answer?: HttpAnswer;
}

/** Sends a PUT, and does not wait for the answer. */
function begin(
  node: SimNode,
  key: string,
  { value = '', headers = {}, query = '' }: LabRequest,
): Outcome {
  const outcome: Outcome = {};
  const request = {
    method: 'PUT',
    path: `/mec/${key}`,
    query,
    headers,
    ...bodyInMemory(Buffer.from(value)),
  };
  node.send(request).then(
    (answer) => (outcome.answer = answer),
    () => {},
  );
  return outcome;
}

async function born(key: string): Promise<{ lab: Lab; a: SimNode; b: SimNode; c: SimNode }> {
  const lab = new Lab(3);
  await lab.born();
  const [a, b, c] = lab.order(key) as [SimNode, SimNode, SimNode];
  return { lab, a, b, c };
}

const statuses = (...answers: (HttpAnswer | undefined)[]): (number | undefined)[] =>
  answers.map((answer) => answer?.status);

test('late messages do not let two conditional writes win', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  // Grant and store of A to C are late; B grants, and A decides on {A, B} and writes.
  const toC = lab.network.stall(`${a.name}>${c.name}`);
  const mine = begin(a, key, { value: 'mine', headers: CREATE });
  await lab.until(() => lab.held(a, key).length > 0, 100);
  assert.deepEqual(lab.held(a, key), ['mine']);
  // Now the store to B is late, too, for longer than B keeps the key.
  const toB = lab.network.stall(`${a.name}>${b.name}`);
  await lab.wait(2_300);
  const yours = await lab.ask(b, 'PUT', key, { value: 'yours', headers: CREATE });
  toC();
  toB();
  await lab.until(() => mine.answer !== undefined);
  assert.deepEqual(statuses(yours, mine.answer), [200, 503]);
  await lab.rest();
  assert.deepEqual(
    lab.held(c, key).sort(),
    ['mine', 'yours'],
    'told that it is unknown, it may still be there',
  );
});

test('a conditional write needs as many owners as its request asks for', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  lab.cut(c, a);
  lab.cut(c, b);
  for (const query of ['pw=all', 'pr=all', 'w=all', 'r=all']) {
    const all = await lab.ask(a, 'PUT', key, { value: 'v', headers: CREATE, query });
    assert.ok(all.status >= 500, `${query}: ${all.status}`);
  }
  const two = await lab.ask(a, 'PUT', key, { value: 'v', headers: CREATE, query: 'pw=2' });
  assert.equal(two.status, 200);
});

/** A node loses its disk, and is filled by the others. */
async function replaceDisk(lab: Lab, node: SimNode): Promise<void> {
  node.crash();
  node.disk.replace(new Map());
  node.start();
  await lab.until(() => node.node !== undefined);
  await lab.rest();
}

/**
 * Makes a first try that only its coordinator stores: the others are cut off before its messages.
 */
async function tryAlone(lab: Lab, at: SimNode, key: string, request: LabRequest): Promise<void> {
  const first = begin(at, key, { ...request, query: 'timeout=1500' });
  await lab.until(() => lab.held(at, key).length > 0, 100);
  const others = lab.cluster.nodes.filter((node) => node !== at);
  for (const other of others) lab.cut(at, other);
  await lab.until(() => first.answer !== undefined);
  assert.notEqual(first.answer?.status, 200);
  for (const other of others) assert.deepEqual(lab.held(other, key), [], 'no other node has it');
}

const isRepeated = ({ headers }: HttpAnswer): boolean => headers['X-Mec-Repeated'] === 'true';

test('a create that lost against a rival is a 412 at every repeat', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  const mine = { value: 'mine', headers: { ...CREATE, ...ONCE } };
  const yours = { value: 'yours', headers: { ...CREATE, 'idempotency-key': 'i-2' } };
  await tryAlone(lab, a, key, mine);
  await lab.until(
    () => b.node?.status().peers.find(({ node }) => node === a.name)?.reach !== 'reachable',
  );
  assert.equal((await lab.ask(b, 'PUT', key, yours)).status, 200);
  lab.heal();
  await lab.rest();
  for (const node of [a, b, c]) {
    assert.deepEqual(lab.held(node, key).sort(), ['mine', 'yours']);
    assert.equal((await lab.ask(node, 'PUT', key, mine)).status, 412);
  }
  for (const node of [a, b, c])
    assert.deepEqual(lab.held(node, key).sort(), ['mine', 'yours'], 'nothing was written');
});

test('the token of a repeat covers both copies of its write', async () => {
  const key = 'order';
  const { lab, a, b, c } = await born(key);
  const request = { value: 'pound', headers: ONCE };
  await tryAlone(lab, a, key, request);
  await lab.until(
    () => b.node?.status().peers.find(({ node }) => node === a.name)?.reach !== 'reachable',
  );
  assert.equal((await lab.ask(b, 'PUT', key, request)).status, 200);
  lab.heal();
  await lab.rest();
  const again = await lab.ask(c, 'PUT', key, request);
  assert.deepEqual([again.status, isRepeated(again)], [200, true]);
  const headers = { 'x-mec-vclock': again.headers['X-Mec-Vclock'] ?? '' };
  assert.equal((await lab.ask(c, 'PUT', key, { value: 'next', headers })).status, 200);
  await lab.rest();
  for (const node of [a, b, c]) assert.deepEqual(lab.held(node, key), ['next'], node.name);
});

test('a write that was overwritten is still a repeat after a restart of all nodes', async () => {
  const key = 'order';
  const { lab, a, b, c } = await born(key);
  const made = await lab.ask(a, 'PUT', key, { value: 'pound', headers: ONCE });
  const token = made.headers['X-Mec-Vclock'] ?? '';
  await lab.ask(b, 'PUT', key, { value: 'next', headers: { 'x-mec-vclock': token } });
  await lab.rest();
  for (const node of [a, b, c]) node.crash();
  for (const node of [a, b, c]) node.start();
  await lab.rest();
  const again = await lab.ask(c, 'PUT', key, { value: 'pound', headers: ONCE });
  assert.deepEqual([again.status, isRepeated(again)], [200, true]);
  await lab.rest();
  for (const node of [a, b, c]) assert.deepEqual(lab.held(node, key), ['next']);
});

test('a write that was overwritten is still a repeat after each disk has been replaced in turn', async () => {
  const key = 'order';
  const { lab, a, b, c } = await born(key);
  const made = await lab.ask(a, 'PUT', key, { value: 'pound', headers: ONCE });
  const token = made.headers['X-Mec-Vclock'] ?? '';
  await lab.ask(b, 'PUT', key, { value: 'next', headers: { 'x-mec-vclock': token } });
  await lab.rest();
  for (const node of [a, b, c]) await replaceDisk(lab, node);
  const again = await lab.ask(c, 'PUT', key, { value: 'pound', headers: ONCE });
  assert.deepEqual([again.status, isRepeated(again)], [200, true]);
  for (const node of [a, b, c]) assert.deepEqual(lab.held(node, key), ['next']);
});

test('a repeat is not acknowledged from the memory of a disk that is lost', async () => {
  const key = 'order';
  const { lab, a, b, c } = await born(key);
  const request = { value: 'pound', headers: ONCE };
  await tryAlone(lab, a, key, request);
  // The store of A is replaced while its process goes on.
  a.disk.damage(a.disk.sorted.findIndex((row) => row.startsWith('o') && row.endsWith(key)));
  await lab.wait(10_000);
  lab.heal();
  await lab.rest();
  for (const node of [a, b, c]) {
    const again = await lab.ask(node, 'PUT', key, request);
    const holders = [a, b, c].filter((each) => lab.held(each, key).includes('pound'));
    assert.equal(again.status, 200);
    assert.ok(holders.length >= 2, `${holders.length} have what was acknowledged`);
  }
});

test('a conditional write waits for an owner that has just started', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  b.crash();
  await lab.wait(6_000);
  b.start();
  // B waits to be compared with C, which is gone by then, and counts for nothing in the meantime.
  lab.cut(b, c);
  await lab.until(
    () => a.node?.status().peers.find(({ node }) => node === b.name)?.reach === 'reachable',
  );
  c.crash();
  const made = await lab.ask(a, 'PUT', key, { value: 'mine', headers: CREATE });
  assert.equal(made.status, 200);
});

test('damage that appears during a conditional write fails the write and not the node', async () => {
  const lab = new Lab(3);
  await lab.born();
  const [node] = lab.order('k1') as [SimNode];
  await lab.ask(node, 'PUT', 'k1', { value: 'before' });
  await lab.rest();
  node.disk.delayMs = 2_000;
  const query = 'timeout=14000';
  const put = lab.ask(node, 'PUT', 'k1', { value: 'v', query, headers: { 'if-match': '*' } });
  await lab.until(() => lab.held(node, 'k1').includes('v'), 500);
  // Not a row of the key: the whole store is opened again, under the write.
  node.disk.damage(node.disk.sorted.findIndex((row) => row.startsWith('c')));
  assert.ok((await put).status >= 500);
  node.disk.delayMs = 1;
  await lab.rest();
  assert.equal((await lab.ask(node, 'GET', 'k1')).status, 200);
});

/** Lets two nodes suspect each other, and then stops the third: it still counts as reachable. */
async function disturb(lab: Lab, [one, other]: readonly SimNode[], third: SimNode): Promise<void> {
  lab.cut(one as SimNode, other as SimNode);
  await lab.until(() => !sees(one, other) && !sees(other, one));
  third.crash();
}

const sees = (one: SimNode | undefined, other: SimNode | undefined): boolean =>
  one?.node?.status().peers.find(({ node }) => node === other?.name)?.reach === 'reachable';

test('rivals do not hold a key for each other while they wait for a silent owner', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  await disturb(lab, [a, c], b);
  // C suspects A, and waits for B half of its time. So A and C both begin a ballot.
  const late = begin(c, key, { value: 'x', headers: ONCE, query: 'timeout=2000' });
  await lab.wait(10);
  lab.heal();
  const early: { outcome?: Outcome } = {};
  const isGrant = ({ kind }: Message): boolean => kind === 'grant';
  lab.whenSent(c, isGrant, () => (early.outcome = begin(a, key, { value: 'x', headers: ONCE })));
  await lab.until(() => early.outcome !== undefined);
  assert.ok(sees(a, b), 'A waits for B as well');
  await lab.until(() => early.outcome?.answer !== undefined && late.answer !== undefined, 700);
  assert.deepEqual(statuses(early.outcome?.answer, late.answer), [200, 200]);
  b.start();
  await lab.rest();
  for (const node of [a, b, c]) assert.deepEqual(lab.held(node, key), ['x']);
});

test('a conditional write also asks an owner that was suspect when it began', async () => {
  const key = 'lock';
  const { lab, a, b, c } = await born(key);
  await disturb(lab, [a, c], b);
  lab.heal();
  const request = { value: 'x', headers: ONCE };
  const outcomes = [begin(a, key, request), begin(a, key, request)];
  await lab.until(() => outcomes.every(({ answer }) => answer !== undefined), 700);
  assert.deepEqual(statuses(...outcomes.map(({ answer }) => answer)), [200, 200]);
});
