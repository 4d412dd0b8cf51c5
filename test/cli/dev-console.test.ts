/** The console of `mec dev`, through the launcher: nodes stop, die, hang, join and leave as somebody types it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ServerStatus } from '../../src/http/server.ts';
import { eventually, freePorts, LAUNCHER, pause } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';

const LONG_MS = 90_000;

/** A `mec dev` that somebody types into. */
class Dev {
  readonly exit: Promise<number | null>;
  readonly httpport: number;
  output = '';
  #seen = 0;
  readonly #child: ChildProcess;

  constructor(t: TestContext, port: number, ...args: string[]) {
    this.httpport = port + 400;
    const ports = ['--port', String(port), '--httpport', String(this.httpport)];
    this.#child = spawn(process.execPath, [LAUNCHER, 'dev', ...ports, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exit = new Promise((resolve) => this.#child.once('close', resolve));
    t.after(async () => {
      this.#child.kill('SIGTERM');
      await Promise.race([this.exit, pause(15_000)]);
      this.#child.kill('SIGKILL');
    });
  }

  url(node: number, path: string): string {
    return `http://127.0.0.1:${this.httpport + node - 1}${path}`;
  }

  /** Waits until what comes out from now on matches. */
  async says(pattern: RegExp): Promise<string> {
    let match: RegExpExecArray | null = null;
    await eventually(
      `${pattern}`,
      async () => {
        match = pattern.exec(this.output.slice(this.#seen));
        return match !== null;
      },
      LONG_MS,
    ).catch((error: unknown) => {
      throw new Error(this.output, { cause: error });
    });
    const { index, 0: text } = match as unknown as RegExpExecArray;
    this.#seen += index + text.length;
    return text;
  }

  banner(): Promise<string> {
    return this.says(/Ctrl-C stops it\./);
  }

  async type(line: string, answer: RegExp): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    return this.says(answer);
  }

  endOfInput(): void {
    this.#child.stdin?.end();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mec-console-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const answers = (url: string): Promise<boolean> =>
  send(url).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Whether a node is ready and reaches another. */
async function reaches(statusUrl: string, other: string): Promise<boolean> {
  const { isReady, peers } = JSON.parse((await send(statusUrl)).text) as ServerStatus;
  return isReady && peers.some(({ node, reach }) => node === other && reach === 'reachable');
}

test('nodes stop, are killed, hang and come back; what cannot be done is one line', async (t) => {
  const dev = new Dev(t, await freePorts(440), '--data', await makeDirectory(t));
  await dev.banner();
  await dev.type('status', /node +zone +state.*\nn1 .* up .*\nn2 .* up .*\nn3 .* up .*\n/);
  assert.equal((await send(dev.url(1, '/mec/k'), { method: 'PUT', body: 'v' })).status, 200);

  await dev.type('stop n2', /^n2 is stopped$/m);
  assert.equal(await answers(dev.url(2, '/ping')), false);
  assert.equal((await send(dev.url(3, '/mec/k'))).text, 'v');
  await dev.type('stop n2', /^mec: n2 does not run; start it with "start n2"$/m);
  await dev.type('start n2', /^n2 serves at http/m);
  await dev.type('start n2', /^mec: n2 runs already$/m);

  await dev.type('kill n2', /^n2 is killed$/m);
  await dev.type('start n2', /^n2 serves at http/m);
  assert.equal((await send(dev.url(2, '/mec/k'))).text, 'v');

  await dev.type('resume n3', /^mec: n3 does not hang$/m);
  // Without n3, the two others have to reach each other.
  for (const [node, other] of [
    [1, 'n2'],
    [2, 'n1'],
  ] as const)
    await eventually(`n${node} reaches ${other}`, () => reaches(dev.url(node, '/status'), other));
  await dev.type('pause n3', /^n3 hangs$/m);
  assert.equal(await Promise.race([answers(dev.url(3, '/ping')), pause(300).then(() => 'nothing')]), 'nothing');
  assert.equal((await send(dev.url(1, '/mec/k'))).text, 'v');
  await dev.type('leave n3', /^mec: n3 hangs; let it go on with "resume n3"$/m);
  await dev.type('resume n3', /^n3 goes on$/m);
  await eventually('n3 answers', () => answers(dev.url(3, '/ping')));

  await dev.type('help', /status .*\n(.*\n)+ +quit /);
  await dev.type('explode', /^mec: there is no command "explode"; see help$/m);
  await dev.type('constructor', /^mec: there is no command "constructor"; see help$/m);
  await dev.type('stop', /^mec: say just "stop n2"$/m);
  await dev.type('stop n9', /^mec: there is no node "n9"; there are n1, n2, n3$/m);
  // Also one that hangs must not keep the others from ending.
  await dev.type('pause n1', /^n1 hangs$/m);
  await dev.type('quit', /n2 \| .* stopped/);
  assert.equal(await dev.exit, 0, dev.output);
});

test('a node joins and one leaves; the next run knows, on other ports too, and more may join', async (t) => {
  const data = await makeDirectory(t);
  const dev = new Dev(t, await freePorts(440), '--data', data);
  await dev.banner();
  for (let i = 0; i < 50; i++)
    assert.equal((await send(dev.url(1, `/mec/k${i}`), { method: 'PUT', body: `v${i}` })).status, 200);
  await dev.type('add', /^n4 serves at http/m);
  await eventually('n4 is up', () => answers(dev.url(4, '/ready')), LONG_MS);
  await dev.type('leave n2', /^n2 is leaving$/m);
  await dev.says(/^n2 has left the cluster$/m);
  await dev.type('start n2', /^mec: n2 has left the cluster, for good; "add" starts a new node$/m);
  for (let i = 0; i < 50; i++) assert.equal((await send(dev.url(4, `/mec/k${i}`))).text, `v${i}`);
  // A script that ends does not end the cluster.
  dev.endOfInput();
  assert.ok(await answers(dev.url(1, '/ping')));
  dev.signal('SIGINT');
  assert.equal(await dev.exit, 0, dev.output);
  assert.deepEqual(JSON.parse(await readFile(join(data, 'cluster.json'), 'utf8')), {
    members: ['n1', 'n3', 'n4'],
    left: ['n2'],
  });

  const fewer = new Dev(t, await freePorts(440), '--data', data, '--nodes', '2');
  await fewer.says(/^mec: .* holds 3 nodes \(n1, n3, n4\), more than 2\. .*leave n4.*--fresh$/m);
  assert.equal(await fewer.exit, 2);

  const moved = new Dev(t, await freePorts(440), '--data', data, '--nodes', '4');
  await moved.says(/ n1 .*\n +n3 .*\n +n4 .*\n +n5 .* \(joins\)$/m);
  await moved.banner();
  await eventually('n5 is up', () => answers(moved.url(5, '/ready')), LONG_MS);
  for (const node of [1, 3, 4, 5])
    for (let i = 0; i < 50; i++) assert.equal((await send(moved.url(node, `/mec/k${i}`))).text, `v${i}`);
  await moved.type('quit', /stopped/);
  assert.equal(await moved.exit, 0, moved.output);
});

test('seven nodes, without any input', async (t) => {
  const dev = new Dev(t, await freePorts(440), '--data', await makeDirectory(t), '--nodes', '7');
  dev.endOfInput();
  await dev.banner();
  assert.equal((await send(dev.url(7, '/mec/k'), { method: 'PUT', body: 'v' })).status, 200);
  assert.equal((await send(dev.url(4, '/mec/k'))).text, 'v');
});

test('a list of nodes that is none is left alone, and said', async (t) => {
  const data = await makeDirectory(t);
  await writeFile(join(data, 'cluster.json'), '{"members":["../n1"]}');
  const dev = new Dev(t, await freePorts(440), '--data', data, '--fresh');
  await dev.says(/^mec: .*cluster\.json is not a list of nodes/m);
  assert.equal(await dev.exit, 2);
});
