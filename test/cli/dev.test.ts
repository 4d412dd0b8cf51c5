/** `mec dev`, as users start it: its data, its ports, and its end. */
import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { eventually, freePorts } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { sendSecured } from '../fixtures/secured.ts';
import { assertRefused, isAlive, makeDirectory, mec, type Run } from '../fixtures/watched-mec.ts';

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

test('mec dev --secure makes a secured cluster, and says how to talk to it', async (t) => {
  const data = join(await makeDirectory(t), 'dev');
  const port = await freePorts(60);
  const url = (i: number): string => `https://127.0.0.1:${port + 50 + i}`;
  const first = await startDev(t, port, '--data', data, '--secure');
  const [, client = ''] = /export MEC_CLIENT="(.*)"/.exec(first.stdout) ?? [];
  const remote = ['--client', client];
  assert.equal((await runMec(['put', 'hello', 'world', ...remote])).code, 0);
  const [, header = ''] = /-H @"([^"]+)"/.exec(first.stdout) ?? [];
  const [, token = ''] = /Bearer (mec_\w+)/.exec(await readFile(header, 'utf8')) ?? [];
  const ca = await readFile(/--cacert "([^"]+)"/.exec(first.stdout)?.[1] ?? '', 'utf8');
  assert.equal((await sendSecured(`${url(2)}/mec/hello`, ca, { token })).text, 'world');
  assert.equal((await sendSecured(`${url(2)}/mec/hello`, ca)).status, 401);
  assert.ok(!first.stdout.includes(token), 'a terminal keeps its lines');
  // Its page is as good as its terminal: it has the same rights.
  const [page = ''] = /http:\/\/127\.0\.0\.1:\d+\/\w+\//.exec(first.stdout) ?? [];
  assert.equal((await send(`${page}any/mec/hello`)).text, 'world');
  const load = await send(`${page}toys`, { method: 'POST', body: '{"word":"load","names":[]}' });
  assert.match(load.text, /the load runs/);
  await eventually('the load writes', async () => {
    const { text } = await sendSecured(`${url(0)}/mec?prefix=load:&limit=1`, ca, { token });
    return text.includes('"load:');
  });
  const add = await send(`${page}toys`, { method: 'POST', body: '{"word":"add","names":[]}' });
  assert.match(add.text, /keeps the nodes that it was made with/);
  first.kill('SIGTERM');
  assert.equal(await first.exit, 0, first.stderr);

  // The kept data says that it is secured.
  const again = await startDev(t, port, '--data', data);
  assert.equal((await runMec(['get', 'hello', ...remote])).out, 'world');
  again.kill('SIGTERM');
  await again.exit;
  const open = await startDev(t, port, '--data', `${data}-open`, '--nodes', '1');
  open.kill('SIGTERM');
  await open.exit;
  await assertRefused(devOn(t, port, '--data', `${data}-open`, '--secure'), /without security/);
});
