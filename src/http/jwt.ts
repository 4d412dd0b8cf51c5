/**
 * JSON Web Tokens (RFC 7519) as proofs of identity. The issuer says the name, and the ledger of the
 * cluster says the rights of that name. This file alone knows the format.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../base/env.ts';
import { MecError } from '../base/errors.ts';
import { sha256Of } from '../base/sha256.ts';
import { microsToDate } from '../base/system.ts';
import type { JwtRules } from '../cluster/config.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { RECOVERY_PREFIX } from '../core/security/ledger.ts';
import { KeyCache, type KeyReader } from './jwks.ts';
import { JWT_KEEP_MS, JWT_TOLERANCE_S, MAX_JWT_CHECKS, MAX_KEPT_JWTS } from './limits.ts';

/**
 * The algorithms that count. All have a public key: with a shared secret, the public key of the
 * issuer could be taken for one, and every reader of it could make tokens.
 */
const ALGORITHMS = 'EdDSA Ed25519 ES256 ES384 ES512 PS256 PS384 PS512 RS256 RS384 RS512'.split(' ');

/** The form of a token: three parts, of which the first is an object in JSON. */
const PATTERN = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;

/** The parts that it needs. */
export interface JwtParts {
  readonly rules: JwtRules;
  /** Reads the document with the keys. */
  readonly keys: KeyReader<unknown>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** The wall time of the cluster, µs since 1970. */
  readonly nowMicros: () => number;
}

type FindKey = ReturnType<typeof createLocalJWKSet>;

/** Checks tokens, and keeps the results for a while: a check costs more than a read. */
export class JwtVerifier {
  readonly #parts: JwtParts;
  readonly #keys: KeyCache<FindKey>;
  /** The names by the hashes of tokens, the oldest first, and the wall times of their ends. */
  readonly #kept = new Map<string, { readonly name: string; readonly untilMicros: number }>();
  readonly #checks = new Map<string, Promise<string | undefined>>();

  constructor(parts: JwtParts) {
    this.#parts = parts;
    const { read, onFailure } = parts.keys;
    const readKeys = async (): Promise<FindKey> =>
      createLocalJWKSet((await read()) as JSONWebKeySet);
    this.#keys = new KeyCache({ read: readKeys, onFailure }, parts.clock);
  }

  /**
   * The name that a token proves; undefined if it does not count. Rejects with a `MecError` if that
   * cannot be found out now.
   */
  nameOf(token: string): string | undefined | Promise<string | undefined> {
    if (!PATTERN.test(token)) return undefined;
    const hash = sha256Of(token);
    const kept = this.#kept.get(hash);
    if (kept !== undefined && kept.untilMicros > this.#parts.nowMicros()) return kept.name;
    const known = this.#checks.get(hash);
    if (known !== undefined) return known;
    if (this.#checks.size >= MAX_JWT_CHECKS)
      throw new MecError('overloaded', {
        detail: 'The node checks too many tokens of the issuer.',
        retryAfter: 1,
        mayTakeEffect: false,
      });
    const check = this.#check(token, hash).finally(() => this.#checks.delete(hash));
    this.#checks.set(hash, check);
    return check;
  }

  async #check(token: string, hash: string): Promise<string | undefined> {
    const payload = await this.#payloadOf(token);
    if (payload === undefined) return undefined;
    const { claim, prefix } = this.#parts.rules;
    const name = `${prefix}${String(payload[claim])}`;
    const isText = typeof payload[claim] === 'string';
    // The identity of an operator with a disk belongs to no issuer.
    if (!isText || !NODE_NAME_PATTERN.test(name) || name.startsWith(RECOVERY_PREFIX))
      return undefined;
    const untilMicros = Math.min(
      this.#parts.nowMicros() + 1000 * JWT_KEEP_MS,
      1e6 * (payload.exp ?? 0),
    );
    this.#kept.delete(hash);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KEPT_JWTS && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(hash, { name, untilMicros });
    return name;
  }

  /** The claims of a token; undefined if it does not count. */
  async #payloadOf(token: string): Promise<JWTPayload | undefined> {
    try {
      return await this.#verify(token, await this.#keys.current());
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) return undefinedIfRefused(error);
    }
    try {
      return await this.#verify(token, await this.#keys.renewed());
    } catch (error) {
      return undefinedIfRefused(error);
    }
  }

  async #verify(token: string, keys: FindKey): Promise<JWTPayload> {
    const { issuer, audience } = this.#parts.rules;
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['iss', 'aud', 'exp'],
      clockTolerance: JWT_TOLERANCE_S,
      currentDate: microsToDate(this.#parts.nowMicros()),
    });
    return payload;
  }
}

/** Undefined for a token that was refused, whatever the reason. Throws any other error. */
function undefinedIfRefused(error: unknown): undefined {
  if (error instanceof MecError) throw error;
  return undefined;
}
