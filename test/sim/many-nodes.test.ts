/** A hundred nodes that start together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lab } from '../fixtures/lab.ts';

const NODES = 100;
const START_MS = 60_000;
/** Between two looks at the lists of all nodes, which take long to compare. */
const LOOK_MS = 1_000;

test('a hundred nodes that start together are members within a minute, and agree on that', async () => {
  const lab = new Lab(NODES);
  const { nodes } = lab.cluster;
  const viewsAt = (): Set<string> =>
    new Set(
      nodes.map(({ node }) => node?.members.map(({ name, state }) => `${name} ${state}`).join()),
    ) as Set<string>;
  const areUp = (): boolean => nodes.every(({ node }) => node?.state === 'up');
  await lab.until(areUp, START_MS);
  while (viewsAt().size > 1 && lab.world.nowMs < START_MS) await lab.wait(LOOK_MS);
  const [view = '', ...others] = viewsAt();
  assert.deepEqual(others, []);
  assert.equal(view.split(',').filter((member) => member.endsWith(' up')).length, NODES);
});
