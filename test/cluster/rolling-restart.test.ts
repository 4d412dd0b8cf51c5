/** `examples/rolling-restart.sh` on a real cluster, while clients read and write. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LAUNCHER, pause, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { type Response, send, type SendOptions } from '../fixtures/http.ts';
import { missing } from '../fixtures/load.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../../../examples/rolling-restart.sh', import.meta.url));
const skip = await run('curl', ['--version']).then(
  () => false,
  () => 'curl is not installed',
);

/**
 * Ends a process by its id, and starts a new one after a pause, without waiting until it serves.
 */
const RESTART = `kill "$PID"; while kill -0 "$PID" 2> /dev/null; do sleep 0.1; done
  (sleep 2; exec "${process.execPath}" "${LAUNCHER}" --config "$DIRECTORY/$NAME.toml") > /dev/null 2>&1 &
  echo $! >> "$DIRECTORY/pids"`;

/**
 * Sends one request of a client that tries each node at most once, and the next one if a node does
 * not serve. Returns the reason if the request fails.
 */
async function ask(
  nodes: readonly TestNode[],
  key: string,
  sent?: SendOptions,
): Promise<Response | string> {
  const reasons: string[] = [];
  const first = Math.floor(Math.random() * nodes.length);
  for (const node of [...nodes.slice(first), ...nodes.slice(0, first)]) {
    const response = await node.key(key, sent).catch(String);
    if (typeof response === 'object' && response.status === 200) return response;
    reasons.push(typeof response === 'string' ? response : `${response.status} ${response.text}`);
  }
  return reasons.join('; ');
}

async function pids(cluster: TestCluster): Promise<number[]> {
  const statuses = cluster.nodes.map((node) =>
    node.status().then(
      ({ pid }) => [pid],
      () => [],
    ),
  );
  return (await Promise.all(statuses)).flat();
}

/** Ends what the script has started, whether it serves or not. */
async function killAll(directory: string): Promise<void> {
  const started = await readFile(`${directory}/pids`, 'utf8').catch(() => '');
  for (const pid of started.split('\n').filter(Boolean).map(Number)) {
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
  const directory = dirname(cluster.node(0).configFile);
  const before = await pids(cluster);
  const urls = cluster.nodes.map(({ url }) => url);
  const acknowledged = new Map<string, string>();
  const failures: string[] = [];
  let reads = 0;
  const over = new AbortController();
  const load = async (lane: number): Promise<void> => {
    for (let i = 0; !over.signal.aborted; i++) {
      const key = `restart-${lane}-${i}`;
      const written = await ask(cluster.nodes, key, { method: 'PUT', body: 'v' });
      if (typeof written === 'string') failures.push(written);
      else acknowledged.set(key, 'v');
      const read = await ask(cluster.nodes, key);
      if (typeof read === 'string' || read.text !== 'v')
        failures.push(`${key}: ${JSON.stringify(read)}`);
      else reads += 1;
      await pause(5);
    }
  };
  const lanes = [0, 1, 2, 3].map(load);
  try {
    const env = { ...process.env, DIRECTORY: directory };
    const { stdout } = await run('sh', [SCRIPT, RESTART, ...urls], { env, timeout: 120_000 });
    assert.equal(stdout, 'n1 is restarted\nn2 is restarted\nn3 is restarted\n');
    const after = await pids(cluster);
    over.abort();
    await Promise.all(lanes);
    assert.deepEqual(failures, []);
    assert.equal(after.length, 3, 'all serve when the script ends');
    assert.ok(reads > 20, `${reads} reads`);
    assert.ok(after.every((pid) => !before.includes(pid)));
    for (const at of [0, 1, 2]) assert.deepEqual(await missing(cluster, acknowledged, { at }), []);
    t.diagnostic(`${acknowledged.size} writes, ${reads} reads, none failed`);
  } finally {
    over.abort();
    await Promise.all(lanes);
    await killAll(directory);
  }
});

test('a node that does not come back stops the rolling restart', { skip }, async (t) => {
  const cluster = await TestCluster.start(t);
  const urls = cluster.nodes.map(({ url }) => url);
  const env = { ...process.env, PATIENCE: '2' };
  const outcome = await run('sh', [SCRIPT, 'kill "$PID"', ...urls], {
    env,
    timeout: 60_000,
  }).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  );
  assert.equal(outcome?.code, 1);
  assert.match(outcome.stderr, /not so after 2 s: n1 serves again\n$/);
  for (const at of [1, 2]) assert.equal((await send(`${cluster.node(at).url}/ping`)).status, 200);
  const usage = await run('sh', [SCRIPT]).catch((error: { code: number }) => error);
  assert.equal((usage as { code: number }).code, 2);
});
