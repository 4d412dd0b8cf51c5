/**
 * Signed requests as proofs of identity. A signature counts once at a node, for a few minutes, and
 * only if it covers all that decides what the request does.
 */
import type { Clock } from '../base/env.ts';
import type { Security } from '../cluster/security.ts';
import type { KnownIdentity } from '../core/security/ledger.ts';
import { SIGNATURE_AGE_S, SIGNATURE_LEAD_S } from './limits.ts';
import {
  isSignedBy,
  parseSignature,
  parseSignatureInput,
  signatureBase,
  type SignatureInput,
  type SignedMessage,
} from './message-signature.ts';
import { Nonces } from './nonces.ts';

/** Components that each signature must cover. */
const ALWAYS: readonly string[] = ['@method', '@authority', '@path', '@query'];

/** Headers that change what a request does. A signature must cover those that were sent. */
const TELLING = /^(?:x-mec-.*|if-.*|content-(?!length$).*|idempotency-key|range)$/;

const NONCE = /^[\w+/=.-]{8,64}$/;

/** Checks signatures. */
export class SignedRequests {
  readonly #security: Security;
  readonly #nonces: Nonces;
  /** The time since which the nonces are remembered, seconds since 1970. */
  readonly #startS: number;

  constructor(security: Security, clock: Pick<Clock, 'monotonicMs'>) {
    this.#security = security;
    this.#nonces = new Nonces(clock);
    this.#startS = security.nowMicros / 1e6;
  }

  /**
   * The identity that has signed a request; undefined if the signature does not count. Throws
   * `rate-limited` if its key has signed too many.
   */
  identityOf(message: SignedMessage): KnownIdentity | undefined {
    const { 'signature-input': given, signature: mark } = message.headers;
    const input = parseSignatureInput(String(given));
    const signature = input && parseSignature(String(mark), input.label);
    if (input === undefined || signature === undefined) return undefined;
    const { keyid, nonce } = Object.fromEntries(input.parameters);
    const signer = this.#security.signerOf(String(keyid));
    if (signer === undefined || !this.#isInTime(input) || !coversAll(message, input))
      return undefined;
    const { alg = signer.algorithm } = Object.fromEntries(input.parameters);
    if (alg !== signer.algorithm || typeof nonce !== 'string' || !NONCE.test(nonce))
      return undefined;
    const text = signatureBase(message, input);
    const key = { algorithm: signer.algorithm, key: Buffer.from(signer.key.reveal(), 'hex') };
    if (text === undefined || !isSignedBy(key, text, signature)) return undefined;
    // Only now: strangers must not fill the memory.
    return this.#nonces.take(String(keyid), nonce) ? signer.identity : undefined;
  }

  #isInTime({ parameters }: SignatureInput): boolean {
    const nowS = this.#security.nowMicros / 1e6;
    const { created, expires = Infinity } = Object.fromEntries(parameters);
    return (
      typeof created === 'number' &&
      created >= Math.max(nowS - SIGNATURE_AGE_S, this.#startS) &&
      created <= nowS + SIGNATURE_LEAD_S &&
      typeof expires === 'number' &&
      nowS < expires
    );
  }
}

/** Whether a signature covers all that decides what the request does. */
function coversAll({ headers }: SignedMessage, { components }: SignatureInput): boolean {
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  const needed = [...ALWAYS, ...(hasBody ? ['content-digest'] : [])];
  const sent = Object.keys(headers).filter((name) => TELLING.test(name));
  return [...needed, ...sent].every((name) => components.includes(name));
}
