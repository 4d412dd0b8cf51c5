/** Signed requests: the examples of RFC 9421, and a secured node that takes each signature once. */
import assert from 'node:assert/strict';
import {
  createHash,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  randomUUID,
  sign,
} from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Security } from '../../src/cluster/security.ts';
import { RightsTable } from '../../src/core/security/rights.ts';
import {
  ed25519KeyOf,
  isSignedBy,
  parseSignature,
  parseSignatureInput,
  signatureBase,
} from '../../src/http/message-signature.ts';
import {
  MAX_NONCES,
  NONCE_MS,
  SHARE_OF_SIGNER,
  SIGNATURE_AGE_S,
  SIGNATURE_LEAD_S,
} from '../../src/http/limits.ts';
import { Nonces } from '../../src/http/nonces.ts';
import { SignedRequests } from '../../src/http/signed-request.ts';
import type { Response } from '../fixtures/http.ts';
import { runMec } from '../fixtures/run-mec.ts';
import { SecuredNode, startSecured } from '../fixtures/secured.ts';

/** The request of RFC 9421, appendix B.2. */
const MESSAGE = {
  method: 'POST',
  path: '/foo',
  query: 'param=Value&Pet=dog',
  headers: {
    host: 'example.com',
    date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'content-type': 'application/json',
    'content-digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BN' +
      'NyealdVLvRwEmTHWXvJwew==:',
    'content-length': '18',
  },
};

const RFC_SECRET =
  'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==';
const RFC_PUBLIC =
  '-----BEGIN PUBLIC KEY-----\n' +
  'MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n' +
  '-----END PUBLIC KEY-----\n';

/** The examples B.2.5 and B.2.6. */
const EXAMPLES = [
  {
    input:
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    signature: 'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
    key: { algorithm: 'hmac-sha256', key: Buffer.from(RFC_SECRET, 'base64') },
    base:
      '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n' +
      '"content-type": application/json\n' +
      '"@signature-params": ("date" "@authority" "content-type")' +
      ';created=1618884473;keyid="test-shared-secret"',
  },
  {
    input:
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")' +
      ';created=1618884473;keyid="test-key-ed25519"',
    signature:
      'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
    key: { algorithm: 'ed25519', key: Buffer.from(ed25519KeyOf(RFC_PUBLIC) ?? '', 'hex') },
    base:
      '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n' +
      '"@authority": example.com\n"content-type": application/json\n"content-length": 18\n' +
      '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" ' +
      '"content-length");created=1618884473;keyid="test-key-ed25519"',
  },
] as const;

for (const { input: header, signature: mark, key, base } of EXAMPLES)
  test(`the example of RFC 9421 for ${key.algorithm} is understood`, () => {
    const input = parseSignatureInput(header) ?? assert.fail();
    const signature = parseSignature(mark, input.label) ?? assert.fail();
    assert.equal(signatureBase(MESSAGE, input), base);
    assert.ok(isSignedBy(key, base, signature));
    assert.ok(!isSignedBy(key, `${base} `, signature));
    const other = key.algorithm === 'ed25519' ? 'hmac-sha256' : 'ed25519';
    if (other === 'hmac-sha256')
      assert.ok(!isSignedBy({ ...key, algorithm: other }, base, signature));
  });

test('a header that could be read in two ways is no signature', () => {
  const good = 's=("@method" "date");created=1;keyid="k"';
  assert.deepEqual(parseSignatureInput(good)?.components, ['@method', 'date']);
  for (const bad of [
    '',
    `${good}, t=("@method");keyid="k"`,
    's=("@method"  "date");keyid="k"',
    's=("date" "date");keyid="k"',
    's=("date");keyid="k";keyid="l"',
    's=("date";sf);keyid="k"',
    's=("@query-param";name="a");keyid="k"',
    's=();keyid="k"',
    's=("date");keyid=k',
    's=("date");keyid="k\\""',
    's=("date") ;keyid="k"',
    'S=("date");keyid="k"',
    's=("date");created=1.5',
  ])
    assert.equal(parseSignatureInput(bad), undefined, bad);
  assert.equal(parseSignature('t=:AAAA:', 's'), undefined);
  assert.equal(parseSignature('s=AAAA', 's'), undefined);
});

/** The parts of a signed request, and what a test does to them. */
interface ToSign {
  readonly keyId: string;
  readonly by: (text: string) => Buffer;
  readonly method?: string;
  readonly body?: string;
  /** Whether the body has no digest. */
  readonly isBare?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Covered in place of all that must be. */
  readonly components?: readonly string[];
  readonly created?: number;
  readonly nonce?: string | undefined;
  readonly more?: string;
}

const nowS = (): number => Math.floor(Date.now() / 1000);

/** The headers of a signed request. Written without the code under test. */
function signedHeaders(url: string, toSign: ToSign): Record<string, string> {
  const { keyId, by, method = 'GET', body, headers = {}, created = nowS(), more = '' } = toSign;
  const { isBare = body === undefined } = toSign;
  const { host, pathname, search } = new URL(url);
  const digest = createHash('sha256')
    .update(body ?? '')
    .digest('base64');
  const sent: Record<string, string> = {
    ...(isBare ? {} : { 'Content-Digest': `sha-256=:${digest}:` }),
    ...headers,
  };
  const names = Object.keys(sent).map((name) => name.toLowerCase());
  const { components = ['@method', '@authority', '@path', '@query', ...names] } = toSign;
  const values: Record<string, string> = {
    '@method': method,
    '@authority': host,
    '@path': pathname,
    '@query': search === '' ? '?' : search,
    ...Object.fromEntries(Object.entries(sent).map(([name, text]) => [name.toLowerCase(), text])),
  };
  const { nonce = randomUUID() } = toSign;
  const list = components.map((name) => `"${name}"`).join(' ');
  const text = `(${list});created=${created};keyid="${keyId}";nonce="${nonce}"${more}`;
  const lines = components.map((name) => `"${name}": ${values[name]}\n`).join('');
  const signature = by(`${lines}"@signature-params": ${text}`).toString('base64');
  return { ...sent, 'Signature-Input': `me=${text}`, Signature: `me=:${signature}:` };
}

/** A secured node, and an identity that signs its requests in two ways. */
async function withSigners(t: TestContext): Promise<{
  readonly secured: SecuredNode;
  readonly signers: readonly Pick<ToSign, 'keyId' | 'by'>[];
  /** The raw public key of the first one. */
  readonly raw: Buffer;
}> {
  const secured = await SecuredNode.start(t);
  const verbs = ['read', 'write', 'list'];
  await secured.change('grants', { identity: 'ann', prefix: 'a/', verbs });
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const file = join(secured.directory, 'ann.pem');
  await writeFile(file, publicKey.export({ type: 'spki', format: 'pem' }));
  const remote = ['--client', secured.made.clientFile];
  const one = await runMec(['security', 'signer', 'ann', '--key', file, ...remote]);
  const two = await runMec(['security', 'signer', 'ann', ...remote]);
  const [keyId = '', secret = ''] = two.out.trim().split(' ');
  const key = Buffer.from(secret, 'base64');
  assert.equal(key.length, 32, two.err);
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return {
    secured,
    raw: Buffer.from(x, 'base64url'),
    signers: [
      { keyId: one.out.trim(), by: (text) => sign(null, Buffer.from(text), privateKey) },
      { keyId, by: (text) => createHmac('sha256', key).update(text).digest() },
    ],
  };
}

const urlOf = (secured: SecuredNode, path: string): string => secured.node.url + path;

const sendSigned = (secured: SecuredNode, path: string, toSign: ToSign): Promise<Response> => {
  const { method = 'GET', body } = toSign;
  const headers = signedHeaders(urlOf(secured, path), toSign);
  return secured.send(path, { method, headers, ...(body !== undefined && { body }) });
};

test('a signed request proves its identity, once', async (t) => {
  const { secured, signers } = await withSigners(t);
  for (const [i, signer] of signers.entries()) {
    const path = `/mec/a/x${i}`;
    const put = { ...signer, method: 'PUT', body: 'v' };
    const type = { 'Content-Type': 'text/plain', 'X-Mec-Meta-A': 'b' };
    const written = await sendSigned(secured, `${path}?timeout=2000`, { ...put, headers: type });
    assert.equal(written.status, 200, written.text);
    assert.equal((await sendSigned(secured, path, signer)).text, 'v');
    assert.equal((await sendSigned(secured, '/mec?prefix=a/', signer)).status, 200);
    assert.equal((await sendSigned(secured, '/mec/b', signer)).status, 403);
    const batch = `${JSON.stringify({ op: 'put', key: 'a/y', value: 'v' })}\n`;
    const many = await sendSigned(secured, '/batch', { ...put, method: 'POST', body: batch });
    assert.match(many.text, /"status":200/);

    const headers = signedHeaders(urlOf(secured, path), signer);
    const answers = [];
    for (let sent = 0; sent < 2; sent++) answers.push(await secured.send(path, { headers }));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 401],
    );
    const with2 = await secured.send('/mec/a/x', {
      headers: signedHeaders(urlOf(secured, '/mec/a/x'), signer),
      token: secured.admin,
    });
    assert.equal(with2.status, 400);
  }
});

test('after a restart, a node refuses requests that were signed before', async (t) => {
  const { secured, signers } = await withSigners(t);
  const [signer] = signers as [Pick<ToSign, 'keyId' | 'by'>];
  const headers = signedHeaders(urlOf(secured, '/mec/a/x'), signer);
  assert.equal((await secured.send('/mec/a/x', { headers })).status, 404);
  await secured.node.close();
  const again = await startSecured(secured.directory);
  t.after(() => again.close());
  assert.equal((await secured.send('/mec/a/x', { headers })).status, 401);
  const fresh = { ...signer, created: nowS() + 2 };
  assert.equal((await sendSigned(secured, '/mec/a/x', fresh)).status, 404);
});

test('a body that differs from its signed digest changes nothing', async (t) => {
  const { secured, signers } = await withSigners(t);
  for (const signer of signers) {
    const line = JSON.stringify({ op: 'put', key: 'a/z', value: 'good' });
    for (const [path, method, good, bad] of [
      ['/mec/a/z', 'PUT', 'good', 'evil'],
      ['/batch', 'POST', line, line.replace('good', 'evil')],
    ] as const) {
      const headers = signedHeaders(urlOf(secured, path), { ...signer, method, body: good });
      const answer = await secured.send(path, { method, headers, body: bad });
      assert.match(answer.text, /digest-mismatch/, path);
      assert.equal((await sendSigned(secured, '/mec/a/z', signer)).status, 404, path);
    }
  }
});

test('a signature that covers too little, is old, or is of another request proves nothing', async (t) => {
  const { secured, signers, raw } = await withSigners(t);
  const [ed25519, hmac] = signers as [Pick<ToSign, 'keyId' | 'by'>, Pick<ToSign, 'keyId' | 'by'>];
  const all = ['@method', '@authority', '@path', '@query'];
  const without = (name: string): string[] => all.filter((one) => one !== name);
  const put = { method: 'PUT', body: 'v' };
  const refused: Readonly<Record<string, Partial<ToSign>>> = {
    'no method': { components: without('@method') },
    'no authority': { components: without('@authority') },
    'no path': { components: without('@path') },
    'no query': { components: without('@query') },
    'no digest of the body': { ...put, components: all },
    'a body without a digest': { ...put, isBare: true },
    'a body without a digest, in chunks': {
      ...put,
      isBare: true,
      headers: { 'Transfer-Encoding': 'chunked' },
    },
    'no part of the value': { headers: { Range: 'bytes=0-1' }, components: all },
    'no key of a repetition': {
      ...put,
      headers: { 'Idempotency-Key': 'once-and-no-more' },
      components: [...all, 'content-digest'],
    },
    'no type of the body': {
      ...put,
      headers: { 'Content-Type': 'text/html' },
      components: [...all, 'content-digest'],
    },
    'no token': {
      ...put,
      headers: { 'X-Mec-Vclock': 'x' },
      components: [...all, 'content-digest'],
    },
    'no condition': { headers: { 'If-Match': '"x"' }, components: all },
    'a component that is not there': { components: [...all, 'date'] },
    'an old time': { created: nowS() - 310 },
    'a time to come': { created: nowS() + 20 },
    'an end in the past': { more: `;expires=${nowS() - 5}` },
    'a short nonce': { nonce: 'abc' },
    'another algorithm': { more: ';alg="rsa-pss-sha512"' },
    'another key': { keyId: hmac.keyId },
    'no such key': { keyId: '0'.repeat(16) },
    // A public key is no secret.
    'the public key as a secret': {
      by: (text) => createHmac('sha256', raw).update(text).digest(),
    },
  };
  for (const [what, wrong] of Object.entries(refused)) {
    const { status } = await sendSigned(secured, '/mec/a/x', { ...ed25519, ...wrong });
    assert.equal(status, 401, what);
  }
  const good = await sendSigned(secured, '/mec/a/x', { ...ed25519, more: ';alg="ed25519"' });
  assert.equal(good.status, 404);
  const headers = signedHeaders(urlOf(secured, '/mec/a/x'), ed25519);
  for (const [path, method] of [
    ['/mec/a/y', 'GET'],
    ['/mec/a/x?r=1', 'GET'],
    ['/mec/a/x', 'DELETE'],
  ] as const)
    assert.equal((await secured.send(path, { method, headers })).status, 401, `${method} ${path}`);
  const more = await secured.send('/mec/a/x', { headers: { ...headers, 'If-Match': '"x"' } });
  assert.equal(more.status, 401);
  const { Signature: _, ...half } = headers;
  assert.equal((await secured.send('/mec/a/x', { headers: half })).status, 401);
  // None of these refusals has used the nonce up.
  assert.equal((await secured.send('/mec/a/x', { headers })).status, 404);
});

test('a key for signatures can be revoked, is no token, and must be of Ed25519', async (t) => {
  const { secured, signers } = await withSigners(t);
  const [signer] = signers as [Pick<ToSign, 'keyId' | 'by'>];
  const id = `ed25519/${signer.keyId}`;
  assert.equal((await secured.change('revoke', { id })).status, 200);
  assert.equal((await sendSigned(secured, '/mec/a/x', signer)).status, 401);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const pem of [publicKey.export({ type: 'spki', format: 'pem' }), 'x', '']) {
    const added = await secured.change('signers', { identity: 'ann', publicKey: pem });
    assert.match(added.text, /must be a public key of Ed25519/);
  }
  assert.equal((await secured.change('signers', { identity: 'eve' })).status, 400);
  const { text } = await secured.send('/cluster/security', { token: secured.admin });
  assert.match(text, /"id": "hmac-sha256\//);
  assert.ok(!/[0-9a-f]{64}/.test(text), 'no answer has a secret again');
});

test('a nonce is remembered for as long as its signature may count, and each key has its share', () => {
  let nowMs = 0;
  const nonces = new Nonces({ monotonicMs: () => nowMs });
  assert.ok(nonces.take('k', 'n'));
  assert.ok(nonces.take('l', 'n'));
  nowMs = NONCE_MS - 1;
  assert.ok(!nonces.take('k', 'n'));
  assert.ok(nonces.take('k', 'late'));
  nowMs = 2 * NONCE_MS - 2;
  assert.ok(!nonces.take('k', 'late'));
  nowMs = 4 * NONCE_MS;
  assert.ok(nonces.take('k', 'n'));
  const share = MAX_NONCES * SHARE_OF_SIGNER;
  for (let i = 1; i < share; i++) nonces.take('k', String(i));
  const isLimited = (error: MecError): boolean => error.code === 'rate-limited';
  assert.throws(() => nonces.take('k', 'more'), isLimited);
  assert.ok(nonces.take('l', 'more'));
  assert.ok(!nonces.take('k', '1'));
  for (const [key, used] of Object.entries({ l: 1, m: 0, o: 0 }))
    for (let i = used; i < share; i++) nonces.take(key, String(i));
  assert.throws(() => nonces.take('p', 'n'), isLimited, 'all keys together');
});

test('a signature counts for five minutes, and never from the time before the start', () => {
  const key = Buffer.alloc(32, 7);
  const START_S = 1_000_000;
  let atS = START_S;
  const identity = { name: 'ann', rights: new RightsTable([]) };
  const signer = { algorithm: 'hmac-sha256', key: new Secret(key.toString('hex')), identity };
  const security = {
    get nowMicros() {
      return atS * 1e6;
    },
    signerOf: () => signer,
  } as unknown as Security;
  const requests = new SignedRequests(security, { monotonicMs: () => 1000 * atS });
  const isTaken = (created: number): boolean => {
    const by = (text: string): Buffer => createHmac('sha256', key).update(text).digest();
    const signed = signedHeaders('https://n1/mec/x', { keyId: 'k', by, created });
    const lower = Object.entries(signed).map(([name, text]) => [name.toLowerCase(), text]);
    const headers = { host: 'n1', ...(Object.fromEntries(lower) as Record<string, string>) };
    const message = { method: 'GET', path: '/mec/x', query: '', headers };
    return requests.identityOf(message) !== undefined;
  };
  assert.ok(isTaken(START_S));
  assert.ok(!isTaken(START_S - 1));
  atS += 3_600;
  assert.ok(isTaken(atS - SIGNATURE_AGE_S));
  assert.ok(!isTaken(atS - SIGNATURE_AGE_S - 1));
  assert.ok(isTaken(atS + SIGNATURE_LEAD_S));
  assert.ok(!isTaken(atS + SIGNATURE_LEAD_S + 1));
});

test('the private key of RFC 9421 signs as its public key verifies', () => {
  const pem =
    '-----BEGIN PRIVATE KEY-----\n' +
    'MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n' +
    '-----END PRIVATE KEY-----\n';
  const [, { base, signature }] = EXAMPLES;
  const made = sign(null, Buffer.from(base), createPrivateKey(pem)).toString('base64');
  assert.equal(`sig-b26=:${made}:`, signature);
});
