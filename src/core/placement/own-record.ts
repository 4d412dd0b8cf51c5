/**
 * A node's answer to what others say about it. The member list has one record per name, but a name
 * may have had several members. Each is a generation: one member on one root, from its first start
 * until it is gone or loses its disk. So the node must find out whether a record describes this
 * member.
 */
import {
  areSameRecords,
  isLaterState,
  type MemberRecord,
  type PlacementFields,
  placementFieldsOf,
  toGone,
} from './member-list.ts';

/** A node's knowledge of itself. */
export interface SelfKnowledge {
  readonly own: MemberRecord;
  /**
   * Whether a member that relies on its list has had exactly the same list as this node, since the
   * root was empty. Until then the generation is a guess: an earlier member may have had the same.
   */
  readonly hasMetOthers: boolean;
  /** The lives that this root is known to have had: the present one and the one before. */
  readonly lives: readonly string[];
  /** The weight and zone in the configuration: those of the next generation that joins. */
  readonly configured: PlacementFields;
}

/**
 * The record with which a node answers a record about itself. Returns undefined if no answer is
 * needed.
 */
export function answerToRecord(
  received: MemberRecord,
  known: SelfKnowledge,
): MemberRecord | undefined {
  const { own } = known;
  if (received.generation < own.generation || areSameRecords(received, own)) return undefined;
  if (own.state === 'gone') return answerWhenGone(received, own);
  if (!isOfThisMember(received, known)) return successorOf(received, known);
  const version = Math.max(received.version, own.version) + 1;
  if (received.state === 'gone') return { ...toGone(own), version };
  return received.version < own.version ? undefined : { ...own, version };
}

/**
 * A node that is gone stays gone. It only raises its version, because others accept its remaining
 * data only from the life in its record.
 */
function answerWhenGone(received: MemberRecord, own: MemberRecord): MemberRecord | undefined {
  // A later member of the name is not its concern.
  const isSettled = received.generation > own.generation || received.version < own.version;
  return isSettled ? undefined : { ...own, version: received.version + 1 };
}

function isOfThisMember(
  received: MemberRecord,
  { own, hasMetOthers, lives }: SelfKnowledge,
): boolean {
  if (received.generation !== own.generation) return false;
  // This member has never had that state: its disk was lost, or restored from an earlier backup.
  if (received.state !== 'gone' && isLaterState(received.state, own.state)) return false;
  return hasMetOthers || lives.includes(received.life);
}

/**
 * The record describes another member of this name. If that member still ran, the others would
 * refuse this process, so this process takes its place. Otherwise no record would name this life,
 * none of its answers would count, and questions to all members would never end.
 *
 * A member that owns partitions is succeeded with its weight and zone. Otherwise its partitions
 * would move at once, without pending owners.
 */
function successorOf(received: MemberRecord, known: SelfKnowledge): MemberRecord {
  const { own, hasMetOthers, configured } = known;
  // This root belongs to a member and was restored from before the name was declared gone.
  if (received.state === 'gone' && hasMetOthers) {
    return {
      ...own,
      state: 'gone',
      generation: received.generation,
      version: received.version + 1,
      settled: 0,
    };
  }
  const isOwner = received.state === 'up' || received.state === 'leaving';
  const state = isOwner ? 'up' : 'joining';
  const fields = placementFieldsOf(isOwner ? received : configured);
  return { ...own, ...fields, state, generation: received.generation + 1, version: 1 };
}
