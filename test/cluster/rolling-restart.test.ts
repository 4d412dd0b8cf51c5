/** `examples/rolling-restart.sh` on a real cluster, while clients read and write. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MecClient } from '../../src/doors/client/client.ts';
import { LAUNCHER, pause, TestCluster } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { missing } from '../fixtures/load.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../../../examples/rolling-restart.sh', import.meta.url));
const skip = await run('curl', ['--version']).then(
  () => false,
  () => 'curl is not installed',
);

/** Ends a process by its id, and resolves when it has ended. */
const RESTART = `kill "$PID"; while kill -0 "$PID" 2> /dev/null; do sleep 0.1; done
  "${process.execPath}" "${LAUNCHER}" --config "$DIRECTORY/$NAME.toml" > /dev/null 2>&1 &`;

async function pids(cluster: TestCluster): Promise<number[]> {
  const statuses = cluster.nodes.map((node) =>
    node.status().then(
      ({ pid }) => [Number(pid)],
      () => [],
    ),
  );
  return (await Promise.all(statuses)).flat();
}

async function killAll(processes: readonly number[]): Promise<void> {
  for (const pid of processes) {
    try {
      process.kill(pid, 'SIGKILL');
      for (;;) {
        process.kill(pid, 0);
        await pause(10);
      }
    } catch {
      // It has ended.
    }
  }
}

test('a rolling restart fails no request and loses no write', { skip }, async (t) => {
  const cluster = await TestCluster.start(t);
  const before = await pids(cluster);
  const urls = cluster.nodes.map(({ url }) => url);
  const client = new MecClient<string>(urls);
  const acknowledged = new Map<string, string>();
  const failures: unknown[] = [];
  let reads = 0;
  const over = new AbortController();
  const load = async (lane: number): Promise<void> => {
    for (let i = 0; !over.signal.aborted; i++) {
      const key = `restart-${lane}-${i}`;
      try {
        await client.put(key, 'v');
        acknowledged.set(key, JSON.stringify('v'));
        const read = await client.get(key);
        assert.equal(read.kind, 'value', key);
        reads += 1;
      } catch (error) {
        failures.push(error);
      }
      await pause(5);
    }
  };
  const lanes = [0, 1, 2, 3].map(load);
  try {
    const env = { ...process.env, DIRECTORY: fileURLToPath(new URL('.', `file://${cluster.node(0).configFile}`)) };
    const { stdout } = await run('sh', [SCRIPT, RESTART, ...urls], { env, timeout: 120_000 });
    assert.equal(stdout, 'n1 is restarted\nn2 is restarted\nn3 is restarted\n');
    over.abort();
    await Promise.all(lanes);
    assert.deepEqual(failures, []);
    assert.ok(reads > 50, `${reads} reads`);
    const after = await pids(cluster);
    assert.equal(after.length, 3);
    assert.ok(after.every((pid) => !before.includes(pid)));
    for (const at of [0, 1, 2]) assert.deepEqual(await missing(cluster, acknowledged, { at }), []);
    t.diagnostic(`${acknowledged.size} writes, ${reads} reads, none failed`);
  } finally {
    over.abort();
    await Promise.all(lanes);
    await killAll(await pids(cluster));
  }
});

test('a node that does not come back stops the restart, and the others stay', { skip }, async (t) => {
  const cluster = await TestCluster.start(t);
  const urls = cluster.nodes.map(({ url }) => url);
  const env = { ...process.env, PATIENCE: '2' };
  const outcome = await run('sh', [SCRIPT, 'kill "$PID"', ...urls], { env, timeout: 60_000 }).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  );
  assert.equal(outcome?.code, 1);
  assert.match(outcome.stderr, /not so after 2 s: n1 serves again\n$/);
  for (const at of [1, 2]) assert.equal((await send(`${cluster.node(at).url}/ping`)).status, 200);
  const usage = await run('sh', [SCRIPT]).catch((error: { code: number }) => error);
  assert.equal((usage as { code: number }).code, 2);
});
