/**
 * The nodes that join a secured cluster. An operator makes a token for one of them, and hands the
 * key of the authority over with it. The node that has made the token keeps both in its memory, and
 * nowhere else, until the token ends. So a single use needs no vote, no disk of a node ever has the
 * key of the authority, and a restart ends all tokens.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { Env, Timer } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { isHost, isPort } from '../base/address.ts';
import type { Secret } from '../base/secret.ts';
import { areSameTexts } from '../base/sha256.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import type { MemberRecord } from '../core/placement/member-list.ts';
import type { KnownIdentity } from '../core/security/ledger.ts';
import type { LedgerRecord } from '../core/security/ledger-record.ts';
import { drawJoinToken, type JoinToken } from '../core/security/join-token.ts';
import { RightsTable } from '../core/security/rights.ts';
import type { NamedAddress } from './config.ts';
import { MAX_JOIN_TOKENS } from './limits.ts';
import type { Security } from './security.ts';

/** The authority of a cluster: its certificate and key, as PEM. */
export interface Authority {
  readonly certificate: string;
  readonly key: Secret;
}

/** A token to make. */
export interface JoinOffer {
  /** The only name that the newcomer may have; undefined if it may have any. */
  readonly name: string | undefined;
  readonly lifeMs: number;
  readonly authority: Authority;
}

/** A node that wants to join. */
export interface Newcomer extends NamedAddress {
  readonly name: string;
  /** The key with which it proves its name to other nodes, in hexadecimal. */
  readonly nodeKey: string;
  /** The public key (P-256) of its certificate, as PEM. */
  readonly certificateKey: string;
}

/** The knowledge that a newcomer needs for its first start. */
export interface Welcome {
  readonly certificate: string;
  readonly cluster: string | undefined;
  readonly n: number;
  readonly nodes: readonly NamedAddress[];
  /** The records of the ledger with the keys of nodes. It gets the others from them. */
  readonly records: readonly LedgerRecord[];
}

/** Signs the certificate of a newcomer. Resolves with the certificate, as PEM. */
export type SignNewcomer = (authority: Authority, newcomer: Newcomer) => Promise<string>;

/** The parts that the tokens of a node need. */
export interface JoinParts {
  readonly env: Pick<Env, 'clock' | 'random' | 'log'>;
  readonly security: Pick<Security, 'admitNode' | 'nodeRecords'>;
  readonly node: {
    readonly members: readonly MemberRecord[];
    readonly config: { readonly cluster?: string | undefined; readonly quorum: { n: number } };
  };
  /** The certificate of the authority that this node knows, as PEM. */
  readonly ca: () => string;
  readonly sign: SignNewcomer;
}

interface OpenToken extends JoinOffer, JoinToken {
  /** The key of the node that has used the token. Its answer may be lost, so it may ask again. */
  usedBy: string | undefined;
  readonly end: Timer;
}

/** The names of identities that have a token for joining. Other identities have no slash. */
const IDENTITY_PREFIX = 'join/';

/** Whether the name of an identity is that of a token for joining. */
export const isJoinIdentity = (name: string): boolean => name.startsWith(IDENTITY_PREFIX);

const NO_RIGHTS = new RightsTable([]);

const refuse = (parameter: string, detail: string): MecError =>
  new MecError('bad-parameter', { parameter, detail });

/** The SHA-256 of a certificate (DER), in hexadecimal. */
const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase();

/** The tokens for joining that one node has made. */
export class Joins {
  readonly #parts: JoinParts;
  readonly #tokens = new Map<string, OpenToken>();

  constructor(parts: JoinParts) {
    this.#parts = parts;
  }

  /** Makes a token. Throws `bad-parameter` if it could not work, and `overloaded`. */
  offer(offer: JoinOffer): { readonly text: Secret } {
    const { env, ca } = this.#parts;
    if (offer.name !== undefined) this.#assertFree(offer.name);
    const certificate = this.#assertPair(offer.authority);
    if (fingerprintOf(new X509Certificate(ca())) !== fingerprintOf(certificate))
      throw refuse('certificate', 'This is not the authority of this cluster');
    if (this.#tokens.size >= MAX_JOIN_TOKENS)
      throw new MecError('overloaded', {
        detail: `This node has ${MAX_JOIN_TOKENS} tokens for joining; use them, or wait for their end`,
        retryAfter: 60,
      });
    const { text, ...token } = drawJoinToken(fingerprintOf(certificate), env.random);
    // The key of the authority must not stay in the memory longer than the token counts.
    const end = env.clock.after(offer.lifeMs, () => this.#tokens.delete(token.id));
    this.#tokens.set(token.id, { ...offer, ...token, usedBy: undefined, end });
    return { text };
  }

  /** Ends a token before its time. Throws `bad-parameter` if this node does not know it. */
  cancel(id: string): void {
    const token = this.#tokens.get(id);
    if (token === undefined)
      throw refuse(
        'id',
        'This node has no such token for joining; only the node that made it has it',
      );
    token.end.cancel();
    this.#tokens.delete(id);
  }

  #assertPair({ certificate, key }: Authority): X509Certificate {
    try {
      const parsed = new X509Certificate(certificate);
      if (parsed.ca && parsed.checkPrivateKey(createPrivateKey(key.reveal()))) return parsed;
    } catch {
      // As below.
    }
    throw refuse('certificate', 'The certificate and the key are no pair of an authority');
  }

  /** The identity of a sender with a token; undefined if the token does not count. */
  identityOf({ id, hash }: JoinToken): KnownIdentity | undefined {
    const token = this.#tokens.get(id);
    return token !== undefined && areSameTexts(token.hash, hash)
      ? { name: IDENTITY_PREFIX + id, rights: NO_RIGHTS }
      : undefined;
  }

  /**
   * Lets the node with this identity join. Resolves when a majority of the members accept its key.
   * Rejects with a `MecError`.
   */
  async admit(identity: string, newcomer: Newcomer): Promise<Welcome> {
    const { env, security, node, sign } = this.#parts;
    const token = this.#tokens.get(identity.slice(IDENTITY_PREFIX.length));
    if (token === undefined) throw new MecError('unauthenticated');
    const { name, nodeKey } = newcomer;
    assertSound(newcomer);
    if (token.name !== undefined && token.name !== name)
      throw new MecError('forbidden', { detail: `The token is for the node ${token.name}.` });
    if (token.usedBy !== undefined && token.usedBy !== nodeKey) throw new MecError('token-spent');
    this.#assertFree(name, nodeKey);
    // Nothing may come between the check and this.
    token.usedBy = nodeKey;
    const certificate = await sign(token.authority, newcomer);
    await security.admitNode(name, nodeKey);
    env.log.info('a node may join', { node: name, key: nodeKey });
    const nodes = node.members
      .filter(({ state, name: other }) => state !== 'gone' && other !== name)
      .map(({ name: other, host, port }) => ({ name: other, host, port }));
    const { cluster, quorum } = node.config;
    return { certificate, cluster, n: quorum.n, nodes, records: security.nodeRecords };
  }

  /** Throws `bad-parameter` if a name is taken by a node with another key. */
  #assertFree(name: string, nodeKey?: string): void {
    const taken = this.#parts.security.nodeRecords.find(
      ({ holder, hash, isRevoked }) => holder === name && !isRevoked && hash !== nodeKey,
    );
    if (taken !== undefined)
      throw refuse('name', `There is a node ${name} with a key; choose another name, or revoke it`);
  }

  /** Ends all tokens. */
  close(): void {
    for (const { end } of this.#tokens.values()) end.cancel();
    this.#tokens.clear();
  }
}

/** Throws `bad-parameter` if a newcomer is malformed. */
function assertSound({ name, host, port, nodeKey, certificateKey }: Newcomer): void {
  if (!NODE_NAME_PATTERN.test(name)) throw refuse('name', `${JSON.stringify(name)} is no name`);
  if (!isHost(host)) throw refuse('host', `${JSON.stringify(host)} is no host`);
  if (!isPort(port)) throw refuse('port', `${port} is no port`);
  if (!/^[0-9a-f]{64}$/.test(nodeKey)) throw refuse('nodeKey', 'It is no key of a node');
  try {
    const { asymmetricKeyDetails } = createPublicKey(certificateKey);
    if (asymmetricKeyDetails?.namedCurve === 'prime256v1') return;
  } catch {
    // As below.
  }
  throw refuse('certificateKey', 'It is no public key on the curve P-256');
}
