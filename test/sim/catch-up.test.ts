/** The cost of catching up after a minute away, under load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCluster } from '../../src/sim/cluster.ts';
import { writeKey } from '../../src/sim/http.ts';
import { World } from '../../src/sim/world.ts';

const BIRTH_MS = 30_000;
const AWAY_MS = 60_000;
const WRITE_EVERY_MS = 50;
const VALUE_BYTES = 200;
const KEYS = 400;

/** The bytes of a write without its value: key, dot, token, type, time and framing. */
const OVERHEAD_BYTES = 300;
const SECONDS = 5_000;

test('a node that was away for a minute catches up within seconds, and gets little more than it missed', async (t) => {
  const world = new World(7);
  const cluster = new SimCluster(world, { count: 3 });
  for (const node of cluster.nodes) node.start();
  await world.run(BIRTH_MS, () => cluster.isAtRest());
  const [first, , third] = cluster.nodes;
  assert.ok(first !== undefined && third !== undefined);
  let written = 0;
  let isLoaded = true;
  const load = (): void => {
    if (!isLoaded) return;
    const key = `key-${world.dice.below(KEYS)}`;
    void writeKey(first, key, { value: 'x'.repeat(VALUE_BYTES), token: undefined }).then(
      () => (written += 1),
      () => {},
    );
    world.after(WRITE_EVERY_MS, load);
  };
  load();
  await world.run(world.nowMs + 5_000);
  third.crash();
  const before = written;
  await world.run(world.nowMs + AWAY_MS);
  const missed = written - before;
  assert.ok(missed > (0.9 * AWAY_MS) / WRITE_EVERY_MS, `${missed} writes while it was away`);
  isLoaded = false;
  const bytesBefore = cluster.network.bytesTo.get(third.name) ?? 0;
  third.start();
  const startMs = world.nowMs;
  const isCaughtUp = (): boolean => {
    const [one, other] = [first.node?.digests(), third.node?.digests()];
    return (
      one !== undefined &&
      other !== undefined &&
      [...one].every(([partition, hash]) => other.get(partition) === hash)
    );
  };
  await world.run(startMs + BIRTH_MS, isCaughtUp);
  const tookMs = world.nowMs - startMs;
  const bytes = ((cluster.network.bytesTo.get(third.name) ?? 0) - bytesBefore) / missed;
  t.diagnostic(
    `${missed} writes missed; equal after ${tookMs.toFixed(0)} ms; ${bytes.toFixed(0)} bytes per missed write`,
  );
  assert.ok(isCaughtUp() && tookMs < SECONDS, `equal after ${tookMs} ms`);
  assert.ok(bytes < VALUE_BYTES + OVERHEAD_BYTES, `${bytes} bytes per missed write`);
});
