/** JSON Web Tokens at the door of a secured node: one that counts, and all that must not. */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import { KeyCache } from '../../src/http/jwks.ts';
import { JwtVerifier } from '../../src/http/jwt.ts';
import { parseConfig } from '../../src/config/read.ts';
import { memoryLog } from '../fixtures/fake-env.ts';
import { SecuredNode } from '../fixtures/secured.ts';

const KEYS = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OTHER_KEYS = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const RULES = { issuer: 'https://login.example', audience: 'mec', claim: 'sub', prefix: 'jwt-' };

const jwksOf = (kid: string, { publicKey }: { publicKey: KeyObject } = KEYS): string =>
  JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' }] });

const partOf = (document: object): string =>
  Buffer.from(JSON.stringify(document)).toString('base64url');

/** Seconds since 1970. */
const now = (): number => Math.floor(Date.now() / 1000);

type Claims = Readonly<Record<string, unknown>>;

const claims = (more: Claims = {}): Claims => ({
  iss: RULES.issuer,
  aud: RULES.audience,
  sub: 'ann',
  exp: now() + 600,
  ...more,
});

/** A token, signed as its header says unless `by` signs otherwise. */
function tokenOf(
  payload: Claims,
  header: Claims = { alg: 'ES256', kid: 'a' },
  by = (text: string): Buffer =>
    sign('sha256', Buffer.from(text), { key: KEYS.privateKey, dsaEncoding: 'ieee-p1363' }),
): string {
  const text = `${partOf(header)}.${partOf(payload)}`;
  return `${text}.${by(text).toString('base64url')}`;
}

async function withIssuer(t: TestContext): Promise<SecuredNode> {
  const keys = join(tmpdir(), `mec-jwks-${process.pid}.json`);
  await writeFile(keys, jwksOf('a'));
  const secured = await SecuredNode.start(t, { jwt: { ...RULES, keys } });
  await secured.change('grants', { identity: 'jwt-ann', prefix: 'a/', verbs: ['read'] });
  await secured.change('grants', { identity: 'admin', prefix: '', verbs: ['admin', 'read'] });
  return secured;
}

test('a token of the issuer proves an identity with its prefix, whose rights are in the ledger', async (t) => {
  const secured = await withIssuer(t);
  const token = tokenOf(claims());
  const many = Array.from({ length: 20 }, () => secured.send('/mec/a/x', { token }));
  for (const { status, text } of await Promise.all(many)) assert.equal(status, 404, text);
  assert.equal((await secured.send('/mec/b', { token })).status, 403);
  assert.equal((await secured.send('/cluster/security', { token })).status, 403);
  const body = 'x'.repeat(100_000);
  const put = { method: 'PUT', token, body };
  assert.equal((await secured.send('/mec/a/x', put)).status, 403);
  await secured.change('revoke', { id: 'user/jwt-ann' });
  const after = await secured.send('/mec/a/x', { token });
  assert.equal(after.status, 401, 'a check that is kept must not outlive a revocation');
});

test('a token that breaks any rule is refused in one way', async (t) => {
  const secured = await withIssuer(t);
  const pem = KEYS.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const hs256 = { alg: 'HS256', kid: 'a' };
  const { exp: _, ...endless } = claims();
  const { aud: __, ...forAll } = claims();
  const { iss: ___, ...ofNobody } = claims();
  const good = tokenOf(claims());
  const [head = '', , mark = ''] = good.split('.');
  const refused: Readonly<Record<string, string>> = {
    none: tokenOf(claims(), { alg: 'none' }, () => Buffer.alloc(0)),
    'none with a key': tokenOf(claims(), { alg: 'none', kid: 'a' }),
    'the public key as a secret': tokenOf(claims(), hs256, (text) =>
      createHmac('sha256', pem).update(text).digest(),
    ),
    'another key': tokenOf(claims(), { alg: 'ES256', kid: 'a' }, (text) =>
      sign('sha256', Buffer.from(text), { key: OTHER_KEYS.privateKey, dsaEncoding: 'ieee-p1363' }),
    ),
    'a key that comes with it': tokenOf(claims(), {
      alg: 'ES256',
      jwk: OTHER_KEYS.publicKey.export({ format: 'jwk' }),
      kid: 'b',
    }),
    'another audience': tokenOf(claims({ aud: 'other' })),
    'another issuer': tokenOf(claims({ iss: 'https://evil.example' })),
    'no end': tokenOf(endless),
    'no audience': tokenOf(forAll),
    'no issuer': tokenOf(ofNobody),
    'an end in the past': tokenOf(claims({ exp: now() - 60 })),
    'a beginning in the future': tokenOf(claims({ nbf: now() + 600 })),
    'other claims': [head, partOf(claims({ sub: 'admin' })), mark].join('.'),
    'an identity that there is not': tokenOf(claims({ sub: 'eve' })),
    'a name that is none': tokenOf(claims({ sub: '../ann' })),
    'a name that is no text': tokenOf(claims({ sub: 7 })),
    // Without the prefix, a user of the issuer could have the name of the administrator.
    'the name of an administrator': tokenOf(claims({ sub: 'admin' })),
  };
  assert.equal((await secured.send('/mec/a/x', { token: good })).status, 404);
  const texts = new Set<string>();
  for (const [what, token] of Object.entries(refused)) {
    const { status, text } = await secured.send('/mec/a/x', { token });
    assert.equal(status, 401, what);
    texts.add(text);
  }
  assert.equal(texts.size, 1);
});

test('keys at a URL are read when a token has a new one, and outlive an issuer that is down', async (t) => {
  const issuer = { text: jwksOf('a'), isDown: false, reads: 0 };
  const server = createServer((_, response) => {
    issuer.reads += 1;
    response.statusCode = issuer.isDown ? 500 : 200;
    response.end(issuer.text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const keys = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  const log = memoryLog();
  const secured = await SecuredNode.start(t, { log, jwt: { ...RULES, keys } });
  await secured.change('grants', { identity: 'jwt-ann', prefix: 'a/', verbs: ['read'] });
  issuer.isDown = true;
  const early = await secured.send('/mec/a/x', { token: tokenOf(claims()) });
  assert.deepEqual([early.status, early.headers['retry-after']], [503, '30']);
  assert.ok(log.lines.some((line) => line.includes('keys of the issuer cannot be read')));
  assert.equal((await secured.send('/mec/a/x', { token: secured.admin })).status, 404);
  assert.equal(issuer.reads, 1);
});

/** Time that a test sets. */
const clockAt = (ms: number): { monotonicMs: () => number; ms: number } => {
  const clock = { ms, monotonicMs: () => clock.ms };
  return clock;
};

test('keys count for five minutes, and for an hour if they cannot be read again', async () => {
  const clock = clockAt(0);
  let [keys, isDown, reads]: [string | undefined, boolean, number] = ['one', false, 0];
  const failures: string[] = [];
  const read = async (): Promise<string> => {
    reads += 1;
    if (isDown) throw new Error('down');
    return keys as string;
  };
  const cache = new KeyCache({ read, onFailure: (reason) => failures.push(reason) }, clock);
  assert.deepEqual(await Promise.all([cache.current(), cache.current()]), ['one', 'one']);
  keys = 'two';
  clock.ms = 300_000;
  assert.deepEqual([await cache.current(), reads], ['one', 1]);
  clock.ms += 1;
  assert.deepEqual([await cache.current(), reads], ['two', 2]);
  keys = 'three';
  // A token with an unknown key looks again, but no flood of them floods the issuer.
  assert.deepEqual([await cache.renewed(), reads], ['two', 2]);
  clock.ms += 30_000;
  assert.deepEqual([await cache.renewed(), reads], ['three', 3]);
  isDown = true;
  clock.ms += 3_600_000;
  assert.deepEqual([await cache.current(), await cache.current(), reads], ['three', 'three', 4]);
  clock.ms += 1;
  await assert.rejects(cache.current(), (error: MecError) => error.code === 'unreachable');
  assert.deepEqual(failures, ['down']);
  isDown = false;
  clock.ms += 30_000;
  assert.deepEqual([await cache.current(), reads], ['three', 5]);
});

test('a check is kept for a minute, and never beyond the end of its token', async () => {
  const clock = clockAt(0);
  let reads = 0;
  const read = async (): Promise<unknown> => {
    reads += 1;
    return JSON.parse(jwksOf('a')) as unknown;
  };
  const startMicros = 1e6 * now();
  const nowMicros = (): number => startMicros + 1000 * clock.ms;
  const keys = { read, onFailure: assert.fail };
  const rules = { ...RULES, keys: 'not read by this test' };
  const verifier = new JwtVerifier({ rules, clock, nowMicros, keys });
  const long = tokenOf(claims({ exp: now() + 600 }));
  const short = tokenOf(claims({ exp: now() + 30 }));
  assert.ok(verifier.nameOf(long) instanceof Promise);
  assert.equal(await verifier.nameOf(long), 'jwt-ann');
  assert.equal(await verifier.nameOf(short), 'jwt-ann');
  assert.equal(verifier.nameOf(long), 'jwt-ann');
  clock.ms = 59_999;
  assert.equal(verifier.nameOf(long), 'jwt-ann');
  assert.equal(await verifier.nameOf(short), undefined);
  clock.ms = 60_001;
  assert.ok(verifier.nameOf(long) instanceof Promise);
  assert.equal(await verifier.nameOf(long), 'jwt-ann');
  assert.equal(reads, 1);
  assert.equal(verifier.nameOf('no token'), undefined);
  // Tokens whose checks wait have a bound.
  const flood = Array.from(
    { length: 257 },
    (_, i) => () => verifier.nameOf(tokenOf(claims({ i }))),
  );
  const started: unknown[] = [];
  assert.throws(
    () => flood.forEach((start) => started.push(start())),
    (error: MecError) => error.code === 'overloaded',
  );
  assert.equal(started.length, 256);
  await Promise.all(started);
});

test('the table [jwt] is complete, and its keys come from a place that cannot be forged', () => {
  const table = (more: string): string =>
    `[jwt]\nissuer = "https://login.example"\naudience = "mec"\n${more}\n`;
  const { jwt } = parseConfig('n.toml', table('keys = "jwks.json"')).security;
  assert.deepEqual(jwt, { ...RULES, keys: 'jwks.json' });
  for (const url of ['https://a.example/jwks', 'http://127.0.0.1:1/jwks', 'http://[::1]/jwks'])
    assert.equal(parseConfig('n.toml', table(`keys = "${url}"`)).security.jwt?.keys, url);
  for (const bad of ['http://a.example/jwks', 'ftp://a.example', 'file:///jwks'])
    assert.throws(() => parseConfig('n.toml', table(`keys = "${bad}"`)), /jwt\.keys: expected/);
  assert.throws(() => parseConfig('n.toml', table('')), /^StartError: n\.toml: jwt\.keys: missing/);
  assert.throws(() => parseConfig('n.toml', table('claims = "a"')), /did you mean "claim"/);
});
