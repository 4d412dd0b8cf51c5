/**
 * A new version, made at this node's own replica: the one ability that no other holder has, since a
 * dot is given by the replica whose actor it names.
 */
import { CausalContext, type Dot } from '../../core/causality/causal-context.ts';
import type { WrittenObject } from '../../core/causality/object.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import { packContent, unpackContent } from '../../core/value/content.ts';
import type { Done } from '../../storage/commit-queue.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Policies } from '../policies.ts';

/** A write for the own replica. */
export interface OwnWrite {
  readonly partition: number;
  readonly key: string;
  /** The context that the writer had seen. */
  readonly token: CausalContext;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
  /** What to remember of it, if it may be repeated. */
  readonly memory?: Omit<RememberedWrite, keyof Dot> | undefined;
}

/** A write that the own replica has made, and that is not durable yet. */
export interface OwnWritten extends WrittenObject<Uint8Array> {
  readonly dot: Dot;
}

/** Makes a version. Throws, and changes nothing, if the replica cannot take it. */
export function writeVersion(
  replica: Replica,
  policies: Policies,
  write: OwnWrite,
  done: Done,
): OwnWritten {
  const { key, token, body, memory } = policies.isLastWriteWins(write.key)
    ? asLast(replica, write)
    : write;
  return replica.write({ key, token, body, memory }, done);
}

/** If the last write wins, it replaces all versions that are known here, and its time is later. */
function asLast(replica: Replica, write: OwnWrite): OwnWrite {
  if (write.body === undefined) return write;
  const { versions } = replica.read(write.key);
  const content = unpackContent(write.body);
  const times = versions.map(({ body }) => unpackContent(body).timestampMicros + 1);
  const timestampMicros = Math.max(content.timestampMicros, ...times);
  const token = write.token.clone().join(CausalContext.ofDots(versions));
  return { ...write, token, body: packContent({ ...content, timestampMicros }) };
}
