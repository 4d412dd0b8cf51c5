/** An encrypted node as an operator runs it: its master key, wrong ones, and new keys. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { eventually, freePorts, TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { assertRefused, mec } from '../fixtures/watched-mec.ts';

const VALUE = 'a value that no file may have';

class Machine {
  readonly #directory: string;
  readonly node: TestNode;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.node = new TestNode(directory, 'n1', { port });
  }

  static async make(t: TestContext): Promise<Machine> {
    const directory = await mkdtemp(join(tmpdir(), 'mec-rekey-'));
    const machine = new Machine(directory, await freePorts(3));
    t.after(async () => {
      await machine.node.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    });
    return machine;
  }

  file(name: string): string {
    return join(this.#directory, name);
  }

  /** Makes the file of a master key, as the documentation does. */
  async masterKey(name: string): Promise<string> {
    const key = execFileSync('openssl', ['rand', '-hex', '32']);
    await writeFile(this.file(name), key, { mode: 0o600 });
    return key.toString().trim();
  }

  async start(storage: string): Promise<void> {
    await this.configure(storage);
    this.node.start();
    await eventually('it is ready', async () => (await this.node.status()).isReady);
  }

  configure(storage: string): Promise<void> {
    return this.node.configure([], `[storage]\n${storage}\n`);
  }

  /** Waits until all records are sealed by the newest key, and the others are dropped. */
  async resealed(keys: number): Promise<void> {
    await eventually('all is encrypted', async () => {
      const { store } = (await this.node.status()) as unknown as { store: { encrypted: string } };
      return store.encrypted === 'all' && (await this.generations()).length === keys;
    });
  }

  async generations(): Promise<number[]> {
    const text = await readFile(join(this.node.root, 'data-keys.json'), 'utf8');
    const { keys } = JSON.parse(text) as { keys: { generation: number }[] };
    return keys.map(({ generation }) => generation);
  }

  /** A hash of each file of the root. */
  async files(): Promise<string[]> {
    const { root } = this.node;
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name));
    const hash = async (path: string): Promise<string> =>
      `${path} ${createHash('sha256')
        .update(await readFile(path))
        .digest('hex')}`;
    return Promise.all(paths.sort().map(hash));
  }

  async hasPlain(text: string): Promise<boolean> {
    const { root } = this.node;
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries.filter((one) => one.isFile());
    const contents = await Promise.all(files.map((o) => readFile(join(o.parentPath, o.name))));
    return contents.some((content) => content.includes(text));
  }

  async put(key: string, value: string): Promise<void> {
    assert.ok(
      (await send(`${this.node.url}/mec/${key}`, { method: 'PUT', body: value })).status < 300,
    );
  }

  async get(key: string): Promise<string> {
    return (await send(`${this.node.url}/mec/${key}`)).body.toString();
  }
}

test('a node is encrypted from a start on, and needs its master key from then on', async (t) => {
  const machine = await Machine.make(t);
  const { node } = machine;
  await machine.start('sync = true');
  await machine.put('k', VALUE);
  await node.end('SIGTERM');
  assert.equal(await machine.hasPlain(VALUE), true);
  const key = await machine.masterKey('master.key');
  await machine.masterKey('wrong.key');
  await machine.start('masterkey = "master.key"');
  await machine.resealed(1);
  assert.equal(await machine.get('k'), VALUE);
  assert.equal(await machine.hasPlain(VALUE), false);
  await node.end('SIGKILL');
  const before = await machine.files();
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['masterkey = "wrong.key"', /data-keys\.json was not made with this master key/],
    ['sync = true', /is encrypted; set its storage\.masterkey/],
    ['masterkey = "none.key"', /Cannot read the master key/],
    ['masterkeycommand = "echo no key"', /the command of the master key has no master key/],
    ['masterkeycommand = "exit 3"', /The command of the master key ended with 3/],
    [`masterkeycommand = "echo ${key.slice(2)}"`, /64 hexadecimal digits/],
  ];
  for (const [storage, pattern] of refusals) {
    await machine.configure(storage);
    const run = mec(t, '--config', node.configFile);
    await assertRefused(run, pattern);
    assert.ok(!run.stderr.includes(key.slice(2, 20)), 'no part of the key is told');
    assert.deepEqual(await machine.files(), before, storage);
  }
  await chmod(machine.file('master.key'), 0o644);
  await machine.configure('masterkey = "master.key"');
  await assertRefused(mec(t, '--config', node.configFile), /can be used by others/);
  await chmod(machine.file('master.key'), 0o600);
  await machine.start(`masterkeycommand = "cat ${machine.file('master.key')}"`);
  assert.equal(await machine.get('k'), VALUE);
  await node.end('SIGTERM');
  await rm(join(node.root, 'data-keys.json'));
  await machine.configure('masterkey = "master.key"');
  await assertRefused(mec(t, '--config', node.configFile), /put the file data-keys\.json .* back/);
});

test('mec security rekey changes the data key of a running node, and the master key', async (t) => {
  const machine = await Machine.make(t);
  const { node } = machine;
  await machine.masterKey('master.key');
  await machine.masterKey('next.key');
  const rekey = (...more: string[]) =>
    runMec(['security', 'rekey', '--node', node.configFile, ...more]);
  await machine.configure('masterkey = "master.key"');
  assert.match((await rekey()).err, /is not encrypted/);
  await machine.start('masterkey = "master.key"');
  await machine.put('k', VALUE);
  await machine.resealed(1);
  const made = await rekey();
  assert.deepEqual([made.code, made.err], [0, '']);
  assert.deepEqual(await machine.generations(), [1, 2]);
  node.signal('SIGHUP');
  await eventually('the old key goes', async () => (await machine.generations())[0] === 2);
  await machine.resealed(1);
  assert.equal(await machine.get('k'), VALUE);
  const moved = await rekey('--masterkey', machine.file('next.key'));
  assert.deepEqual([moved.code, moved.err], [0, '']);
  await machine.put('l', 'written with the same data key');
  const read = (): number => node.log.split('configuration read again').length;
  const times = read();
  await machine.configure('masterkey = "next.key"');
  node.signal('SIGHUP');
  await eventually('it knows the place of the key', async () => read() > times);
  assert.match(node.log, /configuration read again.*storage\.masterkey/);
  await machine.configure('masterkey = "master.key"');
  node.signal('SIGHUP');
  await eventually('it takes no other key', async () =>
    /configuration not read again.*not made with this master key/.test(node.log),
  );
  assert.doesNotMatch(node.log, /needs a restart/);
  assert.equal((await rekey()).code, 1, 'the file has a key that does not fit');
  await node.end('SIGKILL');
  await assertRefused(mec(t, '--config', node.configFile), /not made with this master key/);
  await machine.start('masterkey = "next.key"');
  assert.equal(await machine.get('k'), VALUE);
  assert.equal(await machine.get('l'), 'written with the same data key');
  assert.match((await rekey('extra')).err, /expected no further arguments/);
});
