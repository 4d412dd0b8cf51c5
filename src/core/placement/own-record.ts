/**
 * How a node answers what others say of it. The member list keeps one record per name, but a name may
 * have had several members. A generation is one of them, on one root, from its first start until it is
 * gone or its disk is lost. So a node has to tell whether a record is about this member.
 */
import { areSameRecords, type MemberRecord } from './member-list.ts';

/** What a node knows of itself. */
export interface OwnStanding {
  readonly own: MemberRecord;
  /**
   * A member whose list may be relied on has had the very same since this root was empty. Until then
   * the generation is a guess: an earlier member of the name may have had the same.
   */
  readonly hasMet: boolean;
  /** The lives that this root is known to have had: the present one, and the last one before. */
  readonly lives: readonly string[];
}

/**
 * Returns the record with which a node answers what another node says of it; undefined if that
 * changes nothing.
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

/** Gone is gone, but others take what this life still holds only from the life in its record. */
function answerOfTheGone(said: MemberRecord, own: MemberRecord): MemberRecord | undefined {
  // A later member of this name is none of its business.
  const isSettled = said.generation > own.generation || said.version < own.version;
  return isSettled ? undefined : { ...own, version: said.version + 1 };
}

function isOfThisMember(said: MemberRecord, { own, hasMet, lives }: OwnStanding): boolean {
  if (said.generation !== own.generation) return false;
  // A member that joins has not been up: the disk was lost since, or put back to an earlier state.
  if (own.state === 'joining' && (said.state === 'up' || said.state === 'leaving')) return false;
  return hasMet || lives.includes(said.life);
}

/**
 * The record is about another member of this name. If that one still ran, others would refuse this
 * process; so this one takes the place over. Otherwise no record would ever name its life, no answer of
 * it would count, and no question that asks all members would end.
 */
function successorOf(said: MemberRecord, { own, hasMet }: OwnStanding): MemberRecord {
  // This root is that of a member, put back to how it was before the name was declared gone.
  if (said.state === 'gone' && hasMet) {
    return { ...own, state: 'gone', generation: said.generation, version: said.version + 1 };
  }
  const state = said.state === 'up' || said.state === 'leaving' ? 'up' : 'joining';
  return { ...own, state, generation: said.generation + 1, version: 1 };
}
