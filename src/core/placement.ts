/**
 * Placement: which members own which partition. A pure function of the member list; nothing is negotiated, and members
 * that disagree for a while only send work to the wrong place, which is slow but safe.
 *
 * Weighted rendezvous hashing (Thaler, Ravishankar 1998; the weighted score −w / ln(u) after Schindelhauer, Schomaker
 * 2005): every member has a score for every partition, and the N best own it. A join or leave moves nearly the
 * least possible.
 */
import { hashText64 } from '../base/hash.ts';
import { PARTITIONS } from '../base/limits.ts';

/** What placement needs to know of a member. */
export interface PlacedMember {
  readonly id: string;
  readonly weight: number;
}

/** For each partition, all members, best first: the first N own it, the rest stand in, in this order. */
export type Placement = readonly (readonly string[])[];

function score(member: PlacedMember, partition: number): number {
  const hash = hashText64(`${partition}:${member.id}`);
  const uniform = (Number(hash >> 11n) + 0.5) / 2 ** 53;
  return -member.weight / Math.log(uniform);
}

/** The members in preference order, for each partition. Independent of the order of the list. */
export function placement(members: readonly PlacedMember[]): Placement {
  return Array.from({ length: PARTITIONS }, (_, partition) =>
    members
      .map((member) => ({ id: member.id, score: score(member, partition) }))
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id),
  );
}
