/** A wrong clock, and a node that was declared gone and returns. */
import { eventually, pause } from '../fixtures/cluster.ts';
import type { Chain, ChainContext, ChainResult } from './chain.ts';
import { Uniques } from './plain-workloads.ts';
import { declareGone, openScene, REST_MS, verdict } from './scene.ts';
import { WallClock } from './wall-clock.ts';

const TTL = { 'X-Mec-TTL': '600' };
const WRONG_MS = 15_000;
const KEYS = 300;

/**
 * One clock of three is an hour ahead, then an hour behind. No value with a lifetime of ten minutes
 * may disappear.
 */
async function wrongClock(context: ChainContext): Promise<ChainResult> {
  const uniques = new Uniques('u', TTL);
  const scene = await openScene(context, {
    nodes: 3,
    clients: 4,
    workloads: [uniques],
    pauseMs: 20,
  });
  const { cluster, clients } = scene;
  const odd = cluster.node(2);
  await clients.pause();
  await odd.end('SIGTERM');
  const clock = new WallClock(`${odd.root}.clock`);
  await clock.jump(0);
  odd.environment = clock.environment;
  odd.start();
  await cluster.connected();
  clients.resume();
  const written = (): number => uniques.report().did['acknowledged'] ?? 0;
  await eventually('keys are written', async () => written() > KEYS, REST_MS);
  await clients.pause();
  const wrong: string[] = [];
  for (const seconds of [3_600, -3_600]) {
    await clock.jump(seconds);
    await pause(WRONG_MS);
    const gone = await clients.judge([cluster.node(0), cluster.node(1)], {
      isFinal: true,
      seed: 1,
    });
    context.say(
      `${seconds} s off for ${WRONG_MS / 1_000} s: ${gone.length} of ${2 * written()} reads at the others wrong`,
    );
    wrong.push(...gone);
  }
  await clock.jump(0);
  await pause(2_000);
  const { wrong: gone, figures } = await verdict(scene);
  return { wrong: [...wrong, ...gone], figures };
}

const END_MS = 90_000;
const SLOW_MS = 20_000;

/**
 * A node that was declared gone returns with nothing new. It must notice and end soon, and the
 * reports of nodes about their keys must be right.
 */
async function comesBack(context: ChainContext): Promise<ChainResult> {
  const uniques = new Uniques();
  const scene = await openScene(context, { nodes: 3, clients: 8, workloads: [uniques] });
  const { cluster, clients, serving } = scene;
  const back = cluster.node(2);
  await eventually(
    'keys are written',
    async () => (uniques.report().did['acknowledged'] ?? 0) > 5 * KEYS,
    REST_MS,
  );
  await clients.pause();
  serving.delete(back);
  await back.end('SIGKILL');
  await declareGone(scene, back, cluster.node(0));
  // The others have continued. The node has nothing that they lack.
  const { acknowledged = 0 } = uniques.report().did;
  clients.resume();
  await eventually(
    'writes go on',
    async () => (uniques.report().did['acknowledged'] ?? 0) > acknowledged + KEYS,
  );
  const before = await verdict(scene);
  back.start();
  const startMs = performance.now();
  const code = await back.ended(END_MS).catch(() => 'none');
  const endsAfterMs = Math.round(performance.now() - startMs);
  const wrong: string[] = [...before.wrong];
  if (code !== 0) wrong.push(`the node that is gone ended with ${code}`);
  if (endsAfterMs > SLOW_MS) wrong.push(`the node that is gone ended after ${endsAfterMs} ms`);
  const told: number[] = [];
  for (const node of cluster.nodes) {
    await eventually(
      'its keys are counted',
      async () => (await node.status()).store.keys !== undefined,
    );
    told.push((await node.status()).store.keys ?? 0);
  }
  const { attempts = 0 } = uniques.report().did;
  if (told.some((keys) => keys !== attempts))
    wrong.push(`of ${attempts} keys on each node, nodes tell ${told.join(', ')}`);
  return { wrong, figures: { ...before.figures, endsAfterMs, told: told.join(' ') } };
}

/** These chains by name. */
export const ODD_CHAINS: Readonly<Record<string, Chain>> = {
  a6: {
    about: 'one clock of three is an hour off, and keys live for ten minutes',
    needs: ['faketime'],
    run: wrongClock,
  },
  a12: {
    about: 'a node that was declared gone comes back; counts of keys',
    needs: [],
    run: comesBack,
  },
};
