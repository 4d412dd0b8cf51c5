/**
 * A pull: this replica catches up with one peer. It fetches the writes that it lacks from the log
 * of the peer, page by page. If that log does not reach back far enough, it needs a snapshot.
 *
 * A page is merged and durable before the next is requested. So an interruption loses nothing, and
 * the next attempt continues at the same place.
 */
import { MecError } from '../../base/errors.ts';
import type { SyncLimits } from '../limits.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { type Statement, whyFalse } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Reply, Request, SyncItem } from '../../transport/message.ts';
import type { OnReply } from '../../transport/rpc.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Peer } from '../membership/peers.ts';

/** The result of a pull. */
export interface PullResult {
  /** The last statement of the peer. */
  readonly statement: Statement;
  /**
   * "none" if this replica has all dots of that statement, "more" if it must pull again, and "all"
   * if it needs a snapshot.
   */
  readonly rest: 'none' | 'more' | 'all';
}

/** A replica of this node, and the peer that it catches up with. */
export interface PullContext {
  /** This node's name. */
  readonly self: string;
  /** Whether other members may have taken the life of this node for over. */
  readonly mayBeTakenForDead: boolean;
  readonly replica: Replica;
  readonly peer: Peer;
  readonly limits: SyncLimits;
  readonly floors: Floors;
  /** Makes the statement of this node about its replica. */
  readonly makeStatement: (replica: Replica) => Statement;
  /** Closes dots that the peer has closed. Rejects with `FalseClockError` if it cannot be true. */
  readonly closeToo: (lost: CausalContext) => Promise<void>;
  /** Counts incoming bytes, and resolves when more may come; undefined if there is no limit. */
  readonly throttle?: ((bytes: number) => Promise<void>) | undefined;
  /** Called after each page, with the number of its objects. */
  readonly onPage?: ((objects: number) => void) | undefined;
}

/** A failure of the peer, which must not count as damage of this node. */
export class PeerError extends Error {
  override readonly name: string = 'PeerError';
}

type Expected<Kind> = Extract<Reply, { kind: Kind }>;

/** Catches up with a peer from its log. Rejects if the peer or the disk of this node fails. */
export async function pull(context: PullContext): Promise<PullResult> {
  const { self, replica, peer, limits, makeStatement, floors } = context;
  const { partition } = replica;
  for (let pages = 1; ; pages++) {
    const names = floors.names(partition);
    const request = {
      kind: 'pull',
      from: self,
      partition,
      statement: makeStatement(replica),
      floors: names,
    } as const;
    const outgoing = floors.outgoing(partition, request);
    const reply = expect('page', (onReply) => outgoing.send(peer, limits.timeoutMs, onReply));
    const { statement, items, rest } = await reply;
    assertHonest(context, statement);
    await context.closeToo(statement.lost);
    if (rest === 'all') return { statement, rest };
    await mergeAll(replica, items);
    context.onPage?.(items.length);
    await context.throttle?.(bytesOf(items));
    if (rest === 'none' || pages >= limits.maxPages) return { statement, rest };
  }
}

/** A clock of a peer that cannot be true. Nothing of the peer's reply is taken in. */
export class FalseClockError extends PeerError {}

/**
 * Throws `FalseClockError` if the peer claims writes of this replica that it has not made. Such a
 * clock is damaged, or comes from another disk, such as one that was restored.
 */
export function assertHonest(
  { replica, mayBeTakenForDead }: PullContext,
  statement: Statement,
): void {
  const reason = whyFalse(statement, replica, mayBeTakenForDead);
  if (reason !== undefined) throw new FalseClockError(reason);
}

/** The bytes of keys and values. */
export function bytesOf(items: readonly SyncItem[]): number {
  const ofItem = ({ key, object }: SyncItem): number =>
    object.versions.reduce((sum, { body }) => sum + body.length, key.length);
  return items.reduce((sum, item) => sum + ofItem(item), 0);
}

/** Merges items; resolves when all are durable. */
export async function mergeAll(replica: Replica, items: readonly SyncItem[]): Promise<void> {
  await Promise.all(
    items.map(
      (item) =>
        new Promise<void>((resolve, reject) => {
          replica.merge(item, (error) => (error === undefined ? resolve() : reject(error)));
        }),
    ),
  );
}

/** Asks a peer for a reply of one kind. Rejects with `PeerError` if the peer fails. */
export function ask<Kind extends Reply['kind']>(
  { peer, limits }: Pick<PullContext, 'peer' | 'limits'>,
  request: Request,
  kind: Kind,
): Promise<Expected<Kind>> {
  return expect(kind, (onReply) => peer.data.request(request, limits.timeoutMs, onReply));
}

function expect<Kind extends Reply['kind']>(
  kind: Kind,
  send: (onReply: OnReply) => void,
): Promise<Expected<Kind>> {
  return new Promise((resolve, reject) => {
    send((reply) => {
      if (reply instanceof MecError) reject(new PeerError(reply.code));
      else if (reply.kind === kind) resolve(reply as Expected<Kind>);
      else reject(new PeerError(reply.kind === 'failed' ? reply.code : 'internal'));
    });
  });
}
