/**
 * Each fault of a live cluster under load is seen: in `/health`, in `/metrics`, and by the exit
 * code of `mec status`. The simulator holds the nodes to ten seconds by its own clock
 * (`insight/health.test.ts`). Here the nodes are real processes, on a machine that may be busy.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { HealthCode } from '../../src/cluster/insight/health-codes.ts';
import type { Health } from '../../src/cluster/insight/verdict.ts';
import { eventually, TestCluster, type TestNode } from '../fixtures/cluster.ts';
import { send, tokenOf } from '../fixtures/http.ts';
import { Load } from '../fixtures/load.ts';
import { PlantedFaults } from '../fixtures/planted-faults.ts';
import { readMetrics } from '../fixtures/prometheus.ts';
import { runMec } from '../fixtures/run-mec.ts';

const run = promisify(execFile);

/** Six times what is promised: a busy machine may be slow, and a fault that stays unseen fails. */
const LIMIT_MS = 60_000;

let cluster: TestCluster;
let directory: string;
let faults: PlantedFaults;
let load: Load;
/** The reason why the third node has no disk of limited size; undefined if it has one. */
let whyNoDisk: string | undefined;

const healthAt = async ({ url }: TestNode): Promise<Health> =>
  JSON.parse((await send(`${url}/health`)).text) as Health;

async function metricsAt({ url }: TestNode): Promise<ReadonlyMap<string, number>> {
  const { text } = await send(`${url}/metrics`);
  return new Map([...readMetrics(text).values()].flatMap(({ samples }) => [...samples]));
}

interface Sight {
  readonly code: HealthCode;
  /** The node that is ill; undefined if it may be any. */
  readonly of?: string;
  /** Another metric that shows the fault: the node that has it, its name, and whether it does. */
  readonly metric: readonly [at: number, name: string, shows: (value: number) => boolean];
  readonly exit?: number;
}

/** Waits until a fault is seen by a node that does not have it. */
async function seen(t: TestContext, { code, of, metric, exit = 1 }: Sight): Promise<void> {
  const startMs = performance.now();
  const teller = cluster.node(0);
  await eventually(
    `${code} of ${of ?? 'any node'} in /health`,
    async () => {
      const { reasons } = await healthAt(teller);
      const nodes = reasons.find((reason) => reason.code === code)?.nodes ?? [];
      return of === undefined ? nodes.length > 0 : nodes.includes(of);
    },
    LIMIT_MS,
  );
  t.diagnostic(`${code} after ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  const [at, name, shows] = metric;
  await eventually(
    `${code} in /metrics`,
    async () => {
      const own = await metricsAt(teller);
      const severity = exit === 1 ? 'degraded' : 'critical';
      const ill = own.get(`mec_health_reasons{code="${code}",severity="${severity}"}`) ?? 0;
      const value = (await metricsAt(cluster.node(at))).get(name);
      return own.get('mec_health') === exit && ill > 0 && value !== undefined && shows(value);
    },
    LIMIT_MS,
  );
  const status = await runMec(['status', '--url', teller.url]);
  assert.equal(status.code, exit, status.out + status.err);
  assert.match(status.out, new RegExp(`^  ${code}  since `, 'm'));
  if (exit === 1) await load.progress(20);
}

/** Waits until no node tells of a fault, except of damage, which is told for an hour. */
async function well(): Promise<void> {
  await cluster.connected();
  let told = '';
  await eventually('the cluster is well', async () => {
    const all = await Promise.all(cluster.nodes.map(healthAt));
    const codes = all.flatMap(({ reasons }) => reasons.map(({ code }) => code));
    told = codes.join(' ');
    return codes.every((code) => code === 'damage-found');
  }).catch((error: unknown) => {
    throw new Error(`nodes tell ${told}`, { cause: error });
  });
}

/** Gives the third node a disk of limited size, and its planted faults. */
async function prepare(node: TestNode): Promise<void> {
  if (node.name !== 'n3') return;
  node.environment = faults.environment;
  const disk = join(directory, 'disk');
  await mkdir(disk);
  whyNoDisk = await run('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'tmpfs', disk]).then(
    () => undefined,
    (error: Error) => `a disk of limited size needs root and mount: ${error.message}`,
  );
  await symlink(disk, node.root);
}

/** The faults, each of which is seen, and all but the last mended. */
const FAULTS: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  'a killed node': async (t) => {
    const victim = cluster.node(2);
    await victim.end('SIGKILL');
    const isDown = [0, 'mec_peer_up{peer="n3"}', (up: number) => up === 0] as const;
    await seen(t, { code: 'node-unreachable', of: 'n3', metric: isDown });
    victim.start();
    await well();
  },

  'a hung node': async (t) => {
    cluster.node(2).signal('SIGSTOP');
    const isDown = [0, 'mec_peer_up{peer="n3"}', (up: number) => up === 0] as const;
    await seen(t, { code: 'node-unreachable', of: 'n3', metric: isDown });
    cluster.node(2).signal('SIGCONT');
    await well();
  },

  'a clock an hour off': async (t) => {
    faults.set({ clockMs: 3_600_000 });
    const isOff = (seconds: number): boolean => Math.abs(seconds - 3_600) < 60;
    const metric = [0, 'mec_peer_clock_skew_seconds{peer="n3"}', isOff] as const;
    await seen(t, { code: 'clock-skew', of: 'n3', metric });
    faults.set({});
    await well();
  },

  'a key with 50 siblings': async (t) => {
    const node = cluster.node(0);
    for (let i = 0; i < 50; i++) {
      const { status, text } = await node.key('many?w=all', { method: 'PUT', body: `${i}` });
      assert.equal(status, 200, text);
    }
    const metric = [0, 'mec_store_most_siblings', (most: number) => most === 50] as const;
    await seen(t, { code: 'many-siblings', of: 'n2', metric });
    const headers = { 'X-Mec-Vclock': tokenOf(await node.key('many')) };
    await node.key('many', { method: 'PUT', body: 'resolved', headers });
    await well();
  },

  'a pull that gets no answer': async (t) => {
    faults.set({ isSilent: true });
    // A try ends after ten seconds, and the next one continues its age.
    const isOld = (seconds: number): boolean => seconds > 15;
    await seen(t, { code: 'sync-stuck', metric: [0, 'mec_sync_oldest_pull_seconds', isOld] });
    faults.set({});
    await well();
  },

  'a damaged record': async (t) => {
    const store = join(cluster.node(2).root, 'leveldb');
    await Promise.all((await tablesIn(store)).map(loseSector));
    const metric = [2, 'mec_store_damaged_total', (found: number) => found > 0] as const;
    await seen(t, { code: 'damage-found', of: 'n3', metric });
    await well();
  },

  'a full disk': async (t) => {
    if (whyNoDisk !== undefined) {
      t.skip(whyNoDisk);
      return;
    }
    const filler = join(cluster.node(2).root, 'filler');
    await run('sh', ['-c', 'cat /dev/zero > "$0"; true', filler]);
    const metric = [2, 'mec_store_up', (up: number) => up === 0] as const;
    await seen(t, { code: 'disk-full', of: 'n3', metric });
    await rm(filler);
    await well();
  },

  'two nodes of three that are down are critical': async (t) => {
    await load.stop();
    await Promise.all([1, 2].map((at) => cluster.node(at).end('SIGKILL')));
    const metric = [0, 'mec_peer_up{peer="n2"}', (up: number) => up === 0] as const;
    await seen(t, { code: 'quorum-lost', of: 'n1', metric, exit: 2 });
    assert.equal((await send(`${cluster.node(0).url}/health`)).status, 503);
  },
};

test('each fault of a live cluster under load is seen', async (t) => {
  directory = await mkdtemp(join(tmpdir(), 'mec-sight-'));
  faults = new PlantedFaults(join(directory, 'faults'));
  cluster = await TestCluster.start(t, { prepare });
  t.after(async () => {
    await cluster.node(2).end('SIGKILL');
    if (whyNoDisk === undefined) await run('umount', [join(directory, 'disk')]);
    await rm(directory, { recursive: true, force: true });
  });
  load = new Load(t, () => cluster.nodes.slice(0, 2), { clients: 4, pauseMs: 20 });
  await load.progress(100);
  await well();
  for (const [name, isSeen] of Object.entries(FAULTS)) await t.test(name, isSeen);
});

async function tablesIn(store: string): Promise<string[]> {
  const names = (await readdir(store)).filter((name) => name.endsWith('.ldb'));
  assert.ok(names.length > 0, 'a start writes what the log held into a table');
  return names.map((name) => join(store, name));
}

/** Overwrites a sector in the middle of a file in place, as the database has the file open. */
async function loseSector(path: string): Promise<void> {
  const { size } = await stat(path);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(512), 0, 512, Math.floor(size / 2));
  await file.close();
}
