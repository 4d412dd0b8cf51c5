/** Certificates of nodes, at times that the test sets: renewed in time, or warned about. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { systemClock } from '../../src/base/system.ts';
import { readConfig } from '../../src/config/read.ts';
import { CERTIFICATE_LOOK_MS, DAY_MICROS } from '../../src/embed/limits.ts';
import { type ReloadableNode, runParts } from '../../src/embed/start-node.ts';
import type { ServerStatus } from '../../src/http/server-status.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import { eventually } from '../fixtures/cluster.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { initialized } from '../fixtures/secured.ts';

/** A secured node whose wall clock the test sets. */
class AgingNode {
  readonly directory: string;
  readonly log = memoryLog();
  readonly clientFile: string;
  readonly #token: string;
  node: ReloadableNode | undefined;
  #days = 0;
  #look: (() => void) | undefined;

  constructor(directory: string, clientFile: string, token: string) {
    this.directory = directory;
    this.clientFile = clientFile;
    this.#token = token;
  }

  static async start(t: TestContext, hasAuthority: boolean): Promise<AgingNode> {
    const { directory, made } = await initialized(t);
    const security = join(directory, 'n1/security');
    if (hasAuthority) await copyFile(join(directory, 'ca.key'), join(security, 'ca.key'));
    const aging = new AgingNode(directory, made.clientFile, made.token.reveal());
    const port = Number(await readFile(join(directory, '../port'), 'utf8'));
    const root = join(directory, 'n1');
    const given = { name: 'n1', root, port, httpport: port + 2, security: { mode: 'on' } };
    const config = { ...readConfig('test', given), name: 'n1' };
    const openEngine = new MemoryDisk().open;
    const clock = {
      ...systemClock,
      wallMicros: () => systemClock.wallMicros() + aging.#days * DAY_MICROS,
      after: (ms: number, act: () => void) => {
        if (ms !== CERTIFICATE_LOOK_MS) return systemClock.after(ms, act);
        aging.#look = act;
        return { cancel: () => {} };
      },
    };
    const through = ({ network }: Parameters<NonNullable<Through>>[0]): ReturnType<Through> => ({
      network,
      clock,
    });
    aging.node = await runParts({ config, log: aging.log, openEngine, through });
    t.after(() => aging.node?.close());
    await aging.#looked();
    return aging;
  }

  /** Waits until the node has looked at its certificate, and sets the time of the next look. */
  #looked(): Promise<void> {
    return eventually('the node has looked', async () => this.#look !== undefined);
  }

  /** Puts the wall clock to a number of days after the start, and lets the node look. */
  async age(days: number): Promise<void> {
    this.#days = days;
    const look = this.#look;
    this.#look = undefined;
    look?.();
    await this.#looked();
  }

  /** The certificate that new connections get. It may be one of the future. */
  served(): Promise<X509Certificate> {
    const { hostname: host, port } = new URL(this.node?.url ?? '');
    return new Promise((resolve, reject) => {
      const options = { host, port: Number(port), rejectUnauthorized: false };
      const socket = connect(options, () => {
        const certificate = socket.getPeerX509Certificate();
        socket.destroy();
        resolve(certificate ?? assert.fail());
      });
      socket.on('error', reject);
    });
  }

  status(): Promise<ServerStatus> {
    const headers = { Authorization: `Bearer ${this.#token}` };
    const options = { headers, rejectUnauthorized: false, agent: false };
    return new Promise((resolve, reject) => {
      get(`${this.node?.url}/status`, options, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve(JSON.parse(text) as ServerStatus));
      }).on('error', reject);
    });
  }
}

type Through = NonNullable<Parameters<typeof runParts>[0]['through']>;

const says = ({ log }: AgingNode, text: string): boolean =>
  log.lines.some((line) => line.includes(text));

test('a node with the key of the authority renews its certificate after two thirds of its life', async (t) => {
  const aging = await AgingNode.start(t, true);
  const first = await aging.served();
  assert.equal((await aging.status()).certificate?.daysLeft, 89);
  await aging.age(59);
  assert.equal((await aging.served()).serialNumber, first.serialNumber);
  assert.equal((await aging.status()).certificate?.daysLeft, 30);
  await aging.age(61);
  const second = await aging.served();
  assert.notEqual(second.serialNumber, first.serialNumber);
  assert.ok(second.publicKey.equals(first.publicKey), 'a crash must not leave half of a pair');
  assert.equal(second.subjectAltName, first.subjectAltName);
  const ca = new X509Certificate(await readFile(join(aging.directory, 'ca.crt')));
  assert.ok(second.verify(ca.publicKey));
  assert.equal((await aging.status()).certificate?.daysLeft, 89);
  const kept = await readFile(join(aging.directory, 'n1/security/node.crt'), 'utf8');
  assert.equal(new X509Certificate(kept).serialNumber, second.serialNumber);
  assert.ok(says(aging, 'certificate renewed'));
  assert.ok(!says(aging, 'certificate of this node ends'));
  await aging.age(120);
  assert.equal((await aging.served()).serialNumber, second.serialNumber);
  await aging.age(122);
  assert.notEqual((await aging.served()).serialNumber, second.serialNumber);
});

test('a node without that key warns from thirty days before the end', async (t) => {
  const aging = await AgingNode.start(t, false);
  const { serialNumber } = await aging.served();
  await aging.age(59);
  assert.ok(!says(aging, 'certificate'));
  await aging.age(61);
  assert.ok(says(aging, 'certificate of this node ends'), aging.log.lines.join('\n'));
  assert.equal((await aging.served()).serialNumber, serialNumber);
  const { out } = await runMec(['status', '--client', aging.clientFile]);
  assert.match(out, /certificate ends in 28 days/);
});
