/**
 * The identities of a cluster, for its doors: the identity behind a request, and the changes of
 * operators. Only nodes with `security.mode = "on"` have it.
 */
import type { Env } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { MAX_TOKEN_LIFE_MICROS } from '../core/limits.ts';
import type { Bearer } from '../core/security/bearer.ts';
import type { KnownIdentity, Ledger, Signer } from '../core/security/ledger.ts';
import {
  type AddedSigner,
  assertAcceptable,
  type GrantChange,
  granted,
  issued,
  limited,
  nodeKeyRecord,
  type QuotaChange,
  revoked,
  revokedNode,
  signing,
} from '../core/security/ledger-change.ts';
import { kindOf, type LedgerRecord } from '../core/security/ledger-record.ts';
import type { TokenKeys } from '../core/causality/token-keys.ts';
import { type KeyFiles, KeyRotation, type Rotation } from './key-rotation.ts';
import type { LedgerExchange, Spread } from './membership/ledger-exchange.ts';
import type { Quotas } from './quotas.ts';
import type { NodeKeyring } from './node-keyring.ts';

/** Stands for all keys of a node, as in `node/n3`. */
const NODE_ID = 'node/';

/** The parts that it needs. */
export interface SecurityParts {
  readonly env: Pick<Env, 'random' | 'clock' | 'log'>;
  readonly ledger: Ledger;
  readonly ledgerExchange: LedgerExchange;
  readonly quotas: Pick<Quotas, 'storedBytes'>;
  readonly tokenKeys: Pick<TokenKeys, 'all' | 'isInformed' | 'draw'>;
  readonly config: { readonly name: string };
  /** The keys with which this node proves its name; undefined if nodes need none. */
  readonly nodeKeys: { readonly keyring: NodeKeyring; readonly files: KeyFiles } | undefined;
}

/** A certificate that a client has proved to have. */
export interface ClientCertificate {
  /** The name of its identity. */
  readonly name: string;
  readonly serial: string;
}

/** The identities of a cluster, as one node knows them. */
export class Security {
  readonly #parts: SecurityParts;
  readonly #rotation: KeyRotation | undefined;

  constructor(parts: SecurityParts) {
    const { nodeKeys, config } = parts;
    this.#parts = parts;
    this.#rotation = nodeKeys && new KeyRotation({ ...parts, ...nodeKeys, node: config.name });
  }

  /** Goes on with the changes that the last process of this node has begun. */
  start(): void {
    this.#rotation?.start();
  }

  stop(): void {
    this.#rotation?.stop();
  }

  /** The identity that a token proves; undefined if it does not count. */
  identityOfBearer(bearer: Bearer): KnownIdentity | undefined {
    return this.#parts.ledger.identityOfBearer(bearer, this.nowMicros);
  }

  /** The identity that a certificate proves; undefined if it does not count. */
  identityOfCertificate(certificate: ClientCertificate): KnownIdentity | undefined {
    return this.#parts.ledger.identityOfCertificate(certificate, this.nowMicros);
  }

  /** The identity of a name that an issuer has proved; undefined if the cluster has none. */
  identityNamed(name: string): KnownIdentity | undefined {
    return this.#parts.ledger.identityNamed(name, this.nowMicros);
  }

  /** The key of this id with which an identity signs requests; undefined if it does not count. */
  signerOf(keyId: string): Signer | undefined {
    return this.#parts.ledger.signerOf(keyId, this.nowMicros);
  }

  /** Whether rights may be old, because this node has met no majority for too long. */
  get isStale(): boolean {
    return this.#parts.ledgerExchange.isStale;
  }

  /** The wall time by which records expire, µs since 1970. */
  get nowMicros(): number {
    return this.#parts.ledgerExchange.nowMicros;
  }

  /** All records, for operators. */
  get records(): readonly LedgerRecord[] {
    return this.#parts.ledger.all;
  }

  /** Replaces the verbs of an identity on a prefix. Rejects with a `MecError`. */
  grant(change: GrantChange): Promise<Spread> {
    return this.#change(granted(this.#parts.ledger, change));
  }

  /** Replaces the quota of a tenant. Rejects with a `MecError`. */
  limit(change: QuotaChange): Promise<Spread> {
    return this.#change(limited(this.#parts.ledger, change));
  }

  /** The bytes that a tenant stores, by the last answers of the members; undefined if unknown. */
  storedBytes(tenant: string): number | undefined {
    return this.#parts.quotas.storedBytes(tenant);
  }

  /** Makes a token of an identity. Rejects with a `MecError`. */
  async issue(
    holder: string,
    lifeMicros: number,
  ): Promise<
    Spread & { readonly id: string; readonly text: Secret; readonly expiresMicros: number }
  > {
    const { ledger, env } = this.#parts;
    const expiresMicros = Math.floor(this.nowMicros + lifeMicros);
    const { record, text } = issued(ledger, { holder, expiresMicros }, env.random);
    return { ...(await this.#change(record)), id: record.id, text, expiresMicros };
  }

  /**
   * Adds a key with which an identity signs requests: its public key in hexadecimal, or a new
   * shared secret. Rejects with a `MecError`.
   */
  async addSigner(
    holder: string,
    lifeMicros: number,
    publicKey: string | undefined,
  ): Promise<Spread & Omit<AddedSigner, 'record'> & { readonly expiresMicros: number }> {
    const { ledger, env } = this.#parts;
    const expiresMicros = Math.floor(this.nowMicros + lifeMicros);
    const terms = { holder, expiresMicros };
    const { record, ...added } = signing(ledger, terms, publicKey, env.random);
    return { ...(await this.#change(record)), ...added, expiresMicros };
  }

  /** Revokes a record, or all keys of a node, for ever. Rejects with a `MecError`. */
  revoke(id: string): Promise<Spread> {
    const { ledger } = this.#parts;
    if (id.startsWith(NODE_ID))
      return this.#change(...revokedNode(ledger, id.slice(NODE_ID.length), this.nowMicros));
    // A certificate without a record may be valid for as long as any.
    return this.#change(revoked(ledger, id, Math.floor(this.nowMicros + MAX_TOKEN_LIFE_MICROS)));
  }

  /** The keys of nodes, and those that were revoked. */
  get nodeRecords(): readonly LedgerRecord[] {
    return this.records.filter(({ id }) => kindOf(id) === 'key');
  }

  /** Accepts the key of a node that joins. Rejects with a `MecError`. */
  admitNode(name: string, publicKey: string): Promise<Spread> {
    const record = nodeKeyRecord(name, publicKey);
    if (this.#parts.ledger.get(record.id).isRevoked)
      throw new MecError('bad-parameter', { parameter: 'nodeKey', detail: 'It was revoked' });
    return this.#change(record);
  }

  /** Gives this node another key. Rejects with a `MecError`. */
  rotateNodeKey(): Promise<Rotation> {
    if (this.#rotation === undefined) throw new MecError('no-such-route');
    return this.#rotation.rotate();
  }

  /** Draws another key for tokens, which signs when all members have it. Throws `not-ready`. */
  rotateTokenKey(): void {
    const { tokenKeys, env } = this.#parts;
    const [newest] = tokenKeys.all;
    if (newest === undefined || newest.settledMicros === 0 || !tokenKeys.isInformed)
      throw new MecError('not-ready', {
        detail: 'Not all members have the newest key for tokens yet; /status tells whether they do',
        retryAfter: 1,
      });
    tokenKeys.draw(env.random);
    env.log.info('key for tokens drawn');
  }

  /** Takes records that an operator has put on the disk of this node. Rejects with a `MecError`. */
  recover(records: readonly LedgerRecord[]): Promise<Spread> {
    // It must count here even if this node reaches no other.
    this.#parts.ledger.merge(records, this.nowMicros);
    return this.#parts.ledgerExchange.spread(records);
  }

  async #change(...records: readonly LedgerRecord[]): Promise<Spread> {
    for (const record of records) assertAcceptable(this.#parts.ledger, record, this.nowMicros);
    return this.#parts.ledgerExchange.spread(records);
  }
}
