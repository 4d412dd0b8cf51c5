/**
 * Owners that were filled after they heard of the end of a member. That end takes nothing from
 * them, so they count at once, and no other owner is needed to fill them again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_MEMBER_WEIGHT, MIN_MEMBER_WEIGHT } from '../../src/core/limits.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { beforeJoin, type Lab, stateAt, textOf } from '../fixtures/lab.ts';

const KEYS = Array.from({ length: 60 }, (_, i) => `k${i}`);

const incompleteAt = ({ node }: SimNode): number | undefined => node?.status().sync.incomplete;

/** All keys can be read from a quorum of their owners. */
async function assertReads(lab: Lab, reader: SimNode): Promise<void> {
  for (const key of KEYS) {
    const answer = await lab.ask(reader, 'GET', key, { query: 'r=quorum&pr=quorum' });
    assert.equal(textOf(answer), key, `${answer.status}`);
  }
}

test('a newcomer counts as soon as it is up, also if members have ended before it came', async () => {
  const { lab, members, newcomer } = await beforeJoin(7);
  const [reader, ended] = members as [SimNode, SimNode];
  for (const key of KEYS)
    assert.equal((await lab.ask(reader, 'PUT', key, { value: key })).status, 200);
  ended.node?.leave();
  await lab.until(() => ended.hasLeft, 60_000);
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  assert.equal(incompleteAt(newcomer), 0);
});

test('the owners that follow a node that leaves count while another node is cut off', async () => {
  const { lab, members, newcomer } = await beforeJoin(7, { weight: MAX_MEMBER_WEIGHT });
  const [reader, leaver, away] = members as [SimNode, SimNode, SimNode];
  for (const key of KEYS)
    assert.equal((await lab.ask(reader, 'PUT', key, { value: key })).status, 200);
  // While a member joins, no end is forgotten. This one will own nothing.
  newcomer.configured = { weight: MIN_MEMBER_WEIGHT };
  newcomer.start();
  await lab.until(() => members.every((node) => stateAt(node, newcomer) === 'joining'));
  newcomer.crash();
  leaver.node?.leave();
  await lab.until(() => leaver.node?.state === 'gone', 60_000);
  for (const other of lab.cluster.nodes) if (other !== away) lab.cut(away, other);
  const present = members.filter((node) => node !== leaver && node !== away);
  await lab.until(() => present.every((node) => stateAt(node, leaver) === 'gone'));
  await lab.wait(10_000);
  for (const node of present) assert.equal(incompleteAt(node), 0, node.name);
  await assertReads(lab, reader);
  newcomer.start();
  await lab.until(() => newcomer.node?.state === 'up', 60_000);
  await lab.wait(1_000);
  for (const node of present) assert.equal(incompleteAt(node), 0, node.name);
});
