/**
 * The door of a node with `security.mode = "on"`: it finds out the identity of each request before
 * anything else looks at the request.
 */
import { MecError } from '../base/errors.ts';
import type { ClientCertificate, Security } from '../cluster/security.ts';
import type { Joins } from '../cluster/joins.ts';
import { parseJoinToken } from '../core/security/join-token.ts';
import { type Bearer, parseBearer } from '../core/security/bearer.ts';
import { type KnownIdentity, RECOVERY_PREFIX } from '../core/security/ledger.ts';
import { type AboutAccess, Access, type Trail } from './access.ts';
import type { SignedMessage } from './message-signature.ts';

const BEARER = 'Bearer ';

/** Finds out the name in a JSON Web Token. */
export interface TokenNames {
  /** Undefined if the token does not count. */
  nameOf(token: string): string | undefined | Promise<string | undefined>;
}

/** Checks the signature of a request. */
export interface Signatures {
  identityOf(message: SignedMessage): KnownIdentity | undefined;
}

/** A token, and its parts. */
export interface ProvenToken {
  readonly text: string;
  readonly bearer: Bearer;
}

/** Remembers the last token of a connection: to take it apart costs as much as to read a key. */
export interface TokenMemory {
  token: ProvenToken | undefined;
}

/** The proofs of a request. */
export interface Credentials {
  /** The memory of the connection, if it has one. */
  readonly memory?: TokenMemory | undefined;
  /** The header `Authorization`; undefined if absent. */
  readonly authorization: string | undefined;
  /** Undefined if the client has proved none that the cluster's authority has signed. */
  readonly certificate: ClientCertificate | undefined;
  /** The request, if it has a signature. */
  readonly signed?: SignedMessage | undefined;
}

/** The parts of a door. */
export interface DoorOptions {
  readonly security: Security;
  /** Called for a token that the ledger does not have. */
  readonly onUnknown?: () => void;
  /** Undefined if no JSON Web Token counts. */
  readonly jwt?: TokenNames | undefined;
  /** The tokens for joining that this node has made; undefined if it makes none. */
  readonly joins?: Pick<Joins, 'identityOf'> | undefined;
  /** Undefined if no signature counts. */
  readonly signatures?: Signatures | undefined;
}

/** Finds out identities. */
export class Door {
  readonly #security: Security;
  readonly #options: Omit<DoorOptions, 'security'>;

  constructor({ security, ...options }: DoorOptions) {
    this.#security = security;
    this.#options = options;
  }

  /**
   * The rights of the sender of a request; later, if a proof takes time. Throws `unauthenticated`
   * for proofs that do not count, and `security-stale` if this node may not know the latest
   * revocations.
   */
  accessOf(
    { authorization, certificate, signed, memory }: Credentials,
    trail?: Trail,
  ): Access | Promise<Access> {
    const count =
      Number(authorization !== undefined) +
      Number(certificate !== undefined) +
      Number(signed !== undefined);
    if (count === 0) return new Access(undefined, { trail });
    if (count > 1)
      throw new MecError('bad-request', {
        detail:
          'The request has two proofs of identity: a certificate, Authorization or a signature',
      });
    if (signed !== undefined) {
      const signer = this.#options.signatures?.identityOf(signed);
      return this.#admit(signer, { trail, isSigned: true });
    }
    const identity =
      certificate === undefined
        ? this.#identityOf(authorization ?? '', memory)
        : this.#security.identityOfCertificate(certificate);
    return identity instanceof Promise
      ? identity.then((known) => this.#admit(known, { trail }))
      : this.#admit(identity, { trail });
  }

  #admit(identity: KnownIdentity | undefined, about: AboutAccess): Access {
    if (identity === undefined) throw new MecError('unauthenticated');
    // The disk of this node has made it, so no other node needs to know it.
    const isLocal = identity.name.startsWith(RECOVERY_PREFIX);
    if (this.#security.isStale && !isLocal) throw new MecError('security-stale', { retryAfter: 1 });
    return new Access(identity, about);
  }

  #identityOf(
    authorization: string,
    memory: TokenMemory | undefined,
  ): KnownIdentity | undefined | Promise<KnownIdentity | undefined> {
    const last = memory?.token;
    if (last !== undefined && last.text === authorization) {
      const identity = this.#security.identityOfBearer(last.bearer);
      if (identity !== undefined) return identity;
    }
    if (!authorization.startsWith(BEARER)) return undefined;
    const text = authorization.slice(BEARER.length);
    const join = parseJoinToken(text);
    if (join !== undefined) return this.#options.joins?.identityOf(join);
    const bearer = parseBearer(text);
    if (bearer === undefined) return this.#identityOfIssuer(text);
    const identity = this.#security.identityOfBearer(bearer);
    if (identity === undefined) this.#options.onUnknown?.();
    else if (memory !== undefined) memory.token = { text: authorization, bearer };
    return identity;
  }

  #identityOfIssuer(token: string): KnownIdentity | undefined | Promise<KnownIdentity | undefined> {
    const name = this.#options.jwt?.nameOf(token);
    const toIdentity = (one: string | undefined): KnownIdentity | undefined =>
      one === undefined ? undefined : this.#security.identityNamed(one);
    return name instanceof Promise ? name.then(toIdentity) : toIdentity(name);
  }
}
