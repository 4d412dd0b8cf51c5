/** Tests of the judge of disks: it reports clocks that are ahead of their data, and no others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { History, type MadeOperation } from '../../src/sim/history.ts';
import { ReplicaJudge } from '../../src/sim/replica-judge.ts';
import { Lab, neighbours } from '../fixtures/lab.ts';

/** A lab in which a judge looks at all disks, and one write that only its coordinator has. */
async function withLoneWrite(): Promise<{
  readonly lab: Lab;
  readonly history: History;
  readonly key: string;
  readonly holder: SimNode;
  readonly made: MadeOperation;
}> {
  const lab = new Lab(3);
  await lab.born();
  const [key] = neighbours(1) as [string];
  const history = new History(lab.cluster.clocks);
  const judge = new ReplicaJudge(lab.cluster, { history, keys: [key] });
  lab.world.onTurn = () => judge.check();
  const [holder, ...others] = lab.order(key) as [SimNode, ...SimNode[]];
  for (const other of others) lab.cut(holder, other);
  const nothing: ReadonlySet<number> = new Set();
  const made = history.begin({
    key,
    isDelete: false,
    seen: nothing,
    direct: nothing,
    removesAll: false,
    isNamed: false,
    isLastWriteWins: false,
    beganMs: lab.world.nowMs,
  });
  const answer = await lab.ask(holder, 'PUT', key, { value: `${made.id}`, query: 'w=1' });
  assert.equal(answer.status, 200);
  history.recordName(key, { kind: 'dot', name: answer.headers['X-Mec-Dot'] ?? '' }, made.id);
  await lab.wait(100);
  return { lab, history, key, holder, made };
}

const givenUp = ({ node }: SimNode, key: string): boolean =>
  node?.status().store.damage?.unreadable.includes(key) === true;

test('a write of which no member knows more is no violation once its key is given up', async () => {
  const { lab, history, key, holder } = await withLoneWrite();
  holder.crash();
  assert.ok(holder.disk.rot(key));
  holder.start();
  lab.heal();
  await lab.until(() => holder.node !== undefined);
  assert.deepEqual(lab.held(holder, key), [], 'the read finds the damage');
  await lab.until(() => givenUp(holder, key), 60_000);
  assert.ok(givenUp(holder, key));
  await lab.rest();
  assert.deepEqual(history.violations, []);
});

test('an acknowledged write whose key is given up is a violation', async () => {
  const { lab, history, key, holder, made } = await withLoneWrite();
  history.acknowledge(made, { nowMs: lab.world.nowMs, strength: { disks: 2, owners: 2 } });
  holder.crash();
  assert.ok(holder.disk.rot(key));
  holder.start();
  lab.heal();
  await lab.until(() => holder.node !== undefined);
  lab.held(holder, key);
  await lab.until(() => givenUp(holder, key), 60_000);
  await lab.wait(1_000);
  assert.match(history.violations.join(), /has the write 0/);
});

test('a write that its disk lacks in silence is a violation', async () => {
  const { lab, history, key, holder } = await withLoneWrite();
  holder.crash();
  holder.disk.lose(key);
  holder.start();
  await lab.until(() => history.violations.length > 0);
  assert.match(history.violations.join(), /has the write 0/);
});
