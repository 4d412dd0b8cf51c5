/**
 * Each fault of a live cluster under load is seen: in `/health`, in `/metrics`, and by the exit
 * code of `mec status`. The simulator holds the nodes to ten seconds by its own clock
 * (`insight/health.test.ts`). Here the nodes are real processes, on a machine that may be busy.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import {
  healthAt,
  IllCluster,
  LIVE_FAULTS,
  type LiveFault,
  SEEN_LIMIT_MS,
} from '../fixtures/ill-cluster.ts';
import { readMetrics } from '../fixtures/prometheus.ts';
import { runMec } from '../fixtures/run-mec.ts';

async function metricsAt({ url }: TestNode): Promise<ReadonlyMap<string, number>> {
  const { text } = await send(`${url}/metrics`);
  return new Map([...readMetrics(text).values()].flatMap(({ samples }) => [...samples]));
}

/** Waits until a fault is seen by a node that does not have it. */
async function seen(
  t: TestContext,
  { cluster, teller, load }: IllCluster,
  { code, of, metric, isCritical = false }: LiveFault,
): Promise<void> {
  const startMs = performance.now();
  const note = (where: string): void =>
    t.diagnostic(`${code} in ${where}: ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  await eventually(
    `${code} of ${of ?? 'any node'} in /health`,
    async () => {
      const { reasons } = await healthAt(teller);
      const nodes = reasons.find((reason) => reason.code === code)?.nodes ?? [];
      return of === undefined ? nodes.length > 0 : nodes.includes(of);
    },
    SEEN_LIMIT_MS,
  );
  note('health');
  const [severity, exit] = isCritical ? ['critical', 2] : ['degraded', 1];
  const [at, name, shows] = metric;
  await eventually(
    `${code} in /metrics`,
    async () => {
      const own = await metricsAt(teller);
      const ill = own.get(`mec_health_reasons{code="${code}",severity="${severity}"}`) ?? 0;
      const value = (await metricsAt(cluster.node(at))).get(name);
      return own.get('mec_health') === exit && ill > 0 && value !== undefined && shows(value);
    },
    SEEN_LIMIT_MS,
  );
  note('metrics');
  const status = await runMec(['status', '--url', teller.url]);
  assert.equal(status.code, exit, status.out + status.err);
  assert.match(status.out, new RegExp(`^  ${code}  since `, 'm'));
  assert.equal((await send(`${teller.url}/health`)).status, isCritical ? 503 : 200);
  if (!isCritical) await load.progress(20);
}

test('each fault of a live cluster under load is seen', async (t) => {
  const ill = await IllCluster.start(t);
  for (const [name, fault] of Object.entries(LIVE_FAULTS)) {
    const skip = fault.whyNot?.(ill) ?? false;
    await t.test(name, { skip }, async (part) => {
      await fault.make(ill);
      await seen(part, ill, fault);
      await fault.mend(ill);
      await ill.well();
    });
  }
});
