/**
 * A new version at this node's own replica. No other holder can be asked for one, because a dot
 * names the actor of the replica that makes it.
 */
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import type { WrittenObject } from '../../core/causality/object.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import { packContent, timestampOf, unpackContent } from '../../core/value/content.ts';
import type { Done } from '../../storage/commit-queue.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Policies } from '../policies.ts';
import type { KnownOwners, OnBehalf } from './holder.ts';

/** A write to this node's own replica. */
export interface LocalWriteRequest extends OnBehalf, KnownOwners {
  readonly partition: number;
  readonly key: string;
  /** The context that the writer had seen. */
  readonly token: CausalContext;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  /** The memory of the write, if it may be repeated. */
  readonly memory?: Omit<RememberedWrite, keyof Dot> | undefined;
}

/** A write that this node's own replica has made. It is not durable yet. */
export interface LocalWriteResult extends WrittenObject<Uint8Array> {
  readonly dot: Dot;
}

/** Makes a version. Throws, and changes nothing, if the replica cannot take it. */
export function writeVersion(
  replica: Replica,
  policies: Policies,
  write: LocalWriteRequest,
  done: Done,
): LocalWriteResult {
  const { key, token, body, memory } = policies.isLastWriteWins(write.key)
    ? asLast(replica, write)
    : write;
  return replica.write({ key, token, body, memory }, done);
}

/**
 * Makes a write the last one: its token includes all versions that are known here, and its time is
 * later than theirs.
 */
function asLast(replica: Replica, write: LocalWriteRequest): LocalWriteRequest {
  if (write.body === undefined) return write;
  const { versions } = replica.read(write.key);
  const content = unpackContent(write.body);
  const times = versions.map(({ body }) => timestampOf(body) + 1);
  const timestampMicros = Math.max(content.timestampMicros, ...times);
  const token = write.token.clone().join(CausalContext.ofDots(versions));
  return { ...write, token, body: packContent({ ...content, timestampMicros }) };
}
