/**
 * A node's answer to what others say about it. The member list has one record per name, but a name
 * may have had several members. Each is a generation: one member on one root, from its first start
 * until it is gone or loses its disk. So the node must find out whether a record describes this
 * member.
 */
import { areSameRecords, isLaterState, type MemberRecord } from './member-list.ts';

/** A node's knowledge of itself. */
export interface OwnStanding {
  readonly own: MemberRecord;
  /**
   * Whether a member that relies on its list has had exactly the same list as this node, since the
   * root was empty. Until then the generation is a guess: an earlier member may have had the same.
   */
  readonly hasMet: boolean;
  /** The lives that this root is known to have had: the present one and the one before. */
  readonly lives: readonly string[];
}

/**
 * The record with which a node answers a record about itself. Returns undefined if no answer is
 * needed.
 */
export function answerTo(said: MemberRecord, standing: OwnStanding): MemberRecord | undefined {
  const { own } = standing;
  if (said.generation < own.generation || areSameRecords(said, own)) return undefined;
  if (own.state === 'gone') return answerOfTheGone(said, own);
  if (!isOfThisMember(said, standing)) return successorOf(said, standing);
  const version = Math.max(said.version, own.version) + 1;
  if (said.state === 'gone') return { ...own, state: 'gone', version };
  return said.version < own.version ? undefined : { ...own, version };
}

/**
 * A node that is gone stays gone. It only raises its version, because others accept its remaining
 * data only from the life in its record.
 */
function answerOfTheGone(said: MemberRecord, own: MemberRecord): MemberRecord | undefined {
  // A later member of the name is not its concern.
  const isSettled = said.generation > own.generation || said.version < own.version;
  return isSettled ? undefined : { ...own, version: said.version + 1 };
}

function isOfThisMember(said: MemberRecord, { own, hasMet, lives }: OwnStanding): boolean {
  if (said.generation !== own.generation) return false;
  // This member has never had that state: its disk was lost, or restored from an earlier backup.
  if (said.state !== 'gone' && isLaterState(said.state, own.state)) return false;
  return hasMet || lives.includes(said.life);
}

/**
 * The record describes another member of this name. If that member still ran, the others would
 * refuse this process, so this process takes its place. Otherwise no record would name this life,
 * none of its answers would count, and questions to all members would never end.
 */
function successorOf(said: MemberRecord, { own, hasMet }: OwnStanding): MemberRecord {
  // This root belongs to a member and was restored from before the name was declared gone.
  if (said.state === 'gone' && hasMet) {
    return { ...own, state: 'gone', generation: said.generation, version: said.version + 1 };
  }
  const state = said.state === 'up' || said.state === 'leaving' ? 'up' : 'joining';
  return { ...own, state, generation: said.generation + 1, version: 1 };
}
