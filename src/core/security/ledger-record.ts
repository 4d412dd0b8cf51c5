/**
 * The records of the ledger, and their merge.
 *
 * A record is an identity with its rights, a token of an identity, a certificate that was revoked,
 * or a key of a node. Or it is a tenant with its quota. An identity with several tokens is a role:
 * its rights stand in one place only. So a merge of two ledgers cannot combine halves of two
 * changes to a right that neither had.
 */
import { NODE_NAME_PATTERN } from '../causality/actor.ts';
import { isKeyStart, isReserved } from '../value/key.ts';
import {
  MAX_KEY_BYTES,
  MAX_LEDGER_RIGHTS_CHARS,
  MAX_QUOTA_BYTES,
  MAX_RECORD_VERSION,
  MAX_WALL_MICROS,
} from '../limits.ts';
import { normalRights, type Right, rightsOfBoth } from './rights.ts';
import { ofKey, RIGHT_VERBS, type VerbSet } from './verb.ts';

/** The kinds of records, which begin their ids. */
const KINDS = ['user', 'tenant', 'token', 'cert', 'key', 'ed25519', 'hmac-sha256'] as const;

/** The algorithms of signed requests. Each is the kind of the records of its keys. */
export const SIGNING_ALGORITHMS = ['ed25519', 'hmac-sha256'] as const;

/** One of `SIGNING_ALGORITHMS`. */
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** The kinds whose records end. */
const MORTAL: readonly string[] = ['token', 'cert', ...SIGNING_ALGORITHMS];

/** One record of the ledger. */
export interface LedgerRecord {
  /**
   * `user/NAME`, `tenant/NAME`, `token/ID`, `cert/SERIAL`, `key/ID`, `ed25519/ID` or
   * `hmac-sha256/ID`.
   */
  readonly id: string;
  /** Each change of the record adds one. */
  readonly version: number;
  /** It is never taken back: a revoked id gives no right any more. */
  readonly isRevoked: boolean;
  /** The wall time at which it ends, µs since 1970; 0 if never. It never changes. */
  readonly expiresMicros: number;
  /** The identity of a token or of a key for signatures, or the node of a key; else empty. */
  readonly holder: string;
  /**
   * The SHA-256 of a token, the public key of a node or of an identity, or the secret of
   * `hmac-sha256`, in hexadecimal; else empty.
   */
  readonly hash: string;
  /** The rights of an identity, as `normalRights` has them; else none. */
  readonly rights: readonly Right[];
  /** The bytes that a tenant may store; 0 or undefined if they have no bound. */
  readonly quotaBytes?: number | undefined;
}

/** A record without anything that it gives. */
export const emptyRecord = (id: string): LedgerRecord => ({
  id,
  version: 0,
  isRevoked: false,
  expiresMicros: 0,
  holder: '',
  hash: '',
  rights: [],
});

/** The ids of records. */
export const userId = (name: string): string => `user/${name}`;
export const tenantId = (name: string): string => `tenant/${name}`;
export const tokenId = (id: string): string => `token/${id}`;
export const certId = (serial: string): string => `cert/${serial}`;
export const keyId = (publicKey: string): string => `key/${publicKey.slice(0, KEY_ID_CHARS)}`;

/** The kind of a record. */
export const kindOf = (id: string): (typeof KINDS)[number] | undefined =>
  KINDS.find((kind) => id.startsWith(`${kind}/`));

/** The id of a record without its kind. */
export const nameOf = (id: string): string => id.slice(id.indexOf('/') + 1);

/** Whether a text can be the prefix of a right. */
export const isPrefix = (text: string): boolean =>
  !isReserved(text) && isKeyStart(text, MAX_KEY_BYTES);

const SHA256 = /^[0-9a-f]{64}$/;
/** Two public keys do not begin with the same 32 digits by chance. */
const KEY_ID_CHARS = 32;

const isCount = (n: number, most: number): boolean =>
  Number.isSafeInteger(n) && n >= 0 && n <= most;

/** The size of rights: their texts, and some units for each. */
export const rightsChars = (rights: readonly Right[]): number =>
  rights.reduce((sum, { prefix }) => sum + prefix.length + 8, 0);

/** Whether a right on this prefix can have these verbs. There is no empty key. */
const areVerbs = (verbs: VerbSet, prefix: string): boolean =>
  isCount(verbs, RIGHT_VERBS) &&
  (verbs & ~RIGHT_VERBS) === 0 &&
  (prefix !== '' || ofKey(verbs) === 0);

/** Whether a record has the grammar of one. Those of a peer, or of a disk, may not. */
export function isSound(record: LedgerRecord): boolean {
  const { id, version, expiresMicros, holder, hash, rights } = record;
  const kind = kindOf(id);
  if (kind === undefined || !NODE_NAME_PATTERN.test(nameOf(id))) return false;
  if (!isCount(version, MAX_RECORD_VERSION) || !isCount(expiresMicros, MAX_WALL_MICROS))
    return false;
  if (kind !== 'user' && rights.length > 0) return false;
  if (MORTAL.includes(kind) && expiresMicros === 0) return false;
  if (['user', 'tenant', 'cert'].includes(kind) && holder + hash !== '') return false;
  if (!isCount(record.quotaBytes ?? 0, kind === 'tenant' ? MAX_QUOTA_BYTES : 0)) return false;
  if (kind === 'key' && hash !== '' && id !== keyId(hash)) return false;
  if (holder !== '' && !NODE_NAME_PATTERN.test(holder)) return false;
  if (hash !== '' && !SHA256.test(hash)) return false;
  const areSound = rights.every(({ prefix, verbs }) => isPrefix(prefix) && areVerbs(verbs, prefix));
  return areSound && rightsChars(rights) <= MAX_LEDGER_RIGHTS_CHARS;
}

/** Of two bounds, such as expiries, the smaller one. 0 is none. */
export const smaller = (a: number, b: number): number =>
  a === 0 || b === 0 ? a + b : Math.min(a, b);

/**
 * Of two bodies of one version, the rights that both have, and the smaller quota. Two tokens with
 * one id have different secrets, so neither counts.
 */
function meet(a: LedgerRecord, b: LedgerRecord): LedgerRecord {
  const isSame = a.holder === b.holder && a.hash === b.hash;
  const { holder, hash } = isSame ? a : emptyRecord(a.id);
  const quotaBytes = smaller(a.quotaBytes ?? 0, b.quotaBytes ?? 0);
  const rights = rightsOfBoth(a.rights, b.rights);
  return { ...a, holder, hash, rights, ...(quotaBytes > 0 && { quotaBytes }) };
}

/**
 * Merges two records of one id: the newer body; of one version, the rights that both have. A
 * revocation counts whatever its version.
 */
export function mergeRecords(a: LedgerRecord, b: LedgerRecord): LedgerRecord {
  const newer = a.version === b.version ? meet(a, b) : a.version > b.version ? a : b;
  const isRevoked = a.isRevoked || b.isRevoked;
  return { ...newer, isRevoked, expiresMicros: smaller(a.expiresMicros, b.expiresMicros) };
}

/** The record in its only form: its rights are, and it has a quota only if that is a bound. */
export function normalRecord({ quotaBytes = 0, ...record }: LedgerRecord): LedgerRecord {
  const rights = normalRights(record.rights);
  return { ...record, rights, ...(quotaBytes > 0 && { quotaBytes }) };
}
