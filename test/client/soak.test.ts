/**
 * Many clients change the same few keys while nodes are killed and paused in turn. At the end all
 * acknowledged changes must be present. `npm run test:long` runs it for ten seconds;
 * MEC_SOAK_SECONDS=30 sets another time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, MecClient, MecClientError } from '../../src/client/index.ts';
import {
  type GrowOnlyCounter,
  growOnlyCounter,
  observedRemoveSet,
  type ObservedRemoveSet,
} from '../../src/client/merge/index.ts';
import { pause, TestCluster } from '../fixtures/cluster.ts';

const SECONDS = Number(process.env['MEC_SOAK_SECONDS'] ?? 10);
const CLIENTS = 20;
const KEYS = 50;
/** The last keys are counters, the others sets. */
const COUNTERS = 10;
const DOWN_MS = 2_000;
const UP_MS = 1_500;

interface Tally {
  readonly acknowledged: Map<string, string[]>;
  /** Updates with unknown outcome, by key. */
  readonly unknown: Map<string, number>;
  readonly errors: Map<string, number>;
  maxMerged: number;
}

async function runClient(
  id: number,
  urls: readonly string[],
  { tally, isOver }: { tally: Tally; isOver: () => boolean },
): Promise<void> {
  const client = new MecClient(urls);
  const sets = client.with(json<ObservedRemoveSet>());
  const counters = client.with(json<GrowOnlyCounter>());
  for (let i = 0; !isOver(); i++) {
    const at = Math.floor(Math.random() * KEYS);
    const key = `soak/${at}`;
    const element = `${id}.${i}`;
    try {
      const updated =
        at >= KEYS - COUNTERS
          ? await counters.update(key, (count, by) => growOnlyCounter.add(count, by), {
              merge: growOnlyCounter.merge,
            })
          : await sets.update(key, (set, by) => observedRemoveSet.add(set, element, by), {
              merge: observedRemoveSet.merge,
            });
      tally.acknowledged.get(key)?.push(element);
      tally.maxMerged = Math.max(tally.maxMerged, updated?.merged ?? 0);
    } catch (error) {
      assert.ok(error instanceof MecClientError, String(error));
      if (error.mayTakeEffect) tally.unknown.set(key, (tally.unknown.get(key) ?? 0) + 1);
      tally.errors.set(error.code, (tally.errors.get(error.code) ?? 0) + 1);
    }
  }
}

/** Kills and restarts one node, then pauses the next, and continues in turn. */
async function trouble(cluster: TestCluster, isOver: () => boolean): Promise<number> {
  let turns = 0;
  for (; !isOver(); turns++) {
    const node = cluster.node(turns % cluster.nodes.length);
    if (turns % 2 === 0) {
      await node.end('SIGKILL');
      await pause(DOWN_MS);
      node.start();
    } else {
      node.signal('SIGSTOP');
      await pause(DOWN_MS);
      node.signal('SIGCONT');
    }
    await pause(UP_MS);
  }
  return turns;
}

test(
  `every acknowledged update is present after ${SECONDS} s of killed and hanging nodes`,
  { timeout: (SECONDS + 150) * 1000 },
  async (t) => {
    const cluster = await TestCluster.start(t);
    const urls = cluster.nodes.map(({ url }) => url);
    const keys = Array.from({ length: KEYS }, (_, i) => `soak/${i}`);
    const tally: Tally = {
      acknowledged: new Map(keys.map((key) => [key, []])),
      unknown: new Map(),
      errors: new Map(),
      maxMerged: 0,
    };
    const untilMs = performance.now() + SECONDS * 1000;
    const isOver = (): boolean => performance.now() > untilMs;
    const clients = Array.from({ length: CLIENTS }, (_, id) =>
      runClient(id, urls, { tally, isOver }),
    );
    const [turns] = await Promise.all([trouble(cluster, isOver), ...clients]);
    await cluster.connected();

    const client = new MecClient(urls);
    const sets = client.with(json<ObservedRemoveSet>());
    const counters = client.with(json<GrowOnlyCounter>());
    let lost = 0;
    let total = 0;
    for (const [i, key] of keys.entries()) {
      const acknowledged = tally.acknowledged.get(key) ?? [];
      total += acknowledged.length;
      if (i >= KEYS - COUNTERS) {
        const end = await counters.update(key, (count) => count ?? { plus: {} }, {
          merge: growOnlyCounter.merge,
        });
        const value = growOnlyCounter.value(end?.value);
        const most = acknowledged.length + (tally.unknown.get(key) ?? 0);
        assert.ok(value <= most, `${key} counts ${value}, and at most ${most} updates were made`);
        lost += Math.max(0, acknowledged.length - value);
      } else {
        const end = await sets.update(key, (set) => set ?? { clock: {}, entries: {} }, {
          merge: observedRemoveSet.merge,
        });
        const there = new Set(observedRemoveSet.values(end?.value));
        lost += acknowledged.filter((element) => !there.has(element)).length;
      }
    }
    t.diagnostic(
      `${total} updates acknowledged, ${turns} nodes killed or paused in turn, ` +
        `at most ${tally.maxMerged} siblings merged, ` +
        `errors: ${JSON.stringify(Object.fromEntries(tally.errors))}`,
    );
    assert.equal(lost, 0, `${lost} of ${total} acknowledged updates are lost`);
    assert.ok(total > CLIENTS, `only ${total} updates came through`);
  },
);
