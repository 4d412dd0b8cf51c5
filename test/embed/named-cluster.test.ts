/** A secured cluster with a name: its certificates have it, and other ones prove nothing. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Secret } from '../../src/base/secret.ts';
import { startNode } from '../../src/index.ts';
import { eventually, freePorts } from '../fixtures/cluster.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { sendSecured } from '../fixtures/secured.ts';

async function printed(...args: string[]): Promise<string> {
  const { code, out, err } = await runMec(args);
  assert.equal(code, 0, err);
  return out;
}

/** Makes a cluster of one node by the command, and starts the node with this name of a cluster. */
async function started(t: TestContext, named: readonly string[], cluster: string) {
  const parent = await mkdtemp(join(tmpdir(), 'mec-named-'));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const dir = join(parent, 'cluster');
  const port = await freePorts(3);
  const ports = ['--port', String(port), '--httpport', String(port + 2)];
  const out = await printed('security', 'init', '--nodes', '1', '--dir', dir, ...ports, ...named);
  const given = { name: 'n1', root: join(dir, 'n1'), port, httpport: port + 2, cluster };
  const node = await startNode({ ...given, security: { mode: 'on' } });
  t.after(() => node.close());
  const ca = await readFile(join(dir, 'ca.crt'), 'utf8');
  const token = /^mec_\w+$/m.exec(out)?.[0];
  await eventually('it is ready', async () => {
    return (await sendSecured(`${node.url}/ready`, ca)).status === 200;
  });
  const body = JSON.stringify({ identity: 'ann', prefix: '', verbs: ['read'] });
  const url = `${node.url}/cluster/security/grants`;
  assert.equal((await sendSecured(url, ca, { method: 'POST', token, body })).status, 200);
  /** The status of a read by the certificate that a command has made. */
  const statusBy = async (...more: string[]): Promise<number> => {
    await printed('security', 'certify', 'ann', '--dir', dir, ...more);
    const certificate = await readFile(join(dir, 'ann.crt'), 'utf8');
    const key = new Secret(await readFile(join(dir, 'ann.key'), 'utf8'));
    const read = await sendSecured(`${node.url}/mec/k`, ca, { certificate: { certificate, key } });
    return read.status;
  };
  return { dir, statusBy };
}

test('all certificates of a named cluster have its name, and prove identities in it', async (t) => {
  const { dir, statusBy } = await started(t, ['--cluster', 'shop'], 'shop');
  const uriOf = async (file: string): Promise<string> => {
    const { subjectAltName = '' } = new X509Certificate(await readFile(join(dir, file), 'utf8'));
    return /URI:(\S+)$/.exec(subjectAltName)?.[1] ?? subjectAltName;
  };
  assert.match(await readFile(join(dir, 'n1.toml'), 'utf8'), /^cluster = "shop"$/m);
  assert.equal(await uriOf('ca.crt'), 'mec://shop');
  assert.equal(await uriOf('n1/security/node.crt'), 'mec://shop/node/n1');
  assert.equal(await statusBy(), 404);
  assert.equal(await uriOf('ann.crt'), 'mec://shop/user/ann');
  assert.equal(await statusBy('--cluster', 'other'), 401);
  const toml = join(dir, 'n1.toml');
  await printed('security', 'renew', '--node', toml, '--dir', dir);
  assert.equal(await uriOf('n1/security/node.crt'), 'mec://shop/node/n1');
  const wrong = await runMec(['security', 'init', '--cluster', 'a b', '--dir', join(dir, 'x')]);
  assert.deepEqual([wrong.code, wrong.out], [2, '']);
});

test('a cluster that got its name after its authority names it for a certificate', async (t) => {
  const { statusBy } = await started(t, [], 'late');
  assert.equal(await statusBy(), 401);
  assert.equal(await statusBy('--cluster', 'late'), 404);
});
