/** A write as a client asks for it, coordinated here or at another node. */
import type { OnBehalf } from './holder.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { Condition } from '../../core/quorum/condition.ts';
import type { Quorum } from '../../core/quorum/quorum.ts';

/** The key, the content, and how many holders must have it. */
export interface PutRequest extends OnBehalf {
  readonly key: string;
  /** The context that the writer had seen; undefined if it gave no token. */
  readonly token: CausalContext | undefined;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  /** How many owners a delete asks for the versions that are there. */
  readonly r: Quorum;
  readonly w: Quorum;
  /** How many of them must be owners, and not fallbacks. */
  readonly pr?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
  /** What must hold for the write to be made. */
  readonly condition?: Condition | undefined;
  readonly timeoutMs: number;
}

/** What a write did. */
export interface PutResult {
  readonly dot: Dot;
  readonly token: CausalContext;
  /** The dots of the key's versions, as far as the coordinator knows. */
  readonly versions: readonly Dot[];
  /** Whether a delete found anything to delete. */
  readonly found: boolean;
  /** Whether it had been made before, under the same idempotency key. */
  readonly isRepeated: boolean;
}
