/** The launcher, as users start it. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { metaRow } from '../../src/storage/keyspace.ts';
import { openLevelEngine } from '../../src/storage/level.ts';
import { sealRecord } from '../../src/storage/records.ts';
import { eventually, freePorts } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { assertRefused, configFile, makeDirectory, mec, mecIn } from '../fixtures/watched-mec.ts';

test('mec --help names commands and options, and mec --version prints the version', async (t) => {
  const help = mec(t, '--help');
  assert.equal(await help.exit, 0);
  assert.match(help.stdout, /^Usage: mec \[options\] \[command\]$/m);
  for (const word of ['--config', 'dev', '--version']) assert.ok(help.stdout.includes(word), word);
  const version = mec(t, '--version');
  assert.equal(await version.exit, 0);
  const manifest = JSON.parse(
    await readFile(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as {
    version: string;
  };
  assert.equal(version.stdout.trim(), manifest.version);
});

test('a usage error exits with code 2 and one sentence', async (t) => {
  for (const args of [
    [],
    ['--nonsense'],
    ['nonsense'],
    ['dev', '--nodes', '0'],
    ['dev', '--nodes', 'x'],
    ['--config'],
  ]) {
    const run = mec(t, ...args);
    assert.equal(await run.exit, 2, args.join(' '));
    assert.match(run.stderr, /^mec: [^\n]+\n$/, args.join(' '));
  }
  for (const [args, meant] of [
    [['gett', 'a', '--json'], 'did you mean "get"?'],
    [['pt', 'key', 'value'], 'did you mean "put"?'],
    [['set', 'key', 'value'], 'did you mean "put"?'],
    [['rm', 'key', '--r', '1'], 'did you mean "delete"?'],
    [['rign', 'key'], 'did you mean "ring"?'],
    [['stat'], 'did you mean "status"?'],
    [['constructor'], 'see mec --help'],
  ] as const) {
    const run = mec(t, ...args);
    assert.equal(await run.exit, 2);
    assert.equal(run.stderr, `mec: unknown command "${args[0]}"; ${meant}\n`);
  }
});

test('a missing or invalid configuration exits with code 2 and one line', async (t) => {
  const directory = await makeDirectory(t);
  await assertRefused(
    mec(t, '--config', join(directory, 'none.toml')),
    /^mec: Cannot read the configuration .*none\.toml: /,
  );
  const file = await configFile(directory, 'httpprot = 3000\n');
  await assertRefused(
    mec(t, '--config', file),
    /mec\.toml:1: httpprot: unknown key; did you mean "httpport"\?$/,
  );
});

test('a store that cannot be opened exits with code 2 and one line', async (t) => {
  const directory = await makeDirectory(t);
  const port = await freePorts(3);
  const root = join(directory, 'db');
  const file = await configFile(directory, `port = ${port}\nhttpport = ${port + 2}\nroot = "db"\n`);
  const engine = await openLevelEngine(root);
  await assertRefused(mec(t, '--config', file), /db is in use by another process$/);
  await engine.commit(
    [
      {
        key: metaRow('header'),
        value: sealRecord({ format: 4, partitions: 256, name: 'x' }, metaRow('header')),
      },
    ],
    true,
  );
  await engine.close();
  await assertRefused(
    mec(t, '--config', file),
    /has format 4; this version reads formats 1 to 3\. Use the version that wrote it$/,
  );
  await rm(root, { recursive: true });
  await writeFile(root, 'not a directory');
  await assertRefused(mec(t, '--config', file), /db cannot be written/);
  // Some file systems report that the parent directory is missing.
  await configFile(
    directory,
    `name = "n1"\nport = ${port}\nhttpport = ${port + 2}\nroot = "/proc/mec/db"\n`,
  );
  await assertRefused(mec(t, '--config', file), /\/proc\/mec\/db cannot be written: /);
  // A missing name is drawn, and stored there.
  await configFile(directory, `port = ${port}\nhttpport = ${port + 2}\nroot = "/proc/mec/db"\n`);
  await assertRefused(mec(t, '--config', file), /\/proc\/mec\/db cannot be written: /);
});

/** A module that lets every opened file find the disk full. */
const FULL_DISK = `data:text/javascript,${encodeURIComponent(`
  import fs from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  fs.open = async () => { throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }); };
  syncBuiltinESMExports();
`)}`;

test('a full disk at the start exits with code 1 and one line', async (t) => {
  const directory = await makeDirectory(t);
  const port = await freePorts(3);
  const file = await configFile(
    directory,
    `name = "n1"\nport = ${port}\nhttpport = ${port + 2}\nroot = "db"\n`,
  );
  const run = mecIn(t, { NODE_OPTIONS: `--import=${FULL_DISK}` }, ['--config', file]);
  assert.equal(await run.exit, 1, run.stderr);
  assert.match(run.stderr, /^mec: .*no space left/m);
});

test('a port in use exits with code 2 and one line, which names the key that changes it', async (t) => {
  const directory = await makeDirectory(t);
  const port = await freePorts(3);
  const file = await configFile(directory, `port = ${port}\nhttpport = ${port + 2}\nroot = "db"\n`);
  for (const [taken, pattern] of [
    [port, /Cannot listen on tcp.*; change port in the configuration$/],
    [port + 1, /Cannot listen on tcp.*; change port in the configuration$/],
    [port + 2, /Cannot listen on http.*; change httpport in the configuration$/],
  ] as const) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve));
    await assertRefused(mec(t, '--config', file), pattern);
    await new Promise((resolve) => server.close(resolve));
  }
});

test('a node without a configured name draws one and keeps it', async (t) => {
  const directory = await makeDirectory(t);
  const port = await freePorts(3);
  const file = await configFile(directory, `port = ${port}\nhttpport = ${port + 2}\nroot = "db"\n`);
  const names: unknown[] = [];
  for (let i = 0; i < 2; i++) {
    const run = mec(t, '--config', file);
    const url = `http://127.0.0.1:${port + 2}`;
    await eventually('it serves', async () => (await send(`${url}/ping`)).status === 200);
    names.push((JSON.parse((await send(`${url}/status`)).text) as { name: string }).name);
    run.kill('SIGINT');
    assert.equal(await run.exit, 0, run.stderr);
  }
  assert.match(String(names[0]), /^mec-[0-9a-z]{10}$/);
  assert.equal(names[0], names[1]);
});
