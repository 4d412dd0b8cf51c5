/** The log of a node: its form and level by the configuration, and SIGHUP reads the level again. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, freePorts, TestNode } from '../fixtures/cluster.ts';

test('SIGHUP reads the log level again, and ends no node, even if the file is wrong', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mec-reload-'));
  const node = new TestNode(directory, 'n1', { port: await freePorts(3) });
  t.after(async () => {
    await node.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });
  const logAt = (level: string): string => `[log]\nformat = "json"\nlevel = "${level}"\n`;
  await node.configure([], logAt('warn'));
  node.start();
  await eventually('it is ready', async () => (await node.status()).isReady);
  assert.equal(node.log, '', 'nothing below "warn" is written');
  await node.configure([], logAt('info'));
  node.signal('SIGHUP');
  await eventually('it tells', async () => node.log.includes('configuration read again'));
  const { time, ...line } = JSON.parse(node.log) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-/);
  const expected = { level: 'info', self: 'n1', event: 'configuration read again' };
  assert.deepEqual(line, { ...expected, level: 'info' });
  await writeFile(node.configFile, 'httpport = "x"\n');
  node.signal('SIGHUP');
  await eventually('it tells', async () => node.log.includes('configuration not read again'));
  assert.match(node.log, /httpport: expected a port/);
  assert.equal(node.ending, undefined);
  assert.equal((await node.status()).isReady, true);
});
