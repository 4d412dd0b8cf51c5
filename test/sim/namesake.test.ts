/**
 * A member is cut off, and another machine gets its name. The others take the life of the member
 * for over. That machine is lost, too, and then the member is back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimNode } from '../../src/sim/cluster.ts';
import { isGapClosed, withGap } from '../fixtures/gap.ts';
import { Lab, textOf } from '../fixtures/lab.ts';
import { acknowledges, isNotMissed, KINDS } from '../fixtures/strict.ts';

/** Longer than a node needs to take a silent one for unreachable. */
const SILENT_MS = 8_000;
/** Time for a gap of the former life to be closed, and for all replicas to catch up. */
const LONG_MS = 60_000;

/** Starts another machine with the name of a member, which is cut off from all others. */
async function addNamesake(lab: Lab, old: SimNode): Promise<SimNode> {
  const namesake = lab.cluster.add();
  namesake.configured = { name: old.name };
  lab.cut(namesake, old);
  namesake.start();
  await lab.until(() => namesake.node?.state === 'up', 60_000);
  await lab.wait(5_000);
  return namesake;
}

async function lose(lab: Lab, namesake: SimNode): Promise<void> {
  namesake.crash();
  namesake.hasLeft = true;
  await lab.wait(SILENT_MS);
}

for (const kind of KINDS)
  test(`a member does not count with its replica of before another one had its name: a ${kind}`, async () => {
    const lab = new Lab(5);
    await lab.born();
    const key = 'k';
    const [old, a, b] = lab.order(key) as [SimNode, SimNode, SimNode];
    const others = lab.cluster.nodes.filter((node) => node !== old);
    for (const other of others) lab.cut(old, other);
    await lab.wait(SILENT_MS);
    const namesake = await addNamesake(lab, old);
    for (const other of [b, namesake]) lab.cut(a, other);
    await acknowledges({ lab, key }, b, kind);
    await lose(lab, namesake);
    for (const other of others) if (other !== b) lab.mend(old, other);
    await lab.wait(20_000);
    assert.equal(old.node?.state, 'up');
    await isNotMissed({ lab, key }, a, kind);
    lab.heal();
    await lab.rest();
    await isNotMissed({ lab, key }, old, kind);
  });

test('a member comes back after the others have closed a gap in its writes', async () => {
  const gap = await withGap();
  const { lab, cutOff, others, seen, alone } = gap;
  await lab.wait(SILENT_MS);
  const namesake = await addNamesake(lab, cutOff);
  await lab.wait(LONG_MS);
  assert.ok(isGapClosed(gap));
  await lose(lab, namesake);
  lab.heal();
  await lab.wait(LONG_MS);
  await lab.rest();
  for (const node of [cutOff, ...others])
    for (const key of [seen, alone]) assert.equal(textOf(await lab.ask(node, 'GET', key)), 'v');
});
