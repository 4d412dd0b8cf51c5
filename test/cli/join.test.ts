/** A fourth node joins a secured cluster, and all that must not get in does not. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { type TestContext, test } from 'node:test';
import { systemRandom } from '../../src/base/system.ts';
import { drawSecretKey, type KeyPair, keyPairOf } from '../../src/base/x25519.ts';
import { makeCertificate } from '../../src/embed/certificates.ts';
import type { EmbeddedNode } from '../../src/embed/start-node.ts';
import { eventually, freePorts, LAUNCHER, pause } from '../fixtures/cluster.ts';
import type { Response } from '../fixtures/http.ts';
import { type MecResult, runMec } from '../fixtures/run-mec.ts';
import { SecuredCluster } from '../fixtures/secured-cluster.ts';
import { sendSecured } from '../fixtures/secured.ts';

const refusal = ({ status, text }: Response): unknown[] => [
  status,
  (JSON.parse(text) as { code?: unknown }).code,
];

async function tokenOf(
  secured: SecuredCluster,
  node: EmbeddedNode,
  ...more: readonly string[]
): Promise<string> {
  const args = ['join-token', '--url', node.url, '--dir', secured.directory, ...more];
  const { code, out, err } = await runMec(args, { env: secured.environment });
  assert.equal(code, 0, err);
  assert.match(err, /the new node runs: MEC_TOKEN=… mec join --url https:/);
  return out.trim();
}

/** Runs `mec join`, which writes files only. */
function prepare(
  secured: SecuredCluster,
  token: string,
  { url, name = 'n4' }: { readonly url: string; readonly name?: string },
): Promise<MecResult> {
  const args = ['join', '--url', url, '--name', name, '--dir', secured.directory, '--prepare'];
  return runMec(args, { env: { MEC_TOKEN: token } });
}

const newcomer = (name: string) => ({
  name,
  host: '127.0.0.1',
  port: 7000,
  nodeKey: (keyPairOf(drawSecretKey()) as KeyPair).publicKey,
  certificateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString(),
});

const ask = (
  secured: SecuredCluster,
  node: EmbeddedNode,
  token: string,
  document: unknown,
): Promise<Response> =>
  sendSecured(`${node.url}/cluster/join`, secured.ca, {
    method: 'POST',
    token,
    body: JSON.stringify(document),
  });

test('a fourth node joins with one command on each side', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1, n2] = await secured.startAll(t);
  assert.equal(await secured.key(n1, 'k?replace=true', 'v'), '');
  const token = await tokenOf(secured, n1, '--name', 'n4', '--ttl', '10m');
  const port = await freePorts(3);
  const ports = ['--port', `${port}`, '--httpport', `${port + 2}`];
  const args = ['join', '--url', n1.url, '--name', 'n4', '--dir', secured.directory, ...ports];
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: { ...process.env, MEC_TOKEN: token },
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill();
    await ended;
  });
  const states = (): string[] => n2.status().members.map(({ name, state }) => `${name} ${state}`);
  await eventually('n4 is up', async () => {
    assert.equal(child.exitCode, null, log);
    return states().includes('n4 up');
  });
  const url = `https://127.0.0.1:${port + 2}`;
  await eventually('n4 serves', async () => {
    const answer = await sendSecured(`${url}/mec/k`, secured.ca, { token: secured.admin });
    return answer.text === 'v';
  });
  const again = await ask(secured, n1, token, newcomer('n4'));
  assert.deepEqual(refusal(again), [409, 'token-spent']);
  const other = await prepare(secured, token, { url: n1.url, name: 'n4' });
  assert.match(other.err, /n4.toml is there already/);
  assert.ok(!log.includes(token.slice(-40)), 'the token is in the log');
});

test('a node whose answer was lost asks again, and another one with its token in vain', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1, n2] = await secured.startAll(t);
  const token = await tokenOf(secured, n1);
  const { url } = n1;
  assert.equal((await prepare(secured, token, { url })).code, 0);
  const config = join(secured.directory, 'n4.toml');
  const before = await readFile(config, 'utf8');
  await rm(config);
  const { code, out, err } = await prepare(secured, token, { url });
  assert.equal(code, 0, err);
  assert.equal(out, `mec --config ${config}\n`);
  assert.equal(await readFile(config, 'utf8'), before);
  const racer = await prepare(secured, token, { url, name: 'n5' });
  assert.equal(racer.code, 1);
  assert.match(racer.err, /A token lets one node in. Make another one with "mec join-token"/);
  assert.equal((await secured.countingKeys(n2)).size, 4);
});

test('of two nodes with one token at the same time, one gets in', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1] = await secured.startAll(t);
  const token = await tokenOf(secured, n1);
  const answers = await Promise.all(
    ['n4', 'n5'].map((name) => ask(secured, n1, token, newcomer(name))),
  );
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 409],
  );
  assert.equal((await secured.countingKeys(n1)).size, 4);
});

test('a token counts for its name, its time, its node and this one request', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1, n2] = await secured.startAll(t);
  const token = await tokenOf(secured, n1, '--name', 'n4');
  const { url } = n1;
  const named = await prepare(secured, token, { url, name: 'n5' });
  assert.match(named.err, /The token is for the node n4/);
  assert.deepEqual(refusal(await ask(secured, n2, token, newcomer('n4'))), [
    401,
    'unauthenticated',
  ]);
  const flipped = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
  assert.deepEqual(refusal(await ask(secured, n1, flipped, newcomer('n4'))), [
    401,
    'unauthenticated',
  ]);
  for (const path of ['/mec/x', '/status', '/cluster/security']) {
    const answer = await sendSecured(url + path, secured.ca, { token });
    assert.deepEqual(refusal(answer), [403, 'forbidden'], path);
  }
  const admin = await ask(secured, n1, secured.admin, newcomer('n4'));
  assert.deepEqual(refusal(admin), [403, 'forbidden']);
  for (const odd of [
    { ...newcomer('n4'), nodeKey: 'x' },
    { ...newcomer('n4'), certificateKey: 'x' },
    { ...newcomer('n4'), host: '0.0.0.0/' },
    { ...newcomer('n4'), port: 0 },
  ])
    assert.deepEqual(refusal(await ask(secured, n1, token, odd)), [400, 'bad-parameter']);
  assert.equal((await secured.countingKeys(n1)).size, 3, 'nobody has joined');
  assert.equal((await prepare(secured, token, { url })).code, 0, 'the token is not spent');
});

test('a token that was cancelled lets no node in, and the others count', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1, n2] = await secured.startAll(t);
  const [token, other] = [await tokenOf(secured, n1), await tokenOf(secured, n1)];
  const cancel = (given: string, node = n1) => {
    const args = ['join-token', '--url', node.url, '--cancel', given];
    return runMec(args, { env: secured.environment });
  };
  const id = token.split('.')[2] ?? '';
  assert.match((await cancel(id, n2)).err, /only the node that made it has it/);
  const done = await cancel(id);
  assert.deepEqual([done.code, done.err], [0, '']);
  const refused = [401, 'unauthenticated'];
  assert.deepEqual(refusal(await ask(secured, n1, token, newcomer('n4'))), refused);
  assert.equal((await cancel(id)).code, 1, 'it has ended');
  assert.equal((await ask(secured, n1, other, newcomer('n4'))).status, 200);
  assert.equal((await cancel(other)).code, 0, 'the whole token will do');
  assert.deepEqual(refusal(await ask(secured, n1, other, newcomer('n4'))), refused);
  assert.equal((await secured.countingKeys(n1)).size, 4, 'the node that has joined stays');
});

async function offer(
  secured: SecuredCluster,
  node: EmbeddedNode,
  change: Readonly<Record<string, unknown>> = {},
): Promise<Response> {
  const [certificate, key] = await Promise.all(
    ['ca.crt', 'ca.key'].map((file) => readFile(join(secured.directory, file), 'utf8')),
  );
  return secured.change(node, 'joins', { certificate, key, ...change });
}

test('a token that could not work is not made, and an old one does not count', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1] = await secured.startAll(t);
  const nowMicros = Math.floor(Date.now() * 1000);
  const life = { fromMicros: nowMicros - 1e9, untilMicros: nowMicros + 1e12 };
  const other = await makeCertificate({ commonName: 'other', ...life }, systemRandom);
  const foreign = { certificate: other.certificate, key: other.key.reveal() };
  for (const change of [
    foreign,
    { key: foreign.key },
    { certificate: 'x' },
    { name: 'n2' },
    { name: 7 },
    { minutes: 0 },
    { minutes: 1e6 },
  ]) {
    const answer = await offer(secured, n1, change);
    assert.deepEqual(refusal(answer), [400, 'bad-parameter'], JSON.stringify(change));
  }
  const made = await offer(secured, n1, { minutes: 0.001 });
  const { token } = JSON.parse(made.text) as { token: string };
  await pause(500);
  const late = await ask(secured, n1, token, newcomer('n4'));
  assert.deepEqual(refusal(late), [401, 'unauthenticated']);
});

/** A server that shows these certificates, and notes what it gets. */
async function impostor(
  t: TestContext,
  { cert, key }: { readonly cert: string; readonly key: string },
): Promise<{ readonly url: string; readonly heard: () => string }> {
  let heard = '';
  const server = createServer({ cert, key }, (socket) => {
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, heard: () => heard };
}

test('a node of another authority does not get the secret', async (t) => {
  const secured = await SecuredCluster.init(t);
  const [n1] = await secured.startAll(t);
  const token = await tokenOf(secured, n1);
  const nowMicros = Math.floor(Date.now() * 1000);
  const life = { fromMicros: nowMicros - 1e9, untilMicros: nowMicros + 1e12 };
  const authority = await makeCertificate({ commonName: 'MecDB authority', ...life }, systemRandom);
  const terms = { commonName: 'n1', hosts: ['127.0.0.1'], ...life, by: authority };
  const node = await makeCertificate(terms, systemRandom);
  const key = node.key.reveal();
  const foreign = await impostor(t, { cert: node.certificate + authority.certificate, key });
  const { code, err } = await prepare(secured, token, { url: foreign.url });
  assert.equal(code, 1);
  assert.match(err, /another authority than the token; the token was not sent/);
  // It shows the certificate of the right authority, which is no secret, but has no own one of it.
  const forged = await impostor(t, { cert: node.certificate + secured.ca, key });
  const second = await prepare(secured, token, { url: forged.url });
  assert.notEqual(second.code, 0);
  for (const { heard } of [foreign, forged]) assert.equal(heard(), '');
  assert.equal((await secured.countingKeys(n1)).size, 3);
});
