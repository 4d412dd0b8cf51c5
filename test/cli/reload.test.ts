/** SIGHUP reads the configuration again: changes that count at once, and those that cannot. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { eventually, freePorts, TestNode } from '../fixtures/cluster.ts';
import { parseMultipart, send } from '../fixtures/http.ts';

type LogLine = Readonly<Record<string, unknown>>;

/** The lines of a JSON log with this event. */
const linesOf = ({ log }: TestNode, event: string): LogLine[] =>
  log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine)
    .filter((line) => line['event'] === event);

const READ_AGAIN = 'configuration read again';

/** A node alone, with this at the end of its configuration file. */
async function started(t: TestContext, extra: string): Promise<TestNode> {
  const directory = await mkdtemp(join(tmpdir(), 'mec-reload-'));
  const node = new TestNode(directory, 'n1', { port: await freePorts(3) });
  t.after(async () => {
    await node.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });
  await node.configure([], extra);
  node.start();
  await eventually('it is ready', async () => (await node.status()).isReady);
  return node;
}

/** Changes the configuration file. Resolves with the line in the log about it. */
async function reload(node: TestNode, extra: string): Promise<LogLine> {
  const before = linesOf(node, READ_AGAIN).length;
  await node.configure([], extra);
  node.signal('SIGHUP');
  await eventually('it tells', async () => linesOf(node, READ_AGAIN).length > before);
  return linesOf(node, READ_AGAIN).at(-1) ?? assert.fail();
}

test('SIGHUP reads the log level again, and ends no node, even if the file is wrong', async (t) => {
  const logAt = (level: string): string => `[log]\nformat = "json"\nlevel = "${level}"\n`;
  const node = await started(t, logAt('warn'));
  assert.equal(node.log, '', 'nothing below "warn" is written');
  const { time, ...line } = await reload(node, logAt('info'));
  assert.match(String(time), /^\d{4}-/);
  const expected = { level: 'info', self: 'n1', event: READ_AGAIN };
  assert.deepEqual(line, { ...expected, changed: 'log.level' });
  await writeFile(node.configFile, 'httpport = "x"\n');
  node.signal('SIGHUP');
  await eventually('it tells', async () => node.log.includes('configuration not read again'));
  assert.match(node.log, /httpport: expected a port/);
  assert.equal(node.ending, undefined);
  assert.equal((await node.status()).isReady, true);
});

test('limits, hosts, origins, slow requests and policies change while a node runs', async (t) => {
  const LOG = '[log]\nformat = "json"\n';
  const node = await started(t, LOG);
  const put = (key: string, body: string): ReturnType<typeof send> =>
    node.key(key, { method: 'PUT', body });
  const foreign = (): Promise<number> =>
    send(`${node.url}/mec/page`, {
      method: 'PUT',
      body: 'x',
      headers: { Origin: 'https://app.example' },
    }).then(({ status }) => status);
  const named = (): Promise<number> =>
    send(`${node.url}/ping`, { headers: { Host: 'db.example' } }).then(({ status }) => status);
  for (const value of ['a', 'b']) await put('last:k', value);
  assert.equal(parseMultipart(await node.key('last:k')).length, 2);
  assert.equal((await put('large', 'x'.repeat(2_000))).status, 200);
  assert.deepEqual([await foreign(), await named()], [403, 421]);
  const { changed } = await reload(
    node,
    '[http]\nmaxvalue = "1KiB"\norigins = ["https://app.example"]\nhosts = ["DB.example"]\n' +
      '[quorum]\ntimeout = "2s"\n[log]\nformat = "json"\nslow = "1ms"\nkeys = true\n' +
      '[[policy]]\nprefix = "last:"\nsiblings = "last-write-wins"\n',
  );
  const keys = 'quorum.timeout http.maxvalue http.origins http.hosts log.slow log.keys policy';
  assert.equal(changed, keys);
  assert.equal((await put('large', 'x'.repeat(2_000))).status, 413);
  assert.deepEqual([await foreign(), await named()], [200, 200]);
  assert.equal((await node.key('last:k')).text, 'b');
  assert.equal((await node.status()).quorum.timeoutMs, 2_000);
  await eventually('a slow request is told with its key', async () => {
    await put('slow-key', 'x');
    return linesOf(node, 'slow request').some(({ key }) => key === 'slow-key');
  });
  await reload(node, LOG);
  assert.equal((await put('large', 'x'.repeat(2_000))).status, 200);
});

test('a change that needs a restart is refused with its keys, and the others count', async (t) => {
  const node = await started(t, '[log]\nformat = "json"\n');
  const { changed } = await reload(
    node,
    'zone = "a"\n[quorum]\nn = 5\n[log]\nformat = "json"\nslow = "9s"\n',
  );
  assert.equal(changed, 'log.slow');
  const [line] = linesOf(node, 'change of the configuration needs a restart');
  assert.deepEqual([line?.['level'], line?.['keys']], ['warn', 'zone quorum.n']);
  const { quorum, zone } = await node.status();
  assert.deepEqual([quorum.n, zone], [3, undefined]);
});
