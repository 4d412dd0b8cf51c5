/** The verdicts of the long run find their violations, and nothing else. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Dice } from '../../src/sim/world.ts';
import { type Behaviour, fakeNode } from '../fixtures/fake-node.ts';
import { type Hold, judgeCount, overlaps, Winners } from './conditional-workloads.ts';
import { differencesOf, type KeyRing } from './convergence.ts';
import { NodeClient } from './node-client.ts';
import { FAULTS } from './faults.ts';
import {
  Deletes,
  judgeRegister,
  judgeSet,
  type RegisterWrite,
  Uniques,
} from './plain-workloads.ts';
import { drawEpoch } from './schedule.ts';
import type { Workload } from './workload.ts';

const done = (id: string, ...seen: string[]): RegisterWrite => ({ id, seen, outcome: 'done' });
const unknown = (id: string, ...seen: string[]): RegisterWrite => ({
  id,
  seen,
  outcome: 'unknown',
});

for (const [what, writes, values, wrong] of [
  ['nothing written, nothing there', [], [], 0],
  ['the last of two', [done('a'), done('b', 'a')], ['b'], 0],
  ['siblings that had not seen each other', [done('a'), done('b')], ['a', 'b'], 0],
  ['a write without an answer that took effect', [done('a'), unknown('b', 'a')], ['b'], 0],
  ['a write without an answer that took none', [done('a'), unknown('b', 'a')], ['a'], 0],
  ['an effect without its version', [done('a'), unknown('b', 'a'), done('c', 'b')], ['c'], 0],
  ['an acknowledged write is lost', [done('a'), done('b')], ['a'], 1],
  ['the last of a chain is lost, and all with it', [done('a'), done('b', 'a')], [], 2],
  ['a write without an answer replaced it, and is gone', [done('a'), unknown('b', 'a')], [], 1],
  ['a replaced value is back', [done('a'), done('b', 'a')], ['a', 'b'], 1],
  ['no client wrote it', [done('a')], ['a', 'x'], 1],
  ['it was refused', [done('a'), { id: 'b', seen: ['a'], outcome: 'not' }], ['b'], 1],
] as const) {
  test(`the verdict on a register: ${what}`, () =>
    assert.equal(judgeRegister(writes, values).length, wrong));
}

test('the verdict on a set finds missing and foreign elements', () => {
  const added = new Map([
    ['a', 'done'],
    ['b', 'unknown'],
    ['c', 'done'],
  ] as const);
  assert.deepEqual(judgeSet(added, ['["a"]', '["c","b"]']), []);
  assert.deepEqual(judgeSet(added, ['["a"]']), ['acknowledged elements are lost, 1: c']);
  assert.deepEqual(judgeSet(added, ['["a","c","x"]']), ['no client added 1: x']);
});

test('the verdict on a counter allows acknowledged steps and unanswered ones', () => {
  for (const value of [3, 4])
    assert.deepEqual(judgeCount({ acknowledged: 3, unknown: 1 }, [`${value} x`, '1 y']), []);
  for (const value of [2, 5])
    assert.equal(judgeCount({ acknowledged: 3, unknown: 1 }, [`${value} x`]).length, 1);
});

test('the verdict on a lock finds overlapping holds', () => {
  const hold = (id: string, fromMs: number, untilMs: number, lock = 'l'): Hold => ({
    lock,
    id,
    fromMs,
    untilMs,
  });
  assert.deepEqual(overlaps([hold('b', 10, 20), hold('a', 0, 10), hold('c', 0, 99, 'other')]), []);
  assert.equal(overlaps([hold('a', 0, 11), hold('b', 10, 20)]).length, 1);
  assert.equal(overlaps([hold('a', 0, 100), hold('b', 10, 20), hold('c', 50, 60)]).length, 2);
});

test('the verdict on a state of a key finds a second winner', () => {
  const winners = new Winners();
  winners.note('c', '"1"', 'a');
  winners.note('c', '"2"', 'b');
  assert.deepEqual(winners.wrong, []);
  winners.note('c', '"1"', 'b');
  assert.equal(winners.wrong.length, 1);
});

/** A store that keeps all writes, until a test removes a value or restores it. */
async function keeper(t: TestContext): Promise<{ client: NodeClient; kept: Map<string, string> }> {
  const kept = new Map<string, string>();
  const behave: Behaviour = (response, { method, url, body }) => {
    const value = kept.get(url);
    if (method === 'PUT') kept.set(url, body);
    if (method === 'DELETE') kept.delete(url);
    const status =
      method === 'PUT' ? 200 : method === 'DELETE' ? 204 : value === undefined ? 404 : 200;
    response
      .writeHead(status, { 'X-Mec-Vclock': 'dG9rZW4=', ETag: '"0"' })
      .end(method === 'GET' ? value : undefined);
  };
  const { url } = await fakeNode(t, behave);
  return { client: new NodeClient({ name: 'n1', url }), kept };
}

async function play(workload: Workload, client: NodeClient, times: number): Promise<void> {
  const dice = new Dice(1);
  for (let i = 0; i < times; i++) await workload.act(client, dice);
}

const FINAL = { isFinal: true, dice: new Dice(1) };

test('the verdict on unique keys finds missing and changed values', async (t) => {
  const { client, kept } = await keeper(t);
  const uniques = new Uniques();
  await play(uniques, client, 5);
  assert.deepEqual(await uniques.judge(client, FINAL), []);
  kept.delete('/mec/u-1');
  kept.set('/mec/u-2', 'x');
  assert.equal((await uniques.judge(client, FINAL)).length, 2);
});

test('the verdict on deleted keys finds returned and missing ones', async (t) => {
  const { client, kept } = await keeper(t);
  const deletes = new Deletes();
  await play(deletes, client, 40);
  assert.deepEqual(await deletes.judge(client), []);
  const { written = 0, deleted = 0 } = deletes.report().did;
  assert.ok(deleted > 3 && written > deleted + 3, `${written} written, ${deleted} deleted`);
  const all = Array.from({ length: written }, (_, i) => `d-${i}`);
  const gone = all.find((key) => !kept.has(`/mec/${key}`)) ?? '';
  const there = all.find((key) => kept.has(`/mec/${key}`)) ?? '';
  kept.set(`/mec/${gone}`, gone);
  kept.delete(`/mec/${there}`);
  assert.deepEqual(
    (await deletes.judge(client)).sort(),
    [
      `${gone} at n1: deleted, and back`,
      `${there} at n1: acknowledged, never deleted, and gone`,
    ].sort(),
  );
});

test('the comparison of owners names those that differ or are incomplete', () => {
  const owner = (
    node: string,
    clock: string,
    versions: readonly unknown[],
    isComplete = true,
  ): KeyRing['entries'][0] => ({
    node,
    role: 'owner',
    says: { isComplete, clock, versions },
  });
  const fallback = { node: 'd', role: 'fallback' };
  const [a, b] = [owner('a', '1', ['x', 'y']), owner('b', '1', ['y', 'x'])];
  assert.deepEqual(differencesOf('k', { entries: [a, b, fallback] }), []);
  for (const other of [
    owner('c', '2', ['x', 'y']),
    owner('c', '1', ['x']),
    owner('c', '1', ['x', 'y'], false),
  ]) {
    assert.equal(differencesOf('k', { entries: [a, b, other] }).length, 1);
  }
  assert.equal(differencesOf('k', { entries: [a, { node: 'c', role: 'owner' }] }).length, 1);
});

test('a seed always draws the same schedule, with at most one lost disk in an epoch', () => {
  const draw = (seed: number): unknown =>
    Array.from({ length: 20 }, () => drawEpoch(new Dice(seed)));
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  const drawn = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const { steps } = drawEpoch(new Dice(seed));
    for (const { fault } of steps) drawn.add(fault);
    assert.ok(steps.filter(({ fault }) => FAULTS[fault]?.isDiskLoss === true).length <= 1);
  }
  assert.deepEqual([...drawn].sort(), Object.keys(FAULTS).sort());
});
