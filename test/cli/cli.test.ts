/** The launcher, as users start it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { metaRow } from '../../src/storage/keyspace.ts';
import { openLevelEngine } from '../../src/storage/level.ts';
import { sealRecord } from '../../src/storage/records.ts';
import { eventually, freePorts, LAUNCHER } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';

interface Run {
  readonly pid: number;
  stdout: string;
  stderr: string;
  readonly exit: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

const mec = (t: TestContext, ...args: string[]): Run => mecIn(t, {}, args);

/** Runs the launcher with these environment variables. */
function mecIn(t: TestContext, env: Record<string, string>, args: readonly string[]): Run {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const run: Run = {
    pid: child.pid ?? 0,
    stdout: '',
    stderr: '',
    exit: new Promise((resolve) => child.once('close', resolve)),
    kill: (signal) => void child.kill(signal),
  };
  child.stdout.on('data', (chunk: Buffer) => (run.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (run.stderr += chunk.toString()));
  t.after(() => child.kill('SIGKILL'));
  return run;
}

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mec-cli-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function configFile(directory: string, text: string): Promise<string> {
  const file = join(directory, 'mec.toml');
  await writeFile(file, text);
  return file;
}

async function assertRefused(run: Run, pattern: RegExp): Promise<void> {
  assert.equal(await run.exit, 2, run.stderr);
  const lines = run.stderr.split('\n').filter((line) => line.startsWith('mec: '));
  assert.equal(lines.length, 1, run.stderr);
  assert.match(lines[0] as string, pattern);
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

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
        value: sealRecord({ format: 3, partitions: 256, name: 'x' }, metaRow('header')),
      },
    ],
    true,
  );
  await engine.close();
  await assertRefused(
    mec(t, '--config', file),
    /has format 3; this version reads formats 1 to 2\. Use the version that wrote it$/,
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

const devOn = (t: TestContext, port: number, ...args: string[]): Run =>
  mec(t, 'dev', '--port', String(port), '--httpport', String(port + 50), ...args);

async function startDev(t: TestContext, port: number, ...args: string[]): Promise<Run> {
  const run = devOn(t, port, ...args);
  await eventually(
    `the banner; so far: ${run.stdout} ${run.stderr}`,
    async () => run.stdout.includes('Ctrl-C stops the cluster.'),
    30_000,
  );
  return run;
}

test('mec dev prints a curl command that works, and keeps its data until --fresh', async (t) => {
  const data = join(await makeDirectory(t), 'dev');
  const port = await freePorts(60);
  const url = (i: number): string => `http://127.0.0.1:${port + 50 + i}/mec/hello`;
  const first = await startDev(t, port, '--data', data);
  for (let i = 0; i < 3; i++) assert.ok(first.stdout.includes(`http://127.0.0.1:${port + 50 + i}`));
  assert.ok(first.stdout.includes(`curl -i -X PUT ${url(0)} `));
  assert.match(first.stdout, /^n2 \| .* serving /m);
  assert.equal((await send(url(0), { method: 'PUT', body: 'Hello, world' })).status, 200);
  first.kill('SIGTERM');
  assert.equal(await first.exit, 0, first.stderr);
  assert.match(first.stdout, /n1 \| .* stopped/);

  const second = await startDev(t, port, '--data', data);
  assert.equal((await send(url(2))).text, 'Hello, world');
  second.kill('SIGINT');
  assert.equal(await second.exit, 0);

  const shape = mec(t, 'dev', '--nodes', '2', '--data', data);
  assert.equal(await shape.exit, 2);
  assert.match(shape.stderr, /holds 3 nodes .*leave n3.*--fresh/);

  const third = await startDev(t, port, '--data', data, '--fresh', '--nodes', '2');
  assert.equal((await send(url(1))).status, 404);
  third.kill('SIGTERM');
  assert.equal(await third.exit, 0);
});

test('a second mec dev on the same data is refused and changes nothing', async (t) => {
  const data = await makeDirectory(t);
  const port = await freePorts(60);
  const first = await startDev(t, port, '--data', data, '--nodes', '2');
  const files = ['cluster.json', 'n1/mec.toml', 'n2/mec.toml'];
  const read = (): Promise<string[]> =>
    Promise.all(files.map((file) => readFile(join(data, file), 'utf8')));
  const before = await read();
  for (const more of [[], ['--nodes', '4'], ['--nodes', '1'], ['--fresh']]) {
    const second = mec(
      t,
      'dev',
      '--port',
      String(port + 1),
      '--httpport',
      String(port + 52),
      '--data',
      data,
      ...more,
    );
    await assertRefused(second, /Another "mec dev" is using /);
    assert.deepEqual(await read(), before, more.join(' '));
  }
  assert.equal((await send(`http://127.0.0.1:${port + 50}/ping`)).status, 200);
  first.kill('SIGTERM');
  await first.exit;
  const after = await startDev(t, port, '--data', data);
  after.kill('SIGTERM');
  assert.equal(await after.exit, 0);
});

test('mec dev --fresh deletes only files of mec dev', async (t) => {
  const data = await makeDirectory(t);
  await mkdir(join(data, 'n1'));
  await writeFile(join(data, 'n1', 'precious'), 'mine');
  const port = await freePorts(60);
  const run = await startDev(t, port, '--data', data, '--fresh', '--nodes', '1');
  run.kill('SIGTERM');
  await run.exit;
  assert.ok((await stat(join(data, 'n1', 'precious'))).isFile());
});

test('the nodes of mec dev end when it is killed', async (t) => {
  const port = await freePorts(60);
  const run = await startDev(t, port, '--data', await makeDirectory(t), '--nodes', '1');
  run.kill('SIGKILL');
  await run.exit;
  await eventually('the node is gone', () =>
    send(`http://127.0.0.1:${port + 50}/ping`).then(
      () => false,
      () => true,
    ),
  );
  assert.equal(isAlive(run.pid), false);
});

test('mec dev refuses a port in use and names the option that changes it', async (t) => {
  const port = await freePorts(60);
  const data = await makeDirectory(t);
  for (const [taken, name, option] of [
    [port + 11, 'n2', '--port'],
    [port + 52, 'n3', '--httpport'],
  ] as const) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve));
    const reason = `port ${taken} of ${name} is not free; choose other ports with ${option}`;
    await assertRefused(devOn(t, port, '--data', data), new RegExp(`^mec: ${reason}$`));
    await new Promise((resolve) => server.close(resolve));
  }
});

test('mec dev ends with code 1 and the reason if its nodes are killed', async (t) => {
  const port = await freePorts(60);
  const run = await startDev(t, port, '--data', await makeDirectory(t), '--nodes', '2');
  for (const [i, signal] of (['SIGTERM', 'SIGKILL'] as const).entries()) {
    const { text } = await send(`http://127.0.0.1:${port + 50 + i}/status`);
    process.kill((JSON.parse(text) as { pid: number }).pid, signal);
    if (i === 0) await eventually('n1 ended', async () => /^n1 ended/m.test(run.stdout));
  }
  assert.equal(await run.exit, 1, run.stdout);
  assert.equal(run.stderr, 'mec: n2 ended (SIGKILL), and no other node is running\n');
});

test('mec dev ends with code 2 and the reason if a node cannot start', async (t) => {
  const data = await makeDirectory(t);
  await mkdir(join(data, 'n2'));
  await writeFile(join(data, 'n2', 'db'), 'not a directory');
  const run = devOn(t, await freePorts(60), '--data', data);
  await assertRefused(run, /^mec: n2 cannot start \(exit code 2\)$/);
  assert.match(run.stdout, /^n2 \| mec: .*db cannot be written/m);
});
