/**
 * The ledger: the identities of a cluster, their rights and tokens, and all that was revoked. It is
 * a set of versioned records, which merges to the same set on all nodes. Each node decides by its
 * own copy, so a node that is cut off can still tell its clients apart.
 */
import { callAll } from '../../base/call-all.ts';
import { areSameTexts, sha256Of } from '../../base/sha256.ts';
import { LEDGER_KEEP_MICROS } from '../limits.ts';
import { Secret } from '../../base/secret.ts';
import type { Bearer } from './bearer.ts';
import {
  certId,
  emptyRecord,
  isSound,
  kindOf,
  type LedgerRecord,
  mergeRecords,
  nameOf,
  normalRecord,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  smaller,
  tokenId,
  userId,
} from './ledger-record.ts';
import { RightsTable } from './rights.ts';

/** The names of identities that operators make on the disk of a node begin with this. */
export const RECOVERY_PREFIX = 'recovery-';

/** An identity that a request has proved. */
export interface KnownIdentity {
  readonly name: string;
  readonly rights: RightsTable;
}

/** A key with which an identity signs requests. */
export interface Signer {
  readonly algorithm: SigningAlgorithm;
  /** The public key, or the shared secret, in hexadecimal. */
  readonly key: Secret;
  readonly identity: KnownIdentity;
}

/** An identity, and the wall time at which its proof ends. */
interface ProvedIdentity {
  readonly identity: KnownIdentity;
  readonly untilMicros: number;
}

const NO_RIGHTS = new RightsTable([]);

function textOf(record: LedgerRecord): string {
  const { id, version, isRevoked, expiresMicros, holder, hash, rights, quotaBytes } = record;
  const common = [id, version, isRevoked, expiresMicros, holder, hash, rights];
  return JSON.stringify(quotaBytes === undefined ? common : [...common, quotaBytes]);
}

/** The ledger of one node. */
export class Ledger {
  #records = new Map<string, LedgerRecord>();
  #hash: string | undefined;
  #quotas: ReadonlyMap<string, number> | undefined;
  readonly #listeners: (() => void)[] = [];
  readonly #tables = new Map<string, RightsTable>();
  /** Tokens that were compared since the last change, so that the next request need not. */
  #proved = new WeakMap<Bearer, ProvedIdentity>();

  constructor(kept: readonly LedgerRecord[] = []) {
    this.merge(kept, 0);
  }

  /** All records, in the order of their ids. */
  get all(): readonly LedgerRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The number of records. */
  get size(): number {
    return this.#records.size;
  }

  /** The hash of all records: that of another node is the same if its ledger is. */
  get hash(): string {
    return (this.#hash ??= sha256Of(this.all.map(textOf).join('\n')).slice(0, 32));
  }

  /** The record with this id; one that gives nothing if there is none. */
  get(id: string): LedgerRecord {
    return this.#records.get(id) ?? emptyRecord(id);
  }

  /**
   * Merges records of another ledger. Leaves out those that this one would forget at once. Returns
   * whether anything has changed.
   */
  merge(records: readonly LedgerRecord[], nowMicros: number): boolean {
    let isChanged = false;
    for (const given of records) {
      if (!isSound(given) || isForgotten(given, nowMicros)) continue;
      const record = normalRecord(given);
      const known = this.#records.get(record.id);
      const merged = known === undefined ? record : mergeRecords(known, record);
      if (known !== undefined && textOf(known) === textOf(merged)) continue;
      this.#records.set(record.id, merged);
      isChanged = true;
    }
    if (isChanged) this.#noteChange();
    return isChanged;
  }

  /** Forgets records that have expired long ago. Returns whether there were any. */
  forgetOld(nowMicros: number): boolean {
    const old = [...this.#records.values()].filter((record) => isForgotten(record, nowMicros));
    for (const { id } of old) this.#records.delete(id);
    if (old.length > 0) this.#noteChange();
    return old.length > 0;
  }

  /** Calls `listener` after each change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #noteChange(): void {
    this.#hash = undefined;
    this.#quotas = undefined;
    this.#tables.clear();
    this.#proved = new WeakMap();
    callAll(this.#listeners, (listener) => listener());
  }

  /** The identity that a token proves; undefined if it does not count. */
  identityOfBearer(bearer: Bearer, nowMicros: number): KnownIdentity | undefined {
    const proved = this.#proved.get(bearer);
    if (proved !== undefined && nowMicros < proved.untilMicros) return proved.identity;
    const { id, hash } = bearer;
    const record = this.#records.get(tokenId(id));
    if (record === undefined || !counts(record, nowMicros)) return undefined;
    if (!areSameTexts(record.hash, hash)) return undefined;
    const identity = this.identityNamed(record.holder, nowMicros);
    if (identity === undefined) return undefined;
    const { expiresMicros } = this.get(userId(record.holder));
    const untilMicros = smaller(record.expiresMicros, expiresMicros) || Infinity;
    this.#proved.set(bearer, { identity, untilMicros });
    return identity;
  }

  /** The identity that a certificate proves; undefined if it was revoked. */
  identityOfCertificate(
    { name, serial }: { readonly name: string; readonly serial: string },
    nowMicros: number,
  ): KnownIdentity | undefined {
    return this.get(certId(serial)).isRevoked ? undefined : this.identityNamed(name, nowMicros);
  }

  /** The key of this id, and its identity; undefined if it does not count. */
  signerOf(id: string, nowMicros: number): Signer | undefined {
    for (const algorithm of SIGNING_ALGORITHMS) {
      const record = this.#records.get(`${algorithm}/${id}`);
      if (record === undefined || !counts(record, nowMicros) || record.hash === '') continue;
      const identity = this.identityNamed(record.holder, nowMicros);
      if (identity !== undefined) return { algorithm, key: new Secret(record.hash), identity };
    }
    return undefined;
  }

  /** The identity of a name that a proof has; undefined if there is none, or if it was revoked. */
  identityNamed(name: string, nowMicros: number): KnownIdentity | undefined {
    const user = this.get(userId(name));
    return name === '' || user.version === 0 || !counts(user, nowMicros)
      ? undefined
      : { name, rights: this.#tableOf(user) };
  }

  #tableOf({ id, rights }: LedgerRecord): RightsTable {
    if (rights.length === 0) return NO_RIGHTS;
    const known = this.#tables.get(id);
    if (known !== undefined) return known;
    const table = new RightsTable(rights);
    this.#tables.set(id, table);
    return table;
  }

  /** Whether some token lets an identity change this ledger, other than for a moment. */
  hasAdmin(nowMicros: number): boolean {
    return [...this.#records.values()].some((record) => {
      if (kindOf(record.id) !== 'token' || !counts(record, nowMicros)) return false;
      if (record.holder.startsWith(RECOVERY_PREFIX)) return false;
      return this.identityNamed(record.holder, nowMicros)?.rights.allows('admin', '') === true;
    });
  }

  /** The nodes whose keys count, by public key. The keys of nodes do not expire. */
  nodeKeys(): ReadonlyMap<string, string> {
    const keys = [...this.#records.values()].filter(
      ({ id, isRevoked, hash }) => kindOf(id) === 'key' && !isRevoked && hash !== '',
    );
    return new Map(keys.map(({ hash, holder }) => [hash, holder]));
  }

  /** The bytes that tenants may store, by name. */
  get quotas(): ReadonlyMap<string, number> {
    return (this.#quotas ??= this.#readQuotas());
  }

  #readQuotas(): ReadonlyMap<string, number> {
    const tenants = [...this.#records.values()].filter(({ id }) => kindOf(id) === 'tenant');
    return new Map(
      tenants.flatMap(({ id, quotaBytes = 0 }) =>
        quotaBytes > 0 ? [[nameOf(id), quotaBytes]] : [],
      ),
    );
  }

  /** The names of all identities that have a record. */
  get names(): string[] {
    return this.all.filter(({ id }) => kindOf(id) === 'user').map(({ id }) => nameOf(id));
  }
}

/** Whether a record gives anything now. */
const counts = ({ isRevoked, expiresMicros }: LedgerRecord, nowMicros: number): boolean =>
  !isRevoked && (expiresMicros === 0 || expiresMicros > nowMicros);

/**
 * Whether a record may be forgotten. Its copies on other nodes have expired as well, so none of
 * them can bring a right back.
 */
const isForgotten = ({ expiresMicros }: LedgerRecord, nowMicros: number): boolean =>
  expiresMicros !== 0 && expiresMicros + LEDGER_KEEP_MICROS <= nowMicros;
