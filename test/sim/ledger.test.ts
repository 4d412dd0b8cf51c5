/** Identities in the simulator: changes across cuts, nodes that are cut off, and lost lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_VERBS } from '../../src/core/security/verb.ts';
import { recovery } from '../../src/core/security/ledger-change.ts';
import type { SimNode } from '../../src/sim/cluster.ts';
import { simulate } from '../../src/sim/run.ts';
import { Dice, wallMicrosAt } from '../../src/sim/world.ts';
import { Lab, settled, textOf } from '../fixtures/lab.ts';
import { isLongRun } from '../sets.ts';
import { firstAdministrator, runLedger } from './ledger-run.ts';

const SEEDS = Number(process.env['MEC_SEEDS'] ?? (isLongRun() ? 40 : 3));

test(`grants and revocations hold across cuts and crashes in ${SEEDS} runs`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const violations = await runLedger(seed);
    assert.deepEqual(violations, [], `seed ${seed}`);
  }
});

/** Runs of all faults take longer. */
const SEEDS_OF_ALL = isLongRun() ? 8 : 1;

test(`identities hold under all faults in ${SEEDS_OF_ALL} runs`, async () => {
  for (let seed = 1; seed <= SEEDS_OF_ALL; seed++) {
    const set = { hasIdentities: true, ...(!isLongRun() && { chaosMs: 6_000, nodes: 3 }) };
    const { violations } = await simulate({ seed, set, operations: isLongRun() ? 200 : 40 });
    assert.deepEqual(violations, [], `seed ${seed}`);
  }
});

const MAX_AGE_MS = 30_000;
const FIRST = firstAdministrator();

async function secured(count: number): Promise<Lab> {
  const security = { mode: 'on', maxAgeMs: MAX_AGE_MS, requestsPerSecond: 1e6 } as const;
  const lab = new Lab(count, { config: { security }, firstRecords: FIRST.records });
  await lab.born();
  return lab;
}

async function ask(lab: Lab, at: SimNode, token?: string): Promise<unknown[]> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await lab.ask(at, 'GET', 'k', { headers });
  const { code } = JSON.parse(textOf(answer)) as { code?: string };
  return [answer.status, code];
}

const securityOf = ({ node }: SimNode) => node?.security ?? assert.fail('the node does not run');

test('the token of one node counts at all nodes, and none without', async () => {
  const lab = await secured(3);
  for (const node of lab.cluster.nodes) {
    assert.deepEqual(await ask(lab, node, FIRST.token), [404, 'not-found']);
    assert.deepEqual(await ask(lab, node), [401, 'unauthenticated']);
  }
});

test('a node that is cut off tells clients apart until max-age, and then refuses all', async () => {
  const lab = await secured(3);
  const [a, b, c] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  lab.cut(c, a);
  lab.cut(c, b);
  await lab.wait(MAX_AGE_MS - 5_000);
  assert.notDeepEqual(await ask(lab, c, FIRST.token), [503, 'security-stale']);
  assert.deepEqual(await ask(lab, c), [401, 'unauthenticated']);
  await lab.wait(10_000);
  assert.deepEqual(await ask(lab, c, FIRST.token), [503, 'security-stale']);
  assert.deepEqual(await ask(lab, a, FIRST.token), [404, 'not-found']);
  const { records, text } = recovery(wallMicrosAt(lab.world.nowMs), new Dice(1));
  await settled(
    lab,
    securityOf(c)
      .recover(records)
      .catch(() => {}),
  );
  assert.notDeepEqual(await ask(lab, c, text.reveal()), [503, 'security-stale']);
  lab.heal();
  await lab.wait(10_000);
  assert.deepEqual(await ask(lab, c, FIRST.token), [404, 'not-found']);
});

test('a node without a majority acknowledges no change, and names the members that lack one', async () => {
  const lab = await secured(3);
  const [a, b, c] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  lab.cut(c, a);
  lab.cut(c, b);
  const change = { identity: 'ann', prefix: 'a/', verbs: ALL_VERBS };
  await assert.rejects(settled(lab, securityOf(c).grant(change)), { code: 'quorum-not-met' });
  const spread = await settled(lab, securityOf(a).grant({ ...change, prefix: 'b/' }));
  assert.deepEqual([[...spread.have].sort(), spread.lack], [['n1', 'n2'], ['n3']]);
  lab.heal();
  await lab.wait(5_000);
  const names = lab.cluster.nodes.map((node) => JSON.stringify(securityOf(node).records));
  assert.equal(new Set(names).size, 1);
  const ann = securityOf(b).records.find(({ id }) => id === 'user/ann');
  assert.deepEqual(ann?.rights, [], 'two changes of one version: the rights of both');
});

test('a revocation survives the restart of all nodes, and reaches one that was down', async () => {
  const lab = await secured(3);
  const [a, b, c] = lab.cluster.nodes as [SimNode, SimNode, SimNode];
  await settled(lab, securityOf(a).grant({ identity: 'ann', prefix: '', verbs: ALL_VERBS }));
  const { id, text } = await settled(lab, securityOf(a).issue('ann', 1e12));
  c.crash();
  await lab.wait(5_000);
  const spread = await settled(lab, securityOf(b).revoke(id));
  assert.deepEqual(spread.lack, ['n3']);
  for (const node of [a, b]) node.crash();
  for (const node of [a, b, c]) node.start();
  await lab.rest();
  for (const node of [a, b, c])
    assert.deepEqual(await ask(lab, node, text.reveal()), [401, 'unauthenticated']);
});

test('a node whose line about security was lost does not start', async () => {
  const lab = await secured(3);
  const [a] = lab.cluster.nodes as [SimNode];
  a.crash();
  a.configured = { security: { mode: 'open', maxAgeMs: 1, requestsPerSecond: 1 } };
  a.start();
  await lab.wait(5_000);
  assert.equal(a.node, undefined);
  assert.ok(lab.world.lines.some((line) => /n1 does not start: .*ledger/.test(line)));
  a.configured = {};
  await lab.until(() => a.node !== undefined, 60_000);
});
