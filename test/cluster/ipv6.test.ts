/** Clusters whose nodes have IPv6 addresses, by number and by name. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { messageOf } from '../../src/base/errors.ts';
import { eventually, freePorts, TestNode } from '../fixtures/cluster.ts';

const run = promisify(execFile);
const LOOPBACK = '::1';
/**
 * An address of this machine while the test runs. It is not `::1`: the C library answers a question
 * for the IPv4 address of a name with 127.0.0.1 if the file of hosts gives it `::1`.
 */
const ADDRESS = 'fd6d:6563:6462::1';
/** A name that has only this address, in the file of hosts that the nodes see. */
const NAME = 'six.mec.test';
const BIND_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"';

/** The reason why this machine cannot listen on `::1`; false if it can. */
function whyNoLoopback(): Promise<string | false> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(`no IPv6 on this machine: ${error.message}`));
    server.listen(0, LOOPBACK, () => server.close(() => resolve(false)));
  });
}

/** Gives this machine another IPv6 address, or takes it away. */
const setAddress = (verb: 'add' | 'del'): Promise<unknown> =>
  run('ip', ['-6', 'address', verb, `${ADDRESS}/128`, 'dev', 'lo']);

/**
 * The reason why there can be no address and no file of hosts for the test; false if there can be.
 */
async function whyNoName(): Promise<string | false> {
  try {
    await run('unshare', ['--mount', 'sh', '-c', BIND_HOSTS, '/etc/hosts', 'true']);
    // An interrupted run may have left it.
    await setAddress('del').catch(() => {});
    await setAddress('add');
    await setAddress('del');
    return false;
  } catch (error) {
    return `an address and a file of hosts need root, ip and unshare: ${messageOf(error)}`;
  }
}

/** A node that sees a file of hosts of its own. */
class NamedNode extends TestNode {
  readonly #hosts: string;

  constructor(directory: string, name: string, { port, hosts }: { port: number; hosts: string }) {
    super(directory, name, { port, host: NAME });
    this.#hosts = hosts;
  }

  protected override command(): string[] {
    return ['unshare', '--mount', 'sh', '-c', BIND_HOSTS, this.#hosts, ...super.command()];
  }

  override get url(): string {
    return `http://[${ADDRESS}]:${this.httpport}`;
  }
}

/** Starts three nodes, and checks that they are one cluster and serve keys. */
async function assertServes(
  t: TestContext,
  make: (directory: string, name: string, port: number) => Promise<TestNode>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mec-ipv6-'));
  const port = await freePorts(9);
  const names = ['n1', 'n2', 'n3'];
  const nodes = await Promise.all(names.map((name, i) => make(directory, name, port + 3 * i)));
  t.after(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
  });
  for (const node of nodes) {
    await node.configure(nodes.filter((other) => other !== node));
    node.start();
  }
  for (const node of nodes)
    await eventually(`${node.name} sees all`, async () => {
      const { members, isReady } = await node.status();
      return isReady && members.filter(({ state }) => state === 'up').length === nodes.length;
    }).catch((error: unknown) => {
      throw new Error(node.log, { cause: error });
    });
  for (const [i, node] of nodes.entries()) {
    const key = `k${i}`;
    assert.equal((await node.key(`${key}?w=all`, { method: 'PUT', body: key })).status, 200);
    for (const other of nodes) assert.equal((await other.key(key)).text, key);
  }
}

const skip = await whyNoLoopback();

test('three nodes on ::1 are a cluster', { skip }, (t) =>
  assertServes(t, async (directory, name, port) => {
    return new TestNode(directory, name, { port, host: LOOPBACK });
  }),
);

const skipNamed = skip === false ? await whyNoName() : skip;

test(
  'three nodes on a name with only an IPv6 address are a cluster',
  { skip: skipNamed },
  async (t) => {
    await setAddress('add');
    t.after(() => setAddress('del'));
    await assertServes(t, async (directory, name, port) => {
      const hosts = join(directory, 'hosts');
      await writeFile(hosts, `127.0.0.1 localhost\n${ADDRESS} ${NAME}\n`);
      return new NamedNode(directory, name, { port, hosts });
    });
  },
);
