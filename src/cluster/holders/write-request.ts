/** A write as a client asks for it, and its result, for a coordinator here or at another node. */
import type { OnBehalf } from './holder.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { Condition } from '../../core/quorum/condition.ts';
import type { Quorum } from '../../core/quorum/quorum.ts';

/** A write to one key. */
export interface PutRequest extends OnBehalf {
  readonly key: string;
  /** The context that the writer had seen; undefined if it sent no token. */
  readonly token: CausalContext | undefined;
  /**
   * Whether the token has no signature. Then writes that it names count only if a member confirms
   * them.
   */
  readonly isUnsigned?: boolean | undefined;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  /**
   * Whether a write without a token replaces all versions that exist. A delete without a token
   * always does.
   */
  readonly replace?: boolean | undefined;
  /** The number of holders that are asked for the versions that exist. */
  readonly r: Quorum;
  /** The number of holders that must have the write on disk. */
  readonly w: Quorum;
  /** The numbers of owners that must be among them. */
  readonly pr?: Quorum | undefined;
  readonly pw?: Quorum | undefined;
  /** The condition under which the write is made. */
  readonly condition?: Condition | undefined;
  readonly timeoutMs: number;
}

/** The result of a write. */
export interface PutResult {
  readonly dot: Dot;
  readonly token: CausalContext;
  /** The dots of the key's versions, as far as the coordinator knows. */
  readonly versions: readonly Dot[];
  /** Whether a delete has found a version. */
  readonly found: boolean;
  /** Whether an earlier copy of the write had been made, under the same idempotency key. */
  readonly isRepeated: boolean;
}
