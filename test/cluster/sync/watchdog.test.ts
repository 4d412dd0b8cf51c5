/** The watchdog: the pulls that it logs, and how often. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYNC_LIMITS } from '../../../src/cluster/limits.ts';
import { Watchdog } from '../../../src/cluster/sync/watchdog.ts';
import { PlayedNode } from '../../fixtures/played-peers.ts';

const { stuckMs } = SYNC_LIMITS;
const WARNING = 'warn catching up is slow';

/** A node, and a look of its watchdog at an oldest pull of this age. */
function bench() {
  const node = new PlayedNode();
  const watchdog = new Watchdog(node.env, SYNC_LIMITS);
  const look = (ageMs: number): void =>
    watchdog.check({ oldest: { partition: 7, peer: 'n2', ageMs }, waiting: 1, running: 0 });
  return { node, watchdog, look };
}

test('a pull that waits for long is logged', () => {
  const { node, look } = bench();
  look(stuckMs - 1);
  assert.deepEqual(node.log.lines, []);
  look(stuckMs);
  assert.deepEqual(node.log.lines, [WARNING]);
});

test('a slow pull is logged again only after some time', () => {
  const { node, look } = bench();
  look(stuckMs);
  node.clock.advance(stuckMs - 1);
  look(2 * stuckMs - 1);
  assert.equal(node.log.lines.length, 1);
  node.clock.advance(1);
  look(2 * stuckMs);
  assert.equal(node.log.lines.length, 2);
});

test('a node without pulls logs nothing', () => {
  const { node, watchdog } = bench();
  watchdog.check({ oldest: undefined, waiting: 0, running: 0 });
  assert.deepEqual(node.log.lines, []);
});
