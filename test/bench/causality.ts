/** The cost of causality: its share of the processor time of node 1 while it coordinates PUTs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MecCluster } from './clusters.ts';
import type { Bench, Findings } from './experiment.ts';
import { measure, warmUp } from './measure.ts';
import { formatProfile, readProfiles, sumProfiles } from './profile.ts';

const TOP = 12;

/**
 * Profiles a node under PUTs of 100 B from 64 connections, and sums the time of the files of
 * causality.
 */
export async function measureCausality({ servers, durationMs, print }: Bench): Promise<Findings> {
  const profileDir = join(servers.directory, 'causality-profile');
  mkdirSync(profileDir, { recursive: true });
  const startMs = performance.now();
  const cluster = await MecCluster.start(servers, { profileDir });
  const failed = await warmUp(cluster, durationMs);
  const skipMs = performance.now() - startMs;
  const figures = await measure(
    cluster,
    {
      operation: 'PUT',
      valueBytes: 100,
      keys: 0,
      distribution: 'uniform',
      connections: 64,
      aim: 'one',
    },
    durationMs,
  );
  await cluster.stop();
  const sums = sumProfiles(readProfiles([profileDir]), skipMs);
  for (const line of formatProfile(sums, TOP)) print(line);
  if (sums.causalityMs === 0)
    throw new Error('no file of causality is in the profile: it says nothing');
  return {
    values: { causalityShare: sums.causalityWithCalleesMs / sums.busyMs },
    errors: failed + figures.errors,
  };
}
