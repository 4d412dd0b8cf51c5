/**
 * A node that was away while 100 000 keys were written: its speed of catching up, compared with the
 * speed of writing, and the effect on clients. The clients are a constant, paced load at node 1,
 * well below the capacity of the cluster. At full load, their latencies would only show how the
 * processors are shared.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MecCluster } from './clusters.ts';
import { freshKeys } from './draws.ts';
import type { Bench, Findings } from './experiment.ts';
import { drain, quantile, RunningLoad } from './load.ts';
import { loadKeys, warmUp } from './measure.ts';
import { clientMaker, loadingClients, type Workload } from './requests.ts';
import { ask, waitUntil } from './servers.ts';

const MISSED = 100_000;
const VALUE_BYTES = 100;
const AWAY = 2;
const SAMPLES = 250;
const WRITE_TIMEOUT_MS = 300_000;
const CATCH_UP_TIMEOUT_MS = 300_000;
const BASELINE_MS = 10_000;
const CLIENTS = { connections: 16, paceMs: 40 };
const CLIENT_WORK: Workload = {
  operation: 'mix',
  valueBytes: VALUE_BYTES,
  keys: 10_000,
  distribution: 'uniform',
};

function* missedKeys(): Generator<string> {
  const next = freshKeys('missed-');
  for (let i = 0; i < MISSED; i++) yield next();
}

/** Stops a node, writes, starts it again under load, and watches it catch up. */
export async function measureCatchUp({ servers, durationMs, print }: Bench): Promise<Findings> {
  const cluster = await MecCluster.start(servers);
  let errors = (await warmUp(cluster, durationMs)) + (await loadKeys(cluster, CLIENT_WORK));
  await cluster.stopNode(AWAY);
  await sleep(durationMs);
  const makeClient = loadingClients(missedKeys(), cluster.protocol(VALUE_BYTES));
  const written = await drain(
    { ports: cluster.httpPorts.slice(0, 1), makeClient },
    WRITE_TIMEOUT_MS,
  );
  errors += MISSED - written.done;
  const writeRate = (1000 * written.done) / written.durationMs;
  print(`catch-up: ${written.done} writes missed, written at ${writeRate.toFixed(0)}/s`);

  const clients = new RunningLoad(
    {
      ports: cluster.httpPorts.slice(0, 1),
      makeClient: clientMaker(CLIENT_WORK, cluster.protocol(VALUE_BYTES), 'catch-up'),
    },
    CLIENTS,
  );
  try {
    const before = await clients.record(() => sleep(BASELINE_MS));
    const during = await clients.record(async () => {
      cluster.startNode(AWAY);
      await cluster.waitUntilReady(AWAY);
      await untilCaughtUp(cluster);
    });
    const rate = (1000 * MISSED) / during.durationMs;
    if (during.errors > before.errors)
      print(`catch-up: ${during.errors - before.errors} requests of clients failed meanwhile`);
    const [p99Before, p99During] = [
      quantile(before.latenciesMs, 0.99),
      quantile(during.latenciesMs, 0.99),
    ];
    print(
      `catch-up: caught up with at ${rate.toFixed(0)}/s (${(during.durationMs / 1000).toFixed(1)} s after its start)`,
    );
    print(
      `catch-up: clients' p99 ${p99Before.toFixed(2)} ms before, ` +
        `${p99During.toFixed(2)} ms meanwhile (${clientRate(during)}/s)`,
    );
    errors += during.errors;
    return {
      values: {
        catchUpShare: rate / writeRate,
        catchUpP99Ratio: p99During / p99Before,
        catchUpPerSecond: rate,
      },
      errors,
    };
  } finally {
    clients.stop();
    await cluster.stop();
  }
}

const clientRate = ({
  latenciesMs,
  durationMs,
}: {
  latenciesMs: Float64Array;
  durationMs: number;
}): string => ((1000 * latenciesMs.length) / durationMs).toFixed(0);

/** Reads samples of the missed keys at the node's own replica (`r=1`) until each is there. */
async function untilCaughtUp(cluster: MecCluster): Promise<void> {
  const port = cluster.httpPorts[AWAY] ?? 0;
  const samples = [...missedKeys()].filter((_, index) => index % (MISSED / SAMPLES) === 0);
  for (const [index, key] of samples.entries()) {
    const isThere = async (): Promise<boolean> =>
      (await ask({ port, path: `/mec/${key}?r=1` })).status === 200;
    const what = `the node that was away has sample ${index + 1} of ${SAMPLES}`;
    await waitUntil(what, isThere, { servers: cluster.servers, timeoutMs: CATCH_UP_TIMEOUT_MS });
  }
}
