/** The memory of a node, idle and with a million small keys, and its starting time with them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MecCluster } from './clusters.ts';
import { largestMemory } from './counters.ts';
import { keyName } from './draws.ts';
import type { Bench, Findings } from './experiment.ts';
import { loadKeys, measure, type Load } from './measure.ts';
import { loadedPrefix } from './requests.ts';
import { ask, waitUntil } from './servers.ts';

const KEYS = 1_000_000;
const REST_MS = 5_000;
const MIB = 1024 * 1024;

const LOAD: Load = {
  operation: 'GET',
  valueBytes: 100,
  keys: KEYS,
  distribution: 'uniform',
  connections: 64,
  aim: 'one',
};

/**
 * Loads a million keys of 100 B through all nodes. Then restarts node 1, once with SIGTERM and once
 * with `kill -9`.
 */
export async function measureMemory({ servers, durationMs, print }: Bench): Promise<Findings> {
  const cluster = await MecCluster.start(servers);
  const values: Record<string, number> = {};
  const note = (name: string, what: string): void => {
    const memory = largestMemory(cluster);
    if (memory === undefined) return;
    values[name] = memory.rssBytes;
    const [rss, files] = [memory.rssBytes, memory.fileBytes].map((bytes) =>
      (bytes / MIB).toFixed(0),
    );
    print(`memory: ${what}: ${rss} MiB in the largest node, ${files} MiB of it pages of files`);
  };
  await sleep(REST_MS);
  note('idleRssBytes', 'idle');
  const startMs = performance.now();
  let errors = await loadKeys(cluster, LOAD);
  print(
    `memory: ${KEYS - errors} keys loaded in ${((performance.now() - startMs) / 1000).toFixed(0)} s`,
  );
  note('justLoadedRssBytes', 'right after loading');
  await sleep(REST_MS);
  note('loadedRssBytes', `${REST_MS / 1000} s later`);
  for (const distribution of ['uniform', 'zipfian'] as const) {
    const figures = await measure(cluster, { ...LOAD, distribution }, durationMs);
    errors += figures.errors;
    values[`${distribution}MillionPerSecond`] = figures.perSecond;
    print(
      `memory: GET of 1 M keys, ${distribution}: ${figures.perSecond.toFixed(0)}/s, p99 ${figures.p99Ms.toFixed(2)} ms`,
    );
  }
  note('readRssBytes', 'after these reads');
  values['startMs'] = await startTime(cluster, 'SIGTERM');
  values['startAfterKillMs'] = await startTime(cluster, 'SIGKILL');
  print(`memory: a node that was stopped serves after ${(values['startMs'] / 1000).toFixed(2)} s`);
  print(
    `memory: a node that was killed serves after ${(values['startAfterKillMs'] / 1000).toFixed(2)} s`,
  );
  await sleep(REST_MS);
  note('restartedRssBytes', 'after the restarts');
  await cluster.stop();
  return { values, errors };
}

/** Ends node 1 and starts it again. Returns the time until it reads its first key, in ms. */
async function startTime(cluster: MecCluster, signal: NodeJS.Signals): Promise<number> {
  await cluster.stopNode(0, signal);
  const startMs = performance.now();
  cluster.startNode(0);
  const path = `/mec/${keyName(loadedPrefix(LOAD), KEYS / 2)}`;
  const serves = async (): Promise<boolean> =>
    (await ask({ port: cluster.httpPorts[0] ?? 0, path })).status === 200;
  await waitUntil('node 1 reads a key after its start', serves, { servers: cluster.servers });
  return performance.now() - startMs;
}
