/**
 * The tokens of a cluster. A token that it has given out is signed, so a client can neither make
 * one up nor change one. Tokens without a signature come from programs that were written for the
 * first MecDB, and from nodes of earlier releases. They count unless the configuration refuses
 * them, but cannot claim much: `coordinator/unseen-dots.ts` checks the writes that they name, and
 * leaves out those that no member confirms.
 */
import { MecError } from '../base/errors.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import { encodeToken, decodeToken, type Shown } from '../core/causality/token.ts';
import type { TokenKeys } from '../core/causality/token-keys.ts';
import { type TokenVerdict, verdictOn } from '../core/causality/token-signature.ts';
import type { LiveConfig } from './live-config.ts';

/** The parts of a node that its tokens need. */
export interface TokenParts {
  readonly tokenKeys: TokenKeys;
  readonly config: Pick<LiveConfig, 'http'>;
}

type Flaw = Exclude<TokenVerdict, 'signed'>;

const DETAILS: Readonly<Record<Flaw, string>> = {
  unsigned: 'This node takes only tokens that the cluster has signed; read the key again.',
  'unknown-key': 'The token is too old, or of another cluster; read the key again.',
  forged: 'The token is not as an answer had it; read the key again.',
};

const NO_KEYS = {
  detail: 'This node has not heard from most members yet which keys for tokens there are',
  retryAfter: 1,
};

const refusal = (reason: Flaw): MecError =>
  new MecError('bad-vclock', { parameter: 'X-Mec-Vclock', reason, detail: DETAILS[reason] });

/** The token of a request. */
export interface ReceivedToken {
  readonly context: CausalContext;
  /** Whether it has no signature. Only its dots that a member confirms count. */
  readonly isUnsigned: boolean;
}

/** Makes the tokens of answers, and checks those of requests. */
export class Tokens {
  readonly #parts: TokenParts;

  constructor(parts: TokenParts) {
    this.#parts = parts;
  }

  /** The number of keys that are accepted, and whether there is one that signs. */
  status(): { readonly keys: number; readonly isSigned: boolean } {
    const { all, signing } = this.#parts.tokenKeys;
    return { keys: all.length, isSigned: signing !== undefined };
  }

  /**
   * The reason why this node can give no tokens now: it has no key to sign them. Undefined if it
   * can. A token without a signature would not count for much later.
   */
  whyNotReady(): MecError | undefined {
    return this.#parts.tokenKeys.signing === undefined
      ? new MecError('not-ready', { ...NO_KEYS, mayTakeEffect: false })
      : undefined;
  }

  /** The header text of a token for a key. */
  encode(context: CausalContext, key: string, { microsByActor, versions }: Shown): string {
    const signer = this.#parts.tokenKeys.signing;
    return encodeToken(context, key, { microsByActor, versions, signer });
  }

  /**
   * The token of a request. Throws `bad-vclock` if it is no token of this key, or not one that
   * counts.
   */
  decode(text: string, key: string): ReceivedToken {
    const { context, verdict } = this.#read(text, key);
    if (verdict === 'signed') return { context, isUnsigned: false };
    if (verdict === 'unknown-key') this.#assertKnowsKeys();
    if (verdict !== 'unsigned' || !this.#parts.config.http.unsignedTokens) throw refusal(verdict);
    return { context, isUnsigned: true };
  }

  /**
   * The context of a token that tells what a reader has seen. It changes only what this reader is
   * shown, so it may be unsigned, or older than all keys. Throws `bad-vclock` if it was changed.
   */
  decodeSeen(text: string, key: string): CausalContext {
    const { context, verdict } = this.#read(text, key);
    if (verdict === 'forged') throw refusal(verdict);
    return context;
  }

  /**
   * Throws `not-ready` if this node may not have heard of all keys yet. Otherwise it would refuse
   * tokens that are in order: while it joins, and after its disk was lost or put back.
   */
  #assertKnowsKeys(): void {
    const { all, isInformed } = this.#parts.tokenKeys;
    if (all.length === 0 || !isInformed) throw new MecError('not-ready', NO_KEYS);
  }

  #read(text: string, key: string): { context: CausalContext; verdict: TokenVerdict } {
    const { context, bytes, signature } = decodeToken(text, key);
    const { all: keys } = this.#parts.tokenKeys;
    return { context, verdict: verdictOn(bytes, key, { signature, keys }) };
  }
}
