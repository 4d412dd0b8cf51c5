/** The rights of the sender of a request. Only nodes with `security.mode = "on"` ask. */
import { type ErrorCode, MecError } from '../base/errors.ts';
import { isJoinIdentity } from '../cluster/joins.ts';
import type { KnownIdentity } from '../core/security/ledger.ts';
import { type Verb, verbSetOf } from '../core/security/verb.ts';

const OF_KEYS = verbSetOf(['read', 'write', 'delete']);

/** Takes notes of a request for the audit. */
export interface Trail {
  /** Notes that the request of an identity was refused. */
  refused(identity: string | undefined, code: ErrorCode): void;
  /** Notes that an administrator is about to change something. Throws if that cannot be noted. */
  changes(identity: string | undefined): void;
}

/** More about a request that has its rights. */
export interface AboutAccess {
  readonly trail?: Trail | undefined;
  /** Whether a signature of the request is its proof. */
  readonly isSigned?: boolean;
}

/** The rights of the sender of a request. */
export class Access {
  readonly #identity: KnownIdentity | undefined;
  readonly trail: Trail | undefined;
  /** Whether the body must have the digest in the head, which was signed. */
  readonly isSigned: boolean;

  /** Without an identity, the request has proved none. */
  constructor(identity: KnownIdentity | undefined, { trail, isSigned = false }: AboutAccess = {}) {
    this.#identity = identity;
    this.trail = trail;
    this.isSigned = isSigned;
  }

  /** The name of the identity; undefined if there is none. */
  get name(): string | undefined {
    return this.#identity?.name;
  }

  /** Whether a verb is allowed on a key, or on all keys that begin with this text. */
  may(verb: Verb, start: string): boolean {
    return this.#identity?.rights.allows(verb, start) === true;
  }

  /**
   * Throws `unauthenticated`, or `forbidden` unless the verb is allowed. The decision reads nothing
   * of the store, so neither its text nor its time says whether a key exists.
   */
  assertMay(verb: Verb, start: string): void {
    const { rights } = this.assertKnown();
    if (!rights.allows(verb, start)) throw forbidden(verb, start);
  }

  /** Throws `forbidden` unless some operation on some key is allowed. */
  assertUsesKeys(): void {
    const { rights } = this.assertKnown();
    if ((rights.verbs & OF_KEYS) === 0) throw forbidden('read, write or delete', '');
  }

  /** Throws `forbidden` unless the sender has a token for joining. */
  assertJoins(): void {
    if (!isJoinIdentity(this.assertKnown().name))
      throw new MecError('forbidden', { detail: 'It needs a token of "mec join-token".' });
  }

  /** The identity. Throws `unauthenticated` if there is none. */
  assertKnown(): KnownIdentity {
    if (this.#identity === undefined) throw new MecError('unauthenticated');
    return this.#identity;
  }
}

const forbidden = (verb: string, start: string): MecError =>
  new MecError('forbidden', {
    detail: `It needs the verb ${verb} on ${start === '' ? 'all keys' : JSON.stringify(start)}.`,
  });
