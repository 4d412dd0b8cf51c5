/** A secured cluster is used in every way, and then all its output is searched for its secrets. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { clientFile } from '../../src/adapters/secured.ts';
import { utf8ToBytes } from '../../src/base/bytes.ts';
import { CipherKey } from '../../src/base/cipher.ts';
import { parseCasbinPolicy } from '../../src/cli/casbin-policy.ts';
import { loadConfig } from '../../src/cli/run-node.ts';
import { readText } from '../../src/config/client-file.ts';
import type { TokenKey } from '../../src/core/causality/token-keys.ts';
import { DataKeyFile } from '../../src/embed/data-key-file.ts';
import { readJwks } from '../../src/embed/jwks-source.ts';
import { ROUTES } from '../../src/http/route-table.ts';
import { metaRow } from '../../src/storage/keyspace.ts';
import { openIntact } from '../../src/storage/records.ts';
import { eventually } from '../fixtures/cluster.ts';
import { NODES, ObservedCluster } from '../fixtures/observed-cluster.ts';
import { SecretHunt } from '../fixtures/secret-hunt.ts';

const PRIVATE = { mode: 0o600 };
const ISSUER = { iss: 'https://login.example', aud: 'mec', sub: 'ann' };

test('the search finds a secret in every encoding, and a part of it', () => {
  const secret = randomBytes(32);
  const text = randomBytes(32).toString('hex');
  const leaks: readonly (string | Uint8Array)[] = [
    secret,
    secret.subarray(8, 16),
    secret.toString('hex').slice(0, 20),
    secret.toString('hex').toUpperCase(),
    ...[0, 1, 2].map((n) => Buffer.concat([Buffer.alloc(n), secret]).toString('base64')),
    Buffer.concat([Buffer.alloc(1), secret]).toString('base64url'),
    secret.toString('base64').replace(/(.{20})/, '$1\n'),
    JSON.stringify({ pem: secret.toString('base64').replace(/(.{20})/, '$1\n') }),
    JSON.stringify(secret),
    text.slice(0, 30),
    Buffer.from(text, 'hex'),
    Buffer.from(`user:${text}`).toString('base64'),
  ];
  for (const leak of leaks) {
    const hunt = new SecretHunt();
    hunt.hide('one', secret);
    hunt.hide('one', text);
    hunt.add('a place', `before ${randomBytes(999).toString('hex')}`);
    assert.deepEqual(hunt.find(), [], 'nothing else is one');
    hunt.add('a place', Buffer.concat([Buffer.from('before '), Buffer.from(leak)]));
    assert.deepEqual(hunt.find(), ['a place: one'], String(leak));
  }
});

const partOf = (document: object): string =>
  Buffer.from(JSON.stringify(document)).toString('base64url');

/** A token of the issuer, and its secret part. */
function jwtOf(key: KeyObject): { readonly token: string; readonly signature: Buffer } {
  const payload = { ...ISSUER, exp: Math.floor(Date.now() / 1000) + 3_600 };
  const text = `${partOf({ alg: 'ES256', kid: 'a' })}.${partOf(payload)}`;
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return { token: `${text}.${signature.toString('base64url')}`, signature };
}

/** Makes a master key in a file. */
async function masterKey(cluster: ObservedCluster, name: string): Promise<string> {
  const key = randomBytes(32).toString('hex');
  cluster.hunt.hide(name, key);
  await writeFile(cluster.file(name), `${key}\n`, PRIVATE);
  return key;
}

/** Hides the data keys of a node, which are wrapped by its master key. */
async function hideDataKeys(cluster: ObservedCluster, name: string, master: string): Promise<void> {
  const text = await readFile(join(cluster.directory, name, 'data-keys.json'), 'utf8');
  const { id, keys } = JSON.parse(text) as {
    id: string;
    keys: { generation: number; wrapped: string }[];
  };
  const key = new CipherKey(Buffer.from(master, 'hex'));
  for (const { generation, wrapped } of keys) {
    const wrap = utf8ToBytes(`mec data key ${id} ${generation}`);
    const plain = key.unseal(Buffer.from(wrapped, 'base64'), wrap) ?? assert.fail('other wrapping');
    cluster.hunt.hide(`data key of ${name}`, plain);
  }
}

/** Two nodes encrypt their disks, and one does not. All know an issuer, and one can sign. */
async function configure(cluster: ObservedCluster): Promise<KeyObject> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a', use: 'sig' }] };
  await writeFile(join(cluster.directory, 'jwks.json'), JSON.stringify(jwks));
  const jwt = `[jwt]\nissuer = "${ISSUER.iss}"\naudience = "mec"\nkeys = "jwks.json"\n`;
  const log = '[log]\nlevel = "debug"\nslow = "1ms"\nkeys = true\n';
  for (const name of NODES) await cluster.configure(name, `\n${jwt}${log}`);
  const file = (name: string): string => `[storage]\nmasterkey = "${cluster.file(name)}"\n`;
  await cluster.configure('n1', file('first.key'));
  const command = `cat ${cluster.file('second.key')}`;
  await cluster.configure('n2', `[storage]\nmasterkeycommand = "${command}"\n`);
  const own = join(cluster.directory, 'n1', 'security', 'ca.key');
  await copyFile(join(cluster.directory, 'ca.key'), own);
  await chmod(own, PRIVATE.mode);
  return privateKey;
}

/** Makes every kind of proof by commands. Resolves with the token of a tenant. */
async function makeProofs(cluster: ObservedCluster): Promise<string> {
  await cluster.printed('security', 'grant', 'shop', 'shop/', 'read,write,list');
  await cluster.printed('security', 'grant', 'jwt-ann', '', 'read');
  const shop = await cluster.printed('security', 'token', 'shop');
  cluster.hideToken('token of a tenant', shop);
  const [, shared = ''] = (await cluster.printed('security', 'signer', 'shop')).split(' ');
  cluster.hunt.hide('shared secret', Buffer.from(shared, 'base64'));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  await writeFile(cluster.file('signer.key'), privateKey.export(pem), PRIVATE);
  await cluster.hidePem('key of a signer', 'signer.key');
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
  await writeFile(cluster.file('signer.pem'), publicPem);
  await cluster.printed('security', 'signer', 'shop', '--key', cluster.file('signer.pem'));
  // A mistake that is easily made: the private key in place of the public one.
  const wrong = ['security', 'signer', 'shop', '--key', cluster.file('signer.key')];
  assert.match((await cluster.mec(wrong)).err, /private key, which was not sent/);
  await cluster.printed('security', 'certify', 'shop', '--dir', cluster.directory);
  await cluster.hidePem('certificate of a user', 'cluster/shop.key');
  return shop;
}

/** Requests with proofs that count, and with such that do not, in the wrong places, too. */
async function ask(cluster: ObservedCluster, shop: string, issuer: KeyObject): Promise<void> {
  const { admin } = cluster;
  const { token: jwt, signature } = jwtOf(issuer);
  cluster.hunt.hide('signature of an issuer', signature);
  const wrong = `mec_0123456789abcdef_${randomBytes(32).toString('hex')}`;
  cluster.hideToken('wrong token', wrong);
  await cluster.ask('/mec/shop/cart', { method: 'PUT', token: shop, body: 'milk' });
  await cluster.ask('/mec/shop/cart', { method: 'PUT', token: shop, body: 'bread' });
  const proofs = [admin, shop, jwt, wrong, `${admin.slice(0, -1)}x`, `${jwt}x`, admin.slice(0, 60)];
  for (const token of [undefined, ...proofs])
    for (const path of ['/mec/shop/cart', '/mec/other', '/status', '/cluster/security', '/none'])
      await cluster.ask(path, { token });
  const basic = Buffer.from(`admin:${admin}`).toString('base64');
  const odd: Readonly<Record<string, string>>[] = [
    { Authorization: `Basic ${basic}` },
    { Authorization: admin },
    { Authorization: `bearer  ${admin},` },
    { Cookie: `token=${admin}` },
    { 'X-Mec-Vclock': admin },
    { 'X-Mec-Seen': admin },
    { 'If-Match': admin },
    { 'Signature-Input': `a=();keyid="${admin}"`, Signature: `a=:${basic}:` },
  ];
  for (const headers of odd)
    for (const token of [undefined, admin, shop])
      for (const method of ['GET', 'PUT'])
        await cluster.ask('/mec/shop/odd', { method, headers, token, body: 'v' }).catch(() => {});
  for (const query of [`token=${admin}`, `r=${admin}`, `access_token=${jwt}`])
    for (const token of [undefined, shop]) await cluster.ask(`/mec/shop/cart?${query}`, { token });
  for (const body of [`{"identity":"${admin}"`, `{"${admin}":1}`, `{"identity":["${admin}"]}`])
    for (const route of ['grants', 'tokens', 'joins', 'revoke', 'rotate', 'signers'])
      for (const token of [admin, shop])
        await cluster.ask(`/cluster/security/${route}`, { method: 'POST', token, body });
  for (const path of Object.keys(ROUTES).filter((one) => !/leave|remove|merge/.test(one)))
    for (const accept of ['application/json', 'text/html'])
      await cluster.ask(path.replace('{key}', 'shop/cart'), {
        token: admin,
        headers: { Accept: accept },
      });
}

/** Commands for operators, and some of them with tokens that do not count. */
async function runCommands(cluster: ObservedCluster, shop: string): Promise<void> {
  const lines = ['status', 'doctor --json', 'locate shop/a', 'explain shop/cart', 'top', 'export'];
  for (const line of [...lines, 'security status', 'leave nothing'])
    await cluster.mec(line.split(' '));
  await cluster.mec(['doctor', join(cluster.directory, 'n1.toml')]);
  for (const MEC_TOKEN of [shop, `${shop}0`, `${shop}\n`, `"${shop}"`])
    for (const line of ['get shop/a', 'security status --json'])
      await cluster.mec(line.split(' '), { MEC_TOKEN });
}

/** A fourth node joins. Its token is used for other names, and again. */
async function join4(cluster: ObservedCluster): Promise<void> {
  const [url, dir] = [cluster.urlOf(0), cluster.directory];
  const made = await cluster.mec(['join-token', '--url', url, '--dir', dir, '--name', 'n4']);
  const token = made.out.trim();
  assert.match(token, /^mec1\./, made.err);
  cluster.hideToken('token for joining', token);
  const port = cluster.portOf(3);
  const ports = ['--port', String(port), '--httpport', new URL(cluster.urlOf(3)).port];
  const args = (name: string) => ['join', '--url', url, '--name', name, '--dir', dir, ...ports];
  await cluster.mec([...args('n9'), '--prepare'], { MEC_TOKEN: token });
  await cluster.mec([...args('n9'), '--prepare'], { MEC_TOKEN: token.slice(0, -1) });
  cluster.start('n4', { args: args('n4'), token });
  await cluster.ready('n4');
  await cluster.hideKeysOf('n4');
  await cluster.mec([...args('n5'), '--prepare'], { MEC_TOKEN: token });
  await cluster.ask('/cluster/join', { method: 'POST', token, body: '{"name":"n4"}' });
}

/** All keys are changed while the cluster runs. */
async function changeKeys(cluster: ObservedCluster, first: string): Promise<void> {
  const { directory } = cluster;
  await hideDataKeys(cluster, 'n1', first);
  const config = (name: string): string => join(directory, `${name}.toml`);
  await cluster.printed('security', 'rotate');
  await eventually('tokens have another key', async () => {
    const { code } = await cluster.mec(['security', 'rotate', 'tokens']);
    return code === 0;
  });
  await cluster.printed('security', 'renew', '--node', config('n2'), '--dir', directory);
  await cluster.printed('security', 'rekey', '--node', config('n1'));
  await hideDataKeys(cluster, 'n1', first);
  const next = await masterKey(cluster, 'next.key');
  await cluster.mec(['security', 'rekey', '--node', config('n1'), '--masterkey', config('n2')]);
  const file = cluster.file('next.key');
  await cluster.printed('security', 'rekey', '--node', config('n1'), '--masterkey', file);
  for (const node of cluster.nodes.values()) node.signal('SIGHUP');
  await eventually('they have read it', async () =>
    [...cluster.nodes.values()].every(({ log }) => /configuration (?:not )?read again/.test(log)),
  );
  await hideDataKeys(cluster, 'n1', next);
  for (const name of NODES) await cluster.hideKeysOf(name);
  const recovery = await cluster.printed('security', 'recover', '--node', config('n3'));
  cluster.hideToken('token of a recovery', recovery);
  const env = { MEC_TOKEN: recovery, MEC_URL: cluster.urlOf(2) };
  await cluster.mec(['security', 'status', '--url', cluster.urlOf(2)], env);
  await cluster.printed('security', 'revoke', 'user/shop');
}

const readPolicy = (file: string): unknown => parseCasbinPolicy(file, readText(file));

/** Files that are malformed, or are no such files, and hold a secret. */
async function giveBadFiles(cluster: ObservedCluster, master: string): Promise<void> {
  const { admin, directory } = cluster;
  const pem = await readFile(join(directory, 'ca.key'), 'utf8');
  const bad = [
    `token = "${admin}`,
    `token = ["${admin}"]`,
    `token = ${admin}`,
    `"${admin}" = 1`,
    `${admin} = 1`,
    `tokens = "${admin}"`,
    `url = "https://x"\ntoken = "${admin}\n"`,
    `url = "${admin}"`,
    `Authorization: Bearer ${admin}`,
    pem,
    `[storage]\nmasterkey = "${master}"`,
    `[storage]\nmasterkey = ["${master}"]`,
    `[storage]\nmasterkeycommand = "echo ${master}x"`,
    `[storage]\nmasterkeycommand = "echo ${master} >&2; exit 1"`,
    `[storage]\nmasterkey = "a"\nmasterkeycommand = "echo ${master}"`,
    `[storage]\n${master} = 1`,
    `[security]\nmode = "${admin}"`,
    `[security]\nrate = "${admin}"`,
    master,
  ];
  const file = cluster.file('bad.toml');
  const note = async (read: () => unknown): Promise<void> => {
    try {
      await read();
    } catch (error) {
      // A program that does not catch it shows all of it.
      cluster.hunt.add('error of a file', inspect(error));
    }
  };
  for (const text of bad) {
    await writeFile(file, `${text}\n`, PRIVATE);
    for (const read of [clientFile, loadConfig, readPolicy]) await note(() => read(file));
    await note(async () => DataKeyFile.open(await loadConfig(file)));
  }
  for (const name of ['ca.key', 'client.toml', 'admin.header', 'n1/security/curve.key'])
    for (const read of [clientFile, loadConfig, readPolicy, readJwks])
      await note(() => read(join(directory, name)));
  await cluster.mec(['--config', join(directory, 'client.toml')]);
  await cluster.mec(['get', 'k', '--json', '--client', join(directory, 'admin.header')]);
  await cluster.mec(['security', 'import', join(directory, 'client.toml')]);
  await rm(file);
}

/** Every node writes a report, and one of them crashes. */
async function crash(cluster: ObservedCluster): Promise<void> {
  for (const node of cluster.nodes.values()) node.signal('SIGUSR2');
  for (const [name, node] of cluster.nodes)
    await eventually(`${name} writes a report`, async () =>
      node.log.includes('Node.js report completed'),
    );
  const before = cluster.nodes.get('n4');
  before?.signal('SIGWINCH');
  await eventually('n4 crashes', async () => before?.ending !== undefined);
  for (const name of cluster.nodes.keys()) await cluster.stop(name);
}

/** The keys for tokens are on the disk of every node. One has them in the clear. */
async function hideTokenKeys(cluster: ObservedCluster): Promise<void> {
  const rows = await cluster.addRows('n3');
  for (const name of ['n1', 'n2']) await cluster.addRows(name);
  const row = metaRow('token keys');
  const kept = openIntact(rows.get(row) ?? assert.fail('no keys'), row);
  const keys = kept as TokenKey[];
  assert.ok(keys.length >= 2, 'one more was drawn');
  for (const { secret } of keys) cluster.hunt.hide('key for tokens', secret);
}

/** The only places that may have a secret, with the secret. Each of them has it. */
const MEANT: readonly string[] = [
  // Made by "mec security init".
  'cluster/admin.header: administrator',
  'cluster/client.toml: administrator',
  'mec security init: administrator',
  'cluster/ca.key: authority',
  // A node that renews its certificate by itself.
  'cluster/n1/security/ca.key: authority',
  ...[...NODES, 'n4'].flatMap((name) => [
    `cluster/${name}/security/curve.key: key of ${name}`,
    `cluster/${name}/security/node.key: certificate of ${name}`,
  ]),
  // The answers to operators, which are printed once.
  'mec join-token: token for joining',
  'mec security recover: token of a recovery',
  'mec security signer: shared secret',
  'mec security token: token of a tenant',
  'cluster/shop.key: certificate of a user',
  // The files of the operator.
  'first.key: first.key',
  'second.key: second.key',
  'next.key: next.key',
  'signer.key: key of a signer',
  // The disks of nodes without a master key.
  'cluster/n3/leveldb/*.ldb: key for tokens',
  'cluster/n3/leveldb/*.ldb: shared secret',
  'cluster/n4/leveldb/*.log: key for tokens',
  'cluster/n4/leveldb/*.log: shared secret',
  'rows of n3: key for tokens',
  'rows of n3: shared secret',
];

/** The search has read these: a place of each kind, and a text in it. */
const READ: readonly (readonly [place: string, text: string])[] = [
  ['log of n1', 'serving'],
  ['log of n4', 'Error: crash'],
  ['answer of GET /status', '"members"'],
  ['answer of GET /metrics', 'mec_'],
  ['answer of GET /ui', '<html'],
  ['answer of GET /cluster/security', '"records"'],
  ['answer of GET /mec/other', 'unauthenticated'],
  ['answer of POST /cluster/security/grants', 'is unknown'],
  ['error of a file', 'not valid TOML'],
  ['mec explain', 'shop/cart'],
  ['mec join', 'mec:'],
  ['cluster/n1/security/audit.ndjson', '"admin"'],
  ['cluster/n1/data-keys.json', '"wrapped"'],
  ['rows of n3', 'milk'],
  ['reports/report.*.*.*.0.*.json', '"environmentVariables"'],
];

test('no output of a secured cluster has a secret, but the files that are for it', async (t) => {
  const cluster = await runAll(t);
  t.diagnostic(`${cluster.hunt.places.length} places`);
  for (const [place, text] of READ) assert.ok(cluster.hunt.has(place, text), `${place}: ${text}`);
  const found = cluster.hunt.find();
  const leaks = found.filter((one) => !MEANT.includes(one));
  assert.deepEqual(leaks, []);
  const missed = MEANT.filter((one) => !found.includes(one));
  assert.deepEqual(missed, [], 'the search finds those that are there');
});

async function runAll(t: TestContext): Promise<ObservedCluster> {
  const cluster = await ObservedCluster.init(t);
  const first = await masterKey(cluster, 'first.key');
  await masterKey(cluster, 'second.key');
  const issuer = await configure(cluster);
  for (const name of NODES) cluster.start(name);
  for (const name of NODES) await cluster.ready(name);
  const shop = await makeProofs(cluster);
  await ask(cluster, shop, issuer);
  await runCommands(cluster, shop);
  await join4(cluster);
  await changeKeys(cluster, first);
  await giveBadFiles(cluster, first);
  await crash(cluster);
  await hideTokenKeys(cluster);
  await cluster.hunt.addFiles(cluster.root);
  return cluster;
}
