/** The door of a secured node: all that must be refused, and all that must still work. */
import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { chmod, copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { ROUTES } from '../../src/http/route-table.ts';
import { eventually } from '../fixtures/cluster.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import type { Response } from '../fixtures/http.ts';
import { runMec } from '../fixtures/run-mec.ts';
import {
  initialized,
  SecuredNode,
  type SecuredRequest,
  startSecured,
} from '../fixtures/secured.ts';

const codeOf = ({ text }: Response): unknown => (JSON.parse(text) as { code?: unknown }).code;

const refusal = (answer: Response): unknown[] => [answer.status, codeOf(answer)];
const UNAUTHENTICATED = [401, 'unauthenticated'];
const FORBIDDEN = [403, 'forbidden'];

test('without a proof, every route but two is refused, known or not', async (t) => {
  const secured = await SecuredNode.start(t);
  const paths = Object.keys(ROUTES).map((path) => path.replaceAll(/\{\w+\}/g, 'x'));
  for (const path of [...paths, '/nothing', '/cluster/nothing', '/mec/%zz'])
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'PATCH']) {
      const answer = await secured.send(path, { method });
      const isOpen = method === 'GET' && (path === '/ping' || path === '/ready');
      if (isOpen) assert.notEqual(answer.status, 401, path);
      else assert.deepEqual(refusal(answer), UNAUTHENTICATED, `${method} ${path}`);
      if (!isOpen) assert.equal(answer.headers['www-authenticate'], 'Bearer realm="MecDB"');
    }
  const preflight = await secured.send('/mec/x', { method: 'OPTIONS' });
  assert.equal(preflight.status, 204);
});

test('a proof that does not count is refused in one way, whatever is wrong with it', async (t) => {
  const secured = await SecuredNode.start(t);
  const { admin } = secured;
  const flipped = admin.slice(0, -1) + (admin.endsWith('0') ? '1' : '0');
  const odd = [flipped, admin.slice(0, -1), `${admin}0`, '', 'x', admin.toUpperCase()];
  const answers = await Promise.all(odd.map((token) => secured.send('/mec/x', { token })));
  const basic = { Authorization: `Basic ${Buffer.from(`admin:${admin}`).toString('base64')}` };
  answers.push(await secured.send('/mec/x', { headers: basic }));
  const other = await SecuredNode.start(t);
  answers.push(await secured.send('/mec/x', { token: other.admin }));
  answers.push(await secured.send('/ping', { token: flipped }));
  for (const answer of answers) assert.deepEqual(refusal(answer), UNAUTHENTICATED);
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  const inQuery = await secured.send(`/mec/x?token=${admin}`);
  assert.deepEqual(refusal(inQuery), UNAUTHENTICATED);
  assert.equal((await secured.send('/mec/x', { token: admin })).status, 404);
});

/** A request, the rights of its sender, and whether it is allowed. */
const RIGHTS: readonly (readonly [
  rights: Readonly<Record<string, readonly string[]>>,
  path: string,
  sent: SecuredRequest,
  isAllowed: boolean,
])[] = [
  [{ 'a/': ['read'] }, '/mec/a/x', {}, true],
  [{ 'a/': ['read'] }, '/mec/a%2Fx', {}, true],
  [{ 'a/': ['read'] }, '/mec/a%252Fx', {}, false],
  [{ 'a/': ['read'] }, '/mec/a', {}, false],
  [{ 'a/': ['read'] }, '/mec/ab', {}, false],
  [{ 'a/': ['read'] }, '/mec/A/x', {}, false],
  [{ 'caf\u00e9': ['read'] }, `/mec/${encodeURIComponent('caf\u00e9')}`, {}, true],
  [{ 'caf\u00e9': ['read'] }, `/mec/${encodeURIComponent('cafe\u0301')}`, {}, false],
  [{ 'a/': ['read'] }, '/mec/a/x', { method: 'PUT', body: 'v' }, false],
  [{ 'a/': ['write'] }, '/mec/a/x', { method: 'PUT', body: 'v' }, true],
  [{ 'a/': ['write'] }, '/mec/a/x', {}, false],
  [{ 'a/': ['write'] }, '/mec/a/x', { method: 'DELETE' }, false],
  [{ 'a/': ['delete'] }, '/mec/a/x', { method: 'DELETE' }, true],
  [{ 'a/': ['write'] }, '/mec/a/x?returnbody=true', { method: 'PUT' }, false],
  [{ 'a/': ['write'] }, '/mec/a/x?return%62ody=%74rue', { method: 'PUT' }, false],
  [{ '': ['write'] }, '/mec?return%62ody=true', { method: 'POST' }, false],
  [{ 'a/': ['write'] }, '/mec/a/x', { method: 'PUT', headers: { 'If-Match': '"x"' } }, false],
  [{ 'a/': ['write'] }, '/mec/a/x', { method: 'PUT', headers: { 'If-None-Match': '*' } }, false],
  [
    { 'a/': ['write', 'read'] },
    '/mec/a/x',
    { method: 'PUT', headers: { 'If-Match': '"x"' } },
    true,
  ],
  [{ 'a/': ['list'] }, '/mec?prefix=a/', {}, true],
  [{ 'a/': ['list'] }, '/mec?prefix=a/b', {}, true],
  [{ 'a/': ['list'] }, '/mec?prefix=a', {}, false],
  [{ 'a/': ['list'] }, '/mec', {}, false],
  [{ 'a/': ['list'] }, '/mec?prefix=', {}, false],
  [{ 'a/': ['list'] }, '/mec?prefix=b/', {}, false],
  [{ '': ['list'] }, '/mec', {}, true],
  [{ 'a/': ['write'] }, '/mec', { method: 'POST' }, false],
  [{ '': ['write'] }, '/mec', { method: 'POST' }, true],
  [{ 'a/': ['monitor'] }, '/cluster/locate/a/x', {}, true],
  [{ 'a/': ['monitor'] }, '/cluster/locate/b', {}, false],
  [{ 'a/': ['monitor'] }, '/status', {}, false],
  [{ '': ['monitor'] }, '/status', {}, true],
  [{ '': ['monitor'] }, '/cluster/security', {}, false],
  [
    { '': ['read', 'write', 'delete', 'list', 'monitor'] },
    '/cluster/leave',
    { method: 'POST' },
    false,
  ],
  [{ 'a/': ['admin'] }, '/cluster/security', {}, false],
  [{ '': ['admin'] }, '/mec/a/x', {}, false],
  [{ 'a/': ['monitor'] }, '/batch', { method: 'POST' }, false],
];

test('a request is allowed by the verb of its route on its key or prefix', async (t) => {
  const secured = await SecuredNode.start(t);
  for (const [rights, path, sent, isAllowed] of RIGHTS) {
    const token = await secured.tokenWith(rights);
    const answer = await secured.send(path, { ...sent, token });
    const told = `${JSON.stringify(rights)} ${sent.method ?? 'GET'} ${path}: ${answer.text}`;
    if (isAllowed) assert.ok(![401, 403].includes(answer.status), told);
    else assert.deepEqual(refusal(answer), FORBIDDEN, told);
  }
});

test('a refusal is the same for a key with a value and one without', async (t) => {
  const secured = await SecuredNode.start(t);
  const { admin: token } = secured;
  await secured.send('/mec/there', { method: 'PUT', body: 'v', token });
  const stranger = await secured.tokenWith({ 'a/': ['read', 'write'] });
  const [one, other] = await Promise.all(
    ['there', 'thera'].map((key) => secured.send(`/mec/${key}`, { token: stranger })),
  );
  assert.deepEqual(refusal(one as Response), FORBIDDEN);
  assert.equal(one?.text.replace('there', 'thera'), other?.text);
  const writer = await secured.tokenWith({ there: ['write'] });
  const written = await secured.send('/mec/there', { method: 'PUT', body: 'w', token: writer });
  assert.equal(written.status, 200);
  assert.equal(written.headers['x-mec-siblings'], undefined, 'a writer learns of no other value');
  assert.equal(written.headers['etag'], undefined);
});

test('each operation of a batch has its own right', async (t) => {
  const secured = await SecuredNode.start(t);
  const token = await secured.tokenWith({ 'a/': ['read', 'write'] });
  const lines = [
    { op: 'put', key: 'a/x', value: 'v' },
    { op: 'get', key: 'a/x' },
    { op: 'get', key: 'b/x' },
    { op: 'delete', key: 'a/x' },
  ];
  const body = lines.map((line) => JSON.stringify(line)).join('\n');
  const answer = await secured.send('/batch', { method: 'POST', token, body });
  const statuses = answer.text.trim().split('\n');
  assert.deepEqual(
    statuses.map((line) => (JSON.parse(line) as { status: number }).status),
    [200, 200, 403, 403],
  );
});

test('no byte of a body is read before its sender is known', async (t) => {
  const secured = await SecuredNode.start(t);
  const { host, port } = new URL(secured.node.url);
  const sockets: Socket[] = [];
  const note = (message: unknown): void =>
    void sockets.push((message as { readonly socket: Socket }).socket);
  channel('net.server.socket').subscribe(note);
  t.after(() => channel('net.server.socket').unsubscribe(note));
  const client = connect({ host: '127.0.0.1', port: Number(port), ca: secured.ca });
  client.on('error', () => {});
  let answer = '';
  client.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  const closed = new Promise((resolve) => client.once('close', resolve));
  client.write(`PUT /mec/x HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3000000\r\n\r\n`);
  const piece = Buffer.alloc(65_536);
  const pump = (): void => {
    // A refused body of this size would be read to its end, for the next request.
    while (!client.destroyed && client.bytesWritten < 2_900_000 && client.write(piece));
    if (!client.destroyed) client.once('drain', pump);
  };
  pump();
  await closed;
  assert.match(answer, /^HTTP\/1\.1 401 /);
  const [socket] = sockets;
  // The kernel may have more, and a handshake and the pieces of one turn were read.
  assert.ok(socket !== undefined && socket.bytesRead < 1e6, `${socket?.bytesRead} bytes`);
});

test('a certificate of the authority proves a user, and any other one proves nothing', async (t) => {
  const secured = await SecuredNode.start(t);
  await secured.change('grants', { identity: 'ann', prefix: 'a/', verbs: ['read'] });
  const ann = await secured.certificateFor('mec://mec/user/ann');
  const other = await SecuredNode.start(t);
  assert.equal((await secured.send('/mec/a/x', { certificate: ann })).status, 404);
  assert.deepEqual(refusal(await secured.send('/mec/b', { certificate: ann })), FORBIDDEN);
  const strangers = [
    await secured.certificateFor('mec://mec/node/n1'),
    await secured.certificateFor('mec://other/user/ann'),
    await secured.certificateFor('mec://mec/user/eve'),
    await secured.certificateFor('mec://mec/user/ann, URI:mec://mec/user/admin'),
    await secured.certificateFor(['mec://mec/user/ann', 'mec://mec/user/admin']),
    await secured.certificateFor(['mec://mec/user/admin', 'mec://mec/user/ann']),
    await secured.certificateFor('mec://mec/user/ann', await other.authority()),
  ];
  for (const certificate of strangers)
    assert.deepEqual(refusal(await secured.send('/mec/a/x', { certificate })), UNAUTHENTICATED);
  const both = await secured.send('/mec/a/x', { certificate: ann, token: secured.admin });
  assert.deepEqual(refusal(both), [400, 'bad-request']);
  const { X509Certificate } = await import('node:crypto');
  const serial = new X509Certificate(ann.certificate).serialNumber.toLowerCase();
  assert.equal((await secured.change('revoke', { id: `cert/${serial}` })).status, 200);
  assert.deepEqual(refusal(await secured.send('/mec/a/x', { certificate: ann })), UNAUTHENTICATED);
});

test('a revoked token ends, and so do all tokens of a revoked identity', async (t) => {
  const secured = await SecuredNode.start(t);
  const rights = { 'a/': ['read'] };
  const [one, two] = [
    await secured.tokenWith(rights, 'ann'),
    await secured.tokenWith(rights, 'ann'),
  ];
  const id = `token/${one.split('_')[1]}`;
  const revoked = await secured.change('revoke', { id });
  assert.deepEqual(JSON.parse(revoked.text), { have: ['n1'], lack: [] });
  assert.deepEqual(refusal(await secured.send('/mec/a/x', { token: one })), UNAUTHENTICATED);
  assert.equal((await secured.send('/mec/a/x', { token: two })).status, 404);
  await secured.change('revoke', { id: 'user/ann' });
  assert.deepEqual(refusal(await secured.send('/mec/a/x', { token: two })), UNAUTHENTICATED);
  const again = await secured.change('tokens', { identity: 'ann' });
  assert.deepEqual(refusal(again), [400, 'bad-parameter']);
});

test('a connection that stays open keeps no right that was taken away', async (t) => {
  const secured = await SecuredNode.start(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const [ann, bob] = [
    await secured.tokenWith({ 'a/': ['read'] }, 'ann'),
    await secured.tokenWith({ 'b/': ['read'] }, 'bob'),
  ];
  const statusOf = async (path: string, token: string): Promise<number> =>
    (await secured.send(path, { token, agent })).status;
  for (let i = 0; i < 3; i++) assert.equal(await statusOf('/mec/a/x', ann), 404);
  assert.equal(await statusOf('/mec/a/x', bob), 403);
  assert.equal(await statusOf('/mec/b/x', bob), 404);
  assert.equal(await statusOf('/mec/a/x', `${ann}0`), 401);
  assert.equal(await statusOf('/mec/a/x', ann), 404);
  await secured.change('grants', { identity: 'ann', prefix: 'a/', verbs: [] });
  assert.equal(await statusOf('/mec/a/x', ann), 403);
  await secured.change('grants', { identity: 'ann', prefix: 'a/', verbs: ['read'] });
  assert.equal(await statusOf('/mec/a/x', ann), 404);
  await secured.change('revoke', { id: `token/${ann.split('_')[1]}` });
  assert.equal(await statusOf('/mec/a/x', ann), 401);
});

test('the last administrator stays', async (t) => {
  const secured = await SecuredNode.start(t);
  const id = `token/${secured.admin.split('_')[1]}`;
  for (const change of [
    () => secured.change('revoke', { id }),
    () => secured.change('revoke', { id: 'user/admin' }),
    () => secured.change('grants', { identity: 'admin', prefix: '', verbs: ['read'] }),
  ])
    assert.deepEqual(refusal(await change()), [409, 'last-admin']);
});

test('a change that is malformed is refused with the field', async (t) => {
  const secured = await SecuredNode.start(t);
  const good = { identity: 'ann', prefix: 'a/', verbs: ['read'] };
  for (const [route, document] of [
    ['grants', { ...good, verbs: ['fly'] }],
    ['grants', { ...good, verbs: 'read' }],
    ['grants', { ...good, identity: '../x' }],
    ['grants', { ...good, prefix: 7 }],
    ['grants', { ...good, prefix: '\0' }],
    ['grants', { ...good, more: 1 }],
    ['tokens', { identity: 'nobody' }],
    ['tokens', { identity: 'admin', days: 1e9 }],
    ['revoke', { id: 'user' }],
    ['revoke', { id: 'user/eve' }],
  ] as const)
    assert.deepEqual(refusal(await secured.change(route, document)), [400, 'bad-parameter'], route);
  assert.deepEqual(refusal(await secured.change('grants', [])), [400, 'bad-request']);
});

test('an identity has a rate and no more', async (t) => {
  const secured = await SecuredNode.start(t, { security: { rate: 5 } });
  const { admin: token } = secured;
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => secured.send('/mec/x', { token })),
  );
  const limited = answers.filter(({ status }) => status === 429);
  assert.ok(limited.length > 0, answers.map(({ status }) => status).join());
  for (const answer of limited) assert.equal(answer.headers['retry-after'], '1');
  assert.equal((await secured.send('/ping')).status, 200, 'strangers have no rate');
});

/** The length of a body that is well above the heads and the handshake of a connection. */
const LARGE = 200_000;

test('an identity moves a number of bytes a second and no more, in both directions', async (t) => {
  const secured = await SecuredNode.start(t, { security: { byterate: '20kB' } });
  const { admin } = secured;
  const writer = await secured.tokenWith({ '': ['write'] });
  const reader = await secured.tokenWith({ '': ['read'] });
  const body = 'x'.repeat(LARGE);
  const limit = (answer: Response): void => {
    assert.deepEqual(refusal(answer), [429, 'rate-limited']);
    // The node may have paid a part of the debt since.
    const seconds = Number(answer.headers['retry-after']);
    assert.ok(seconds > 1 && seconds <= LARGE / 20_000 + 1, String(seconds));
  };
  const put = (value: string): Promise<Response> =>
    secured.send('/mec/x', { method: 'PUT', token: writer, body: value });
  assert.equal((await put(body)).status, 200, 'a request may exceed the rate');
  limit(await put('v'));
  assert.equal((await secured.send('/mec/x', { token: reader })).text.length, LARGE);
  limit(await secured.send('/mec/x', { token: reader }));
  const chunked = { 'Transfer-Encoding': 'chunked' };
  const sent = { method: 'PUT', token: admin, body, headers: chunked };
  assert.equal((await secured.send('/mec/y', sent)).status, 200);
  limit(await secured.send('/mec/y', { token: admin }));
});

test('pages of other origins are refused before any proof is looked at', async (t) => {
  const secured = await SecuredNode.start(t);
  const { admin: token } = secured;
  const headers = { Origin: 'https://evil.example' };
  const answer = await secured.send('/mec/x', { method: 'PUT', token, headers });
  assert.deepEqual(refusal(answer), [403, 'cross-origin']);
  const astray = await secured.send('/mec/x', { token, headers: { Host: 'evil.example' } });
  assert.deepEqual(refusal(astray), [421, 'wrong-host']);
});

test('the port speaks TLS 1.3, and nothing in the clear', async (t) => {
  const secured = await SecuredNode.start(t);
  const port = Number(new URL(secured.node.url).port);
  const plain = connectPlain({ host: '127.0.0.1', port });
  let heard = '';
  plain.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  plain.on('error', () => {});
  plain.write('GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => plain.once('close', resolve));
  assert.ok(!heard.includes('HTTP'), heard);
  const tls = (options: object): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: secured.ca, ...options }, () => {
        resolve(String(socket.getProtocol()));
        socket.destroy();
      });
      socket.on('error', ({ message }) => resolve(message));
    });
  assert.equal(await tls({}), 'TLSv1.3');
  assert.match(await tls({ maxVersion: 'TLSv1.2' }), /version|handshake/i);
});

test('new certificates count after a reload, and a wrong pair changes nothing', async (t) => {
  const secured = await SecuredNode.start(t);
  const directory = join(secured.directory, 'n1/security');
  const { hostname: host, port } = new URL(secured.node.url);
  const serialOf = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), ca: secured.ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const before = await serialOf();
  const old = await readFile(join(directory, 'node.key'), 'utf8');
  const [config = ''] = secured.made.configs;
  const { code, err } = await runMec([
    'security',
    'renew',
    '--node',
    config,
    '--dir',
    secured.directory,
  ]);
  assert.equal(code, 0, err);
  const next = await readFile(join(directory, 'node.key'), 'utf8');
  await writeFile(join(directory, 'node.key'), old);
  assert.deepEqual(refusal(await secured.change('reload', {})), [400, 'bad-parameter']);
  assert.equal(await serialOf(), before);
  await writeFile(join(directory, 'node.key'), next);
  assert.equal((await secured.change('reload', {})).status, 200);
  assert.notEqual(await serialOf(), before);
});

test('a secured root does not start in another mode, nor the mode on another root', async (t) => {
  const { directory } = await initialized(t);
  const refused = (config: Parameters<typeof startSecured>[1], reason: RegExp): Promise<void> =>
    assert.rejects(startSecured(directory, config), reason);
  const security = join(directory, 'n1/security');
  await refused(
    { security: { mode: 'open' } },
    /^StartError: security\.mode: "open", but .* secured/,
  );
  await refused(
    { security: { mode: 'insecure' } },
    /^StartError: security\.mode: "insecure", but /,
  );
  const nameless = { host: '127.0.0.1', port: 7000 };
  await refused({ node: [nameless] }, /^StartError: node\.name: missing for 127\.0\.0\.1:7000; /);
  await refused({ http: { origins: ['*'] } }, /^StartError: http\.origins: "\*" lets /);
  await refused({ host: '203.0.113.1' }, /^StartError: Cannot listen on tcp:\/\/203\.0\.113\.1/);
  await refused({ root: join(directory, '../empty') }, /^StartError: security\.mode: "on", but /);
  await chmod(join(security, 'node.key'), 0o644);
  await refused({}, /node\.key can be used by others/);
  await chmod(join(security, 'node.key'), 0o600);
  const node = await startSecured(directory);
  await node.close();
  // A store that has a ledger needs no mark to know that it was secured.
  await rm(security, { recursive: true });
  await refused({ security: { mode: 'open' } }, /^StartError: .*ledger/);
});

test('an operator with the disk gets in, without a restart', async (t) => {
  const log = memoryLog();
  const secured = await SecuredNode.start(t, { log });
  const [config = ''] = secured.made.configs;
  const { code, out, err } = await runMec(['security', 'recover', '--node', config]);
  assert.equal(code, 0, err);
  const token = out.trim();
  await eventually('the node has read it', async () => {
    const { status } = await secured.send('/status', { token });
    return status === 200;
  });
  assert.ok(log.lines.some((line) => line.includes('administrator for a short time')));
  const granted = await secured.change('grants', { identity: 'x', prefix: '', verbs: [] }, token);
  assert.equal(granted.status, 200, granted.text);
});

test('after mec security off the node starts as its configuration says', async (t) => {
  const { directory, made } = await initialized(t);
  await (await startSecured(directory)).close();
  const { code, err } = await runMec(['security', 'off', '--node', made.configs[0] ?? '']);
  assert.equal(code, 0, err);
  const node = await startSecured(directory, { security: { mode: 'open' } });
  t.after(() => node.close());
  assert.match(node.url, /^http:/);
});

test('the audit has refusals and changes, and nothing that a node says has a secret', async (t) => {
  const log = memoryLog();
  const secured = await SecuredNode.start(t, { log });
  const token = await secured.tokenWith({ 'a/': ['read'] }, 'ann');
  await secured.send('/mec/secret-key', { token });
  await secured.send('/mec/a/x', { token: `${token.slice(0, -1)}_` });
  const directory = join(secured.directory, 'n1/security');
  const audit = await readFile(join(directory, 'audit.ndjson'), 'utf8');
  const lines = audit
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
  const short = lines.map(({ identity, outcome, method }) => [identity, outcome, method]);
  assert.deepEqual(short, [
    ['admin', 'accepted', 'POST'],
    ['admin', 'accepted', 'POST'],
    ['ann', 'forbidden', 'GET'],
    [undefined, 'unauthenticated', 'GET'],
  ]);
  const status = await secured.send('/status', { token: secured.admin });
  const ledger = await secured.send('/cluster/security', { token: secured.admin });
  const metrics = await secured.send('/metrics', { token: secured.admin });
  await copyFile(join(directory, 'node.key'), join(secured.directory, 'key'));
  const key = (await readFile(join(directory, 'node.key'), 'utf8')).split('\n')[1] ?? '';
  await secured.node.close();
  const kept = await Promise.all(
    (await readdir(join(secured.directory, 'n1'), { withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ name }) => readFile(join(secured.directory, 'n1', name), 'latin1')),
  );
  const said = [audit, status.text, ledger.text, metrics.text, ...log.lines, ...kept].join('\n');
  for (const secret of [token, secured.admin, key]) {
    assert.ok(secret.length > 30);
    assert.ok(!said.includes(secret.slice(-40)), 'a secret was said');
  }
  assert.ok(!audit.includes('secret-key'));
});
