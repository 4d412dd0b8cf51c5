/** Nodes and clusters in this process. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { LogFields } from '../../src/base/env.ts';
import { silentLog, systemRandom } from '../../src/base/system.ts';
import { MecClient } from '../../src/client/index.ts';
import { findFreePorts } from '../../src/embed/free-ports.ts';
import { isTaken } from '../../src/embed/start-node.ts';
import { startCluster, startNode, StartError, streamLog } from '../../src/index.ts';
import { eventually, freePorts } from '../fixtures/cluster.ts';

const run = promisify(execFile);
const INDEX = new URL('../../src/index.js', import.meta.url).href;
const CLIENT = new URL('../../src/client/index.js', import.meta.url).href;

async function scratch(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mec-embed-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('a program ends by itself after it has closed its node or cluster', async () => {
  const program = (start: string): string => `
    import { startCluster, startNode } from '${INDEX}';
    import { MecClient } from '${CLIENT}';
    const started = await ${start};
    await new MecClient(started.urls ?? started.url).put('k', 1);
    await Promise.all([started.close(), started.close()]);
    const left = process.getActiveResourcesInfo();
    console.log(JSON.stringify(left.filter((name) => name !== 'PipeWrap' && name !== 'TTYWrap')));
  `;
  for (const start of ['startNode()', 'startCluster()', 'startNode({ root: process.env.ROOT })']) {
    const root = await mkdtemp(join(tmpdir(), 'mec-embed-'));
    const args = ['--input-type=module', '-e', program(start)];
    const { stdout, stderr } = await run(process.execPath, args, {
      timeout: 30_000,
      env: { ...process.env, ROOT: root },
    });
    await rm(root, { recursive: true });
    // The client's own connection may be idle for a moment. Node does not wait for it.
    assert.deepEqual(
      [
        JSON.parse(stdout.replaceAll('"TCPSocketWrap",', '').replaceAll('"TCPSocketWrap"', '')),
        stderr,
      ],
      [[], ''],
      start,
    );
  }
});

test('isTaken tells an address in use from one that this machine does not have', async (t) => {
  const first = await startNode();
  t.after(() => first.close());
  const { port, httpport } = first.config;
  const failure = (options: object): Promise<unknown> =>
    startNode(options).then(
      () => assert.fail('the node must not start'),
      (error: unknown) => error,
    );
  const free = await freePorts(3);
  for (const taken of [
    { port, httpport: free },
    { port: free, httpport },
  ]) {
    const error = await failure(taken);
    assert.ok(error instanceof StartError && isTaken(error), String(error));
    assert.match(error.message, /^Cannot listen on /);
  }
  // An address of documentation (RFC 5737), which no machine has. Another port would not help.
  const elsewhere = await failure({
    host: '203.0.113.1',
    port: free,
    httpport: free + 2,
    security: { mode: 'insecure' },
  });
  assert.ok(elsewhere instanceof StartError && !isTaken(elsewhere), String(elsewhere));
  const advice = /^Cannot listen on .*; change host in the configuration$/;
  assert.match(elsewhere.message, advice, 'a given port is not replaced');
});

test('a free port is none that fetch refuses', async () => {
  const port = await findFreePorts('127.0.0.1', 1, { ...systemRandom, uint32: () => 0 });
  for (const [tried, isRefused] of [
    [10_080, true],
    [port, false],
  ] as const) {
    // There is no server: only the cause tells whether `fetch` has tried the port.
    const error = await fetch(`http://127.0.0.1:${tried}/`).catch((thrown: Error) => thrown);
    assert.ok(error instanceof Error);
    assert.equal(String(error.cause).includes('bad port'), isRefused, String(error.cause));
  }
});

test('a node on disk keeps its data and locks its directory', async (t) => {
  const root = await scratch(t);
  const first = await startNode({ root, name: 'lasting' });
  await new MecClient<string>(first.url).put('k', 'kept');
  await assert.rejects(startNode({ root }), StartError);
  await first.close();
  const second = await startNode({ root, name: 'lasting' });
  const read = await new MecClient<string>(second.url).get('k');
  await second.close();
  assert.ok(read.kind === 'value' && read.value === 'kept');
});

test('a node on disk keeps the name that it has drawn', async (t) => {
  const root = await scratch(t);
  const first = await startNode({ root });
  await first.close();
  const second = await startNode({ root });
  await second.close();
  assert.equal(second.name, first.name);
});

test('startNode checks its options like the configuration file', async () => {
  const wrong: [object, RegExp][] = [
    [{ name: 'no spaces' }, /startNode: name: expected up to 64 letters/],
    [{ quorum: { n: 0 } }, /quorum.n|startNode: n: expected/],
    [{ quorum: { timeout: 5 } }, /timeout: expected a time/],
    [{ htpport: 3000 }, /htpport: unknown key; did you mean "httpport"/],
    [{ http: { maxvalue: 'much' } }, /maxvalue: expected a size/],
  ];
  for (const [options, says] of wrong) {
    await assert.rejects(
      startNode(options),
      (error) => error instanceof StartError && says.test(error.message),
      JSON.stringify(options),
    );
  }
  await assert.rejects(startCluster({ nodes: 0 }), StartError);
  const node = await startNode({
    name: 'me',
    quorum: { timeout: '700ms' },
    http: { maxvalue: '10B' },
  });
  assert.equal(node.name, 'me');
  assert.equal(node.config.quorum.timeoutMs, 700);
  await assert.rejects(new MecClient(node.url).put('k', 'longer than that'), {
    code: 'value-too-large',
  });
  await node.close();
});

test('a node that cannot start because its port is in use leaves nothing open', async (t) => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  t.after(() => holder.close());
  const { port } = holder.address() as { port: number };
  const root = await scratch(t);
  await assert.rejects(
    startNode({ httpport: port, root }),
    (error) => error instanceof StartError && /Cannot listen/.test(error.message),
  );
  const node = await startNode({ root });
  await node.close();
});

test('a node joins the cluster of the address that it is given, and no other', async (t) => {
  const first = await startNode({ name: 'first' });
  t.after(() => first.close());
  const { host, port } = first.config;
  const second = await startNode({ name: 'second', node: [{ host, port }] });
  t.after(() => second.close());
  const elsewhere = await startNode();
  t.after(() => elsewhere.close());
  await new MecClient<number>(first.url, { deadlineMs: 20_000 }).put('k', 1, { w: 2 });
  const read = await new MecClient<number>(second.url).get('k', { r: 'one' });
  assert.ok(read.kind === 'value' && read.value === 1);
  assert.equal((await new MecClient<number>(elsewhere.url).get('k')).kind, 'missing');
});

test('a cluster on disk keeps its data and writes to the given log', async (t) => {
  const root = await scratch(t);
  let logged = '';
  const log = streamLog({ write: (text) => (logged += text) });
  const cluster = await startCluster({ root, log });
  await new MecClient<number>(cluster.urls).put('k', 7, { w: 'all' });
  await cluster.close();
  assert.match(logged, / info /);
  // Nodes are identified by name, so different ports do not matter.
  const again = await startCluster({ root });
  const read = await new MecClient<number>(again.urls).get('k');
  await again.close();
  assert.ok(read.kind === 'value' && read.value === 7);
});

test('an embedded node takes the table [log], with lines to a log or to stderr', async (t) => {
  const slow: LogFields[] = [];
  const to = { ...silentLog, warn: (_: string, fields: LogFields = {}) => void slow.push(fields) };
  const node = await startNode({ log: { slow: '1ms', keys: true, to } });
  t.after(() => node.close());
  const client = new MecClient<number>(node.url);
  await eventually('a slow request is told with its key', async () => {
    await client.put('slow-key', 1);
    return slow.some(({ key }) => key === 'slow-key');
  });
  await assert.rejects(startNode({ log: { level: 'warn', to } }), {
    name: 'StartError',
    message: 'startNode: log.level: the log in "to" has its own; set it there',
  });
  await assert.rejects(startNode({ log: { slow: 'soon' } }), /log\.slow: expected a time/);
  const script = `
    import { startNode } from '${INDEX}';
    const node = await startNode({ name: 'n1', log: { format: 'json', level: 'info' } });
    await node.close();`;
  const { stderr } = await run(process.execPath, ['--input-type=module', '--eval', script]);
  assert.match(stderr, /^\{.*"level":"info","self":"n1"/);
});

test('writes on both sides of a cut network become siblings when it heals', async (t) => {
  const cluster = await startCluster({ nodes: 4 });
  t.after(() => cluster.close());
  cluster.partition([0, 1], [2, 3]);
  const [left, right] = [cluster.urls.slice(0, 2), cluster.urls.slice(2)].map(
    (urls) => new MecClient<string>(urls, { deadlineMs: 30_000 }),
  );
  await Promise.all([left?.put('k', 'left'), right?.put('k', 'right')]);
  const here = await left?.get('k');
  assert.ok(here?.kind === 'value' && here.value === 'left');
  cluster.heal();
  await cluster.whole();
  const both = await new MecClient<string>(cluster.urls).get('k', { r: 'all' });
  assert.ok(both.kind === 'siblings');
  // Each value once, even if a client sent its write again to another node.
  assert.deepEqual(both.siblings.map(({ value }) => value).sort(), ['left', 'right']);
});
