/** The changes of the ledger that operators make. Each makes one record, or refuses. */
import type { Random } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { repeated, Secret } from '../../base/secret.ts';
import { NODE_NAME_PATTERN } from '../causality/actor.ts';
import {
  MAX_LEDGER_RECORDS,
  MAX_LEDGER_RIGHTS_CHARS,
  MAX_QUOTA_BYTES,
  RECOVERY_MICROS,
} from '../limits.ts';
import { drawBearer } from './bearer.ts';
import { Ledger, RECOVERY_PREFIX } from './ledger.ts';
import {
  emptyRecord,
  isPrefix,
  keyId,
  kindOf,
  type LedgerRecord,
  nameOf,
  rightsChars,
  type SigningAlgorithm,
  tenantId,
  tokenId,
  userId,
} from './ledger-record.ts';
import { revokedKey } from './revoked-key.ts';
import { normalRights } from './rights.ts';
import { ALL_VERBS, KEY_VERBS, ofKey, ofPrefix, onKey, type VerbSet } from './verb.ts';

const refuse = (parameter: string, detail: string): MecError =>
  new MecError('bad-parameter', { parameter, detail });

/** Throws `bad-parameter` unless a text can be the name of an identity that an operator makes. */
function assertName(name: string): void {
  if (!NODE_NAME_PATTERN.test(name) || name.startsWith(RECOVERY_PREFIX))
    throw refuse(
      'identity',
      `An identity has up to 64 letters, digits, dots, dashes or underscores; not ${JSON.stringify(repeated(name))}`,
    );
}

/** Rights of an identity on a prefix or a key, which replace those that it had there. */
export interface GrantChange {
  readonly identity: string;
  readonly prefix: string;
  /** Whether the rights are on the key `prefix` only. */
  readonly isKey?: boolean;
  /** Empty takes the rights on exactly this prefix or key away. */
  readonly verbs: VerbSet;
}

/** The record of an identity with other rights. Throws `bad-parameter`. */
export function granted(
  ledger: Ledger,
  { identity, prefix, isKey = false, verbs }: GrantChange,
): LedgerRecord {
  assertName(identity);
  if (!isPrefix(prefix)) throw refuse('prefix', 'A prefix is the beginning of keys, or empty');
  if (isKey && prefix === '') throw refuse('key', 'A key is not empty');
  if (isKey && (verbs & ~KEY_VERBS) !== 0)
    throw refuse('verbs', 'list and admin are rights on prefixes, not on one key');
  const user = ledger.get(userId(identity));
  if (user.isRevoked) throw refuse('identity', `${identity} was revoked, and never comes back`);
  const others = user.rights.filter((right) => right.prefix !== prefix);
  const known = user.rights.find((right) => right.prefix === prefix)?.verbs ?? 0;
  const all = isKey ? ofPrefix(known) | onKey(verbs) : onKey(ofKey(known)) | verbs;
  const rights = normalRights([...others, { prefix, verbs: all }]);
  if (rightsChars(rights) > MAX_LEDGER_RIGHTS_CHARS)
    throw refuse('prefix', `${identity} would have more rights than a record has room for`);
  return { ...user, version: user.version + 1, rights };
}

/** The bytes that a tenant may store. */
export interface QuotaChange {
  readonly tenant: string;
  /** 0 takes the quota away. */
  readonly bytes: number;
}

/** The record of a tenant with another quota. Throws `bad-parameter`. */
export function limited(ledger: Ledger, { tenant, bytes }: QuotaChange): LedgerRecord {
  if (!NODE_NAME_PATTERN.test(tenant))
    throw refuse(
      'tenant',
      'A tenant has all keys NAME/…; a name has up to 64 letters, digits, dots, dashes or underscores',
    );
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > MAX_QUOTA_BYTES)
    throw refuse('bytes', `A quota has up to ${MAX_QUOTA_BYTES} bytes; 0 takes it away`);
  const known = ledger.get(tenantId(tenant));
  return { ...known, version: known.version + 1, quotaBytes: bytes };
}

/** A new token, and its record. */
export interface IssuedToken {
  readonly record: LedgerRecord;
  readonly text: Secret;
}

/** Makes a token of an identity. Throws `bad-parameter` if the identity has no record. */
export function issued(
  ledger: Ledger,
  { holder, expiresMicros }: Pick<LedgerRecord, 'holder' | 'expiresMicros'>,
  random: Random,
): IssuedToken {
  assertName(holder);
  const user = ledger.get(userId(holder));
  if (user.version === 0 || user.isRevoked)
    throw refuse('identity', `There is no identity ${holder}; grant it something first`);
  return tokenFor(holder, expiresMicros, random);
}

function tokenFor(holder: string, expiresMicros: number, random: Random): IssuedToken {
  const { id, hash, text } = drawBearer(random);
  return { record: { ...emptyRecord(tokenId(id)), version: 1, expiresMicros, holder, hash }, text };
}

/** A new key for signatures. */
export interface AddedSigner {
  readonly record: LedgerRecord;
  /** The id of the key in signatures. */
  readonly keyId: string;
  /** The shared secret in hexadecimal; undefined if the key is public. */
  readonly secret: Secret | undefined;
}

/**
 * Makes the record of a key with which an identity signs requests: of its public key in hexadecimal
 * (Ed25519), or else of a new shared secret (HMAC). Throws `bad-parameter`.
 */
export function signing(
  ledger: Ledger,
  { holder, expiresMicros }: Pick<LedgerRecord, 'holder' | 'expiresMicros'>,
  publicKey: string | undefined,
  random: Random,
): AddedSigner {
  const { record: token } = issued(ledger, { holder, expiresMicros }, random);
  const keyId = nameOf(token.id);
  const algorithm: SigningAlgorithm = publicKey === undefined ? 'hmac-sha256' : 'ed25519';
  // The hash of a token that no client has: 256 bits that cannot be foreseen.
  const hash = publicKey ?? token.hash;
  const record = { ...token, id: `${algorithm}/${keyId}`, hash };
  return { record, keyId, secret: publicKey === undefined ? new Secret(hash) : undefined };
}

/** The record with which an id is revoked. `expiresMicros` counts if there is no record yet. */
export function revoked(ledger: Ledger, id: string, expiresMicros: number): LedgerRecord {
  const known = ledger.get(id);
  const isUser = id === userId(nameOf(id));
  if (known.version === 0 && isUser) throw refuse('id', `There is no identity ${nameOf(id)}`);
  const lasting = known.version === 0 && !isUser ? { expiresMicros } : {};
  return { ...known, ...lasting, version: known.version + 1, isRevoked: true };
}

/** The record of a key of a node. */
export const nodeKeyRecord = (node: string, publicKey: string): LedgerRecord => ({
  ...emptyRecord(keyId(publicKey)),
  version: 1,
  holder: node,
  hash: publicKey,
});

/** The records with which all keys of a node are revoked. Throws `bad-parameter` if it has none. */
export function revokedNode(ledger: Ledger, node: string, nowMicros: number): LedgerRecord[] {
  const keys = ledger.all.filter(({ id, holder }) => kindOf(id) === 'key' && holder === node);
  if (keys.length === 0) throw refuse('id', `There is no node ${node} with a key`);
  return keys.map((key) => revokedKey(key, nowMicros));
}

/**
 * The records with which the keys of a node other than this one are revoked; none if this one does
 * not count. Otherwise a node whose file has a wrong key would revoke the right one.
 */
export function replacedKeys(
  ledger: Ledger,
  { node, publicKey }: { readonly node: string; readonly publicKey: string },
  nowMicros: number,
): LedgerRecord[] {
  const counting = ledger.nodeKeys();
  if (counting.get(publicKey) !== node) return [];
  return ledger.all
    .filter(({ id, hash, holder }) => kindOf(id) === 'key' && holder === node && hash !== publicKey)
    .filter(({ hash }) => counting.has(hash))
    .map((key) => revokedKey(key, nowMicros));
}

/** An identity with all rights for a moment, and its token. */
export interface Recovery {
  readonly records: readonly LedgerRecord[];
  readonly text: Secret;
}

/** Makes an admin for a short time. The caller has the disk of a node, and so all of its data. */
export function recovery(nowMicros: number, random: Random): Recovery {
  const expiresMicros = nowMicros + RECOVERY_MICROS;
  const name = `${RECOVERY_PREFIX}${random.uint32().toString(16).padStart(8, '0')}`;
  const rights = [{ prefix: '', verbs: ALL_VERBS }];
  const user = { ...emptyRecord(userId(name)), version: 1, expiresMicros, rights };
  const { record, text } = tokenFor(name, expiresMicros, random);
  return { records: [user, record], text };
}

/** Throws `last-admin` or `ledger-full` if the ledger must not take a record of an operator. */
export function assertAcceptable(ledger: Ledger, record: LedgerRecord, nowMicros: number): void {
  const next = new Ledger(ledger.all);
  next.merge([record], nowMicros);
  if (next.size > MAX_LEDGER_RECORDS)
    throw new MecError('ledger-full', { limit: MAX_LEDGER_RECORDS });
  if (ledger.hasAdmin(nowMicros) && !next.hasAdmin(nowMicros)) throw new MecError('last-admin');
}
