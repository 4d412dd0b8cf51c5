/** The routes `/cluster/security…`: identities, grants and tokens, for administrators. */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { repeated, Secret } from '../base/secret.ts';
import { microsToIso } from '../base/system.ts';
import type { MecNode } from '../cluster/node.ts';
import type { Joins } from '../cluster/joins.ts';
import type { Security } from '../cluster/security.ts';
import { MAX_TOKEN_LIFE_MICROS, TOKEN_LIFE_MICROS } from '../core/limits.ts';
import { nameOf } from '../core/security/ledger-record.ts';
import type { Right } from '../core/security/rights.ts';
import { ofKey, ofPrefix, type Verb, VERBS, verbSetOf, verbsOf } from '../core/security/verb.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { DEFAULT_JOIN_MINUTES, MAX_CHANGE_BYTES, MAX_JOIN_MINUTES } from './limits.ts';
import { ed25519KeyOf } from './message-signature.ts';
import { byMethod, type Serve } from './methods.ts';
import type { ClusterRoute } from './insight-routes.ts';

/** The routes, each with its path. */
export const SECURITY_ROUTES: readonly ClusterRoute[] = [
  { path: /^\/cluster\/security$/, serve: byMethod('/cluster/security', { GET: show }) },
  {
    path: /^\/cluster\/security\/grants$/,
    serve: byMethod('/cluster/security/grants', { POST: grant }),
  },
  {
    path: /^\/cluster\/security\/quotas$/,
    serve: byMethod('/cluster/security/quotas', { POST: limit }),
  },
  {
    path: /^\/cluster\/security\/tokens$/,
    serve: byMethod('/cluster/security/tokens', { POST: issue }),
  },
  {
    path: /^\/cluster\/security\/signers$/,
    serve: byMethod('/cluster/security/signers', { POST: addSigner }),
  },
  {
    path: /^\/cluster\/security\/revoke$/,
    serve: byMethod('/cluster/security/revoke', { POST: revoke }),
  },
  {
    path: /^\/cluster\/security\/rotate$/,
    serve: byMethod('/cluster/security/rotate', { POST: rotate }),
  },
];

/** Makes a token with which a node may join, for an administrator. */
export const serveOffer: Serve<Joins | undefined> = byMethod('/cluster/security/joins', {
  POST: async (joins, request) => {
    assertKnown(request);
    const fields = await fieldsOf(request, 'name', 'minutes', 'certificate', 'key');
    const { name, minutes = DEFAULT_JOIN_MINUTES } = fields;
    if (typeof minutes !== 'number' || !(minutes > 0 && minutes <= MAX_JOIN_MINUTES))
      throw badField('minutes', `must be a number up to ${MAX_JOIN_MINUTES}`);
    const { text } = known(joins).offer({
      name: name === undefined ? undefined : textIn(fields, 'name'),
      lifeMs: minutes * MINUTE_MS,
      authority: {
        certificate: textIn(fields, 'certificate'),
        key: new Secret(textIn(fields, 'key')),
      },
    });
    return json(200, { token: text.reveal() });
  },
});

/** Ends a token with which a node may join. */
export const serveCancel: Serve<Joins | undefined> = byMethod('/cluster/security/joins/cancel', {
  POST: async (joins, request) => {
    assertKnown(request);
    const id = textIn(await fieldsOf(request, 'id'), 'id');
    known(joins).cancel(id);
    return json(200, { cancelled: id });
  },
});

/** Lets a node join. */
export const serveJoin: Serve<Joins | undefined> = byMethod('/cluster/join', {
  POST: async (joins, request) => {
    assertKnown(request);
    const names = ['name', 'host', 'port', 'nodeKey', 'certificateKey'] as const;
    const fields = await fieldsOf(request, ...names);
    const { port } = fields;
    if (typeof port !== 'number') throw badField('port', 'must be a number');
    const texts = { name: textIn(fields, 'name'), host: textIn(fields, 'host') };
    const keys = {
      nodeKey: textIn(fields, 'nodeKey'),
      certificateKey: textIn(fields, 'certificateKey'),
    };
    const { name: identity = '' } = request.access ?? {};
    return json(200, await known(joins).admit(identity, { ...texts, ...keys, port }));
  },
});

/** Throws `no-such-route` if nodes need no keys. */
function known(joins: Joins | undefined): Joins {
  if (joins !== undefined) return joins;
  throw new MecError('no-such-route', { detail: 'Nodes of this cluster need no keys.' });
}

/** Makes the node read its certificates again. */
export const serveReload: Serve<() => Promise<void>> = byMethod('/cluster/security/reload', {
  POST: async (reloadTls) => {
    await reloadTls();
    return json(200, { reloaded: true });
  },
});

const json = (status: number, document: unknown): HttpAnswer => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body: utf8ToBytes(`${JSON.stringify(document, null, 2)}\n`),
});

/** The identities of the cluster. Throws `no-such-route` if it needs none. */
function securityOf({ security, config }: MecNode, request: HttpRequest): Security {
  if (security !== undefined) assertKnown(request);
  if (security !== undefined) return security;
  const detail = `security.mode is "${config.security.mode}", so there are no identities.`;
  throw new MecError('no-such-route', { detail });
}

/** Throws `forbidden` if a request came without TLS, to a node that still takes such requests. */
function assertKnown({ access }: HttpRequest): void {
  if (access !== undefined) return;
  const detail = 'Identities and keys are for requests over HTTPS, with a proof of an identity.';
  throw new MecError('forbidden', { detail });
}

const timeOf = (micros: number): string | undefined =>
  micros === 0 ? undefined : microsToIso(micros);

function show(node: MecNode, request: HttpRequest): HttpAnswer {
  const security = securityOf(node, request);
  const records = security.records.map(
    ({ id, version, isRevoked, expiresMicros, holder, rights, quotaBytes }) => ({
      id,
      version,
      isRevoked,
      expires: timeOf(expiresMicros),
      holder: holder === '' ? undefined : holder,
      rights: rights.flatMap(toGrants),
      quotaBytes,
      storedBytes: quotaBytes && security.storedBytes(nameOf(id)),
    }),
  );
  return json(200, { records, isStale: security.isStale });
}

/** The rights on a prefix, and on the key that is this prefix. */
function toGrants({ prefix, verbs }: Right): object[] {
  const grants = [
    { prefix, verbs: verbsOf(ofPrefix(verbs)) },
    { key: prefix, verbs: verbsOf(ofKey(verbs)) },
  ];
  return grants.filter((one) => one.verbs.length > 0);
}

type ChangeFields = Readonly<Record<string, unknown>>;

/** The fields of the JSON object in a body. Throws `bad-parameter` if there are others. */
async function fieldsOf(request: HttpRequest, ...names: readonly string[]): Promise<ChangeFields> {
  const text = bytesToUtf8(await request.body(MAX_CHANGE_BYTES));
  const fields = parse(text ?? '');
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new MecError('bad-request', { detail: 'The body must be a JSON object' });
  const unknown = Object.keys(fields).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw badField(repeated(unknown), `is unknown; expected ${names.join(', ')}`);
  return fields as ChangeFields;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const badField = (parameter: string, must: string): MecError =>
  new MecError('bad-parameter', {
    parameter,
    detail: `The field ${JSON.stringify(parameter)} ${must}`,
  });

function textIn(fields: ChangeFields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw badField(name, 'must be a text');
  return value;
}

const isVerb = (value: unknown): value is Verb => VERBS.some((verb) => verb === value);

async function grant(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const security = securityOf(node, request);
  const fields = await fieldsOf(request, 'identity', 'prefix', 'key', 'verbs');
  const { verbs } = fields;
  if (!Array.isArray(verbs) || !verbs.every(isVerb))
    throw badField('verbs', `must be a list of ${VERBS.join(', ')}; empty takes rights away`);
  const isKey = fields['key'] !== undefined;
  if (isKey && fields['prefix'] !== undefined)
    throw badField('key', 'and "prefix" exclude each other');
  const [identity, prefix] = [textIn(fields, 'identity'), textIn(fields, isKey ? 'key' : 'prefix')];
  return json(200, await security.grant({ identity, prefix, isKey, verbs: verbSetOf(verbs) }));
}

/** Replaces the quota of a tenant. */
async function limit(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const security = securityOf(node, request);
  const fields = await fieldsOf(request, 'tenant', 'bytes');
  const { bytes } = fields;
  if (typeof bytes !== 'number')
    throw badField('bytes', 'must be a number; 0 takes the quota away');
  return json(200, await security.limit({ tenant: textIn(fields, 'tenant'), bytes }));
}

/** The life of a token or key, µs. */
function lifeIn({ days = TOKEN_LIFE_MICROS / DAY_MICROS }: ChangeFields): number {
  const most = MAX_TOKEN_LIFE_MICROS / DAY_MICROS;
  if (typeof days !== 'number' || !(days > 0 && days <= most))
    throw badField('days', `must be a number up to ${most}`);
  return days * DAY_MICROS;
}

/** Adds a public key, or makes a shared secret, which only this answer has. */
async function addSigner(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const security = securityOf(node, request);
  const fields = await fieldsOf(request, 'identity', 'days', 'publicKey');
  const pem = fields['publicKey'] === undefined ? undefined : textIn(fields, 'publicKey');
  const publicKey = pem === undefined ? undefined : ed25519KeyOf(pem);
  if (pem !== undefined && publicKey === undefined)
    throw badField('publicKey', 'must be a public key of Ed25519, as PEM');
  const identity = textIn(fields, 'identity');
  const added = await security.addSigner(identity, lifeIn(fields), publicKey);
  const { keyId, secret, expiresMicros, have, lack } = added;
  const base64 = secret && Buffer.from(secret.reveal(), 'hex').toString('base64');
  return json(200, { keyId, secret: base64, expires: timeOf(expiresMicros), have, lack });
}

/** The answer has a secret, and no later one has it. */
async function issue(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const security = securityOf(node, request);
  const fields = await fieldsOf(request, 'identity', 'days');
  const made = await security.issue(textIn(fields, 'identity'), lifeIn(fields));
  const { id, text, expiresMicros, have, lack } = made;
  return json(200, { id, token: text.reveal(), expires: timeOf(expiresMicros), have, lack });
}

async function revoke(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const security = securityOf(node, request);
  const id = textIn(await fieldsOf(request, 'id'), 'id');
  if (!/^(?:user|token|cert|node|ed25519|hmac-sha256)\/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id))
    throw badField(
      'id',
      'must be user/NAME, token/ID, cert/SERIAL, node/NAME, ed25519/ID or hmac-sha256/ID',
    );
  return json(200, await security.revoke(id));
}

/** Gives this node another key, or the cluster another key for tokens. */
async function rotate(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const security = securityOf(node, request);
  const { name } = node.config;
  switch (textIn(await fieldsOf(request, 'key'), 'key')) {
    case 'node':
      return json(200, { node: name, ...(await security.rotateNodeKey()) });
    case 'tokens':
      security.rotateTokenKey();
      return json(200, { node: name, isDone: false, waitsFor: [] });
    default:
      throw badField('key', 'must be "node" or "tokens"');
  }
}

const MINUTE_MS = 60_000;
const DAY_MICROS = 86_400 * 1e6;
