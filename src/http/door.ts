/**
 * The door of a node with `security.mode = "on"`: it finds out the identity of each request before
 * anything else looks at the request.
 */
import { MecError } from '../base/errors.ts';
import type { ClientCertificate, Security } from '../cluster/security.ts';
import { parseBearer } from '../core/security/bearer.ts';
import { type KnownIdentity, RECOVERY_PREFIX } from '../core/security/ledger.ts';
import { Access, type Trail } from './access.ts';

const BEARER = 'Bearer ';

/** The proofs of a request. */
export interface Credentials {
  /** The header `Authorization`; undefined if absent. */
  readonly authorization: string | undefined;
  /** Undefined if the client has proved none that the cluster's authority has signed. */
  readonly certificate: ClientCertificate | undefined;
}

/** Finds out identities. */
export class Door {
  readonly #security: Security;
  readonly #onUnknown: () => void;

  /** `onUnknown` is called for a token that the ledger does not have. */
  constructor(security: Security, onUnknown: () => void = () => {}) {
    this.#security = security;
    this.#onUnknown = onUnknown;
  }

  /**
   * The rights of the sender of a request. Throws `unauthenticated` for proofs that do not count,
   * and `security-stale` if this node may not know the latest revocations.
   */
  accessOf({ authorization, certificate }: Credentials, trail?: Trail): Access {
    if (authorization === undefined && certificate === undefined)
      return new Access(undefined, trail);
    if (authorization !== undefined && certificate !== undefined)
      throw new MecError('bad-request', {
        detail: 'The request has two proofs of identity: a certificate, and Authorization',
      });
    const identity =
      certificate === undefined
        ? this.#identityOf(authorization ?? '')
        : this.#security.identityOfCertificate(certificate);
    if (identity === undefined) throw new MecError('unauthenticated');
    // The disk of this node has made it, so no other node needs to know it.
    const isLocal = identity.name.startsWith(RECOVERY_PREFIX);
    if (this.#security.isStale && !isLocal) throw new MecError('security-stale', { retryAfter: 1 });
    return new Access(identity, trail);
  }

  #identityOf(authorization: string): KnownIdentity | undefined {
    if (!authorization.startsWith(BEARER)) return undefined;
    const bearer = parseBearer(authorization.slice(BEARER.length));
    if (bearer === undefined) return undefined;
    const identity = this.#security.identityOfBearer(bearer);
    if (identity === undefined) this.#onUnknown();
    return identity;
  }
}
