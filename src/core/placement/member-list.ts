/**
 * The member list: one record per node, by name. Every node has a copy. Copies merge to the same
 * list, in whatever order the records arrive. Of two records of one member, the later state wins,
 * and in one state the higher version. Normally only the member itself raises its version. A member
 * that is gone stays gone, even if another node declared it so (`leave --force`). The name may
 * return in another generation.
 */
import type { Address } from '../../base/env.ts';
import { hashText32 } from '../../base/hash.ts';
import type { PlacedMember } from './placement.ts';

/**
 * The state of a member. `joining` takes writes and catches up, `up` owns partitions, `leaving`
 * owns them until others have caught up, `gone` owns nothing.
 */
export type MemberState = 'joining' | 'up' | 'leaving' | 'gone';

/**
 * The states that may follow each state. A name that is gone may return as a new member. A member
 * that joins is not `leaving` next: it would own partitions at once, without their data.
 */
export const NEXT_STATES: Readonly<Record<MemberState, readonly MemberState[]>> = {
  joining: ['up', 'gone'],
  up: ['leaving', 'gone'],
  leaving: ['gone'],
  gone: ['joining'],
};

/** All states, in the order in which a member passes through them. */
export const MEMBER_STATES = Object.keys(NEXT_STATES) as readonly MemberState[];

/** The cluster's record of one member. */
export interface MemberRecord extends Address {
  readonly name: string;
  /** The port on which the member serves HTTP. */
  readonly httpport: number;
  readonly zone: string | undefined;
  readonly weight: number;
  readonly state: MemberState;
  /**
   * The number of this member among all members of its name, from 1. A node that starts on an empty
   * disk under a used name is a new member.
   */
  readonly generation: number;
  /** Drawn at every start of the node's process. The actors of every other life are dead. */
  readonly life: string;
  /** The version of this record in its generation, from 1. */
  readonly version: number;
  /**
   * The hash of the next placement if the member has all its data for it, else 0. For a member that
   * is gone: `NEVER_UP`, or the hash of the next placement for which it left, if it says so itself.
   * If another member has declared it gone: 0.
   */
  readonly settled: number;
}

/**
 * The fields of a record that decide which partitions the member owns. They stay the same within a
 * generation: other values would move partitions at once, to owners without the data.
 */
export type PlacementFields = Pick<MemberRecord, 'weight' | 'zone'>;

/** The placement fields of a record or configuration, alone. */
export const placementFieldsOf = ({ weight, zone }: PlacementFields): PlacementFields => ({
  weight,
  zone,
});

/** The name of a member, and the version of its record. */
export type MemberVersion = Pick<MemberRecord, 'name' | 'version'>;

function textOf(record: MemberRecord): string {
  const { name, host, port, httpport, zone, weight, state, generation, life, version, settled } =
    record;
  return [
    name,
    generation,
    life,
    version,
    state,
    host,
    port,
    httpport,
    zone ?? '',
    weight,
    settled,
  ].join(' ');
}

/** Whether two records are equal. */
export function areSameRecords(a: MemberRecord, b: MemberRecord): boolean {
  return textOf(a) === textOf(b);
}

/**
 * Whether one state comes after another. Within a generation, the state of a member only advances.
 */
export const isLaterState = (a: MemberState, b: MemberState): boolean =>
  MEMBER_STATES.indexOf(a) > MEMBER_STATES.indexOf(b);

/**
 * Whether the first record of a member wins over the second. The state counts before the version,
 * because a node on an empty disk joins in a generation that it guesses. If it denies a suspicion
 * of the member before it, its record has the higher version. That member would go back to
 * `joining`, and its partitions would have an owner less.
 *
 * No rule here keeps the weight and zone of a generation: records that arrive in another order
 * would then give another list. Each member keeps its own (`members.ts`, `own-record.ts`).
 */
export function supersedes(a: MemberRecord, b: MemberRecord): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  if (a.state !== b.state) return isLaterState(a.state, b.state);
  return a.version === b.version ? textOf(a) > textOf(b) : a.version > b.version;
}

/** In the record of a member that is gone: it has left while it joined, so it owned nothing. */
export const NEVER_UP = 2;

/** The record of a member that is gone from now on. Only the member itself may give `settled`. */
export function toGone(record: MemberRecord, settled = 0): MemberRecord {
  return { ...record, state: 'gone', version: record.version + 1, settled };
}

/**
 * The record to merge where `known` is the present one, as an owner.
 *
 * A node that has lost its disk may hear of its name as joining only, from a member that has missed
 * that it was up. It then joins in a new generation. A member that knows it as an owner does not
 * count an owner less for this. It says that the successor is up, with the weight and zone of the
 * owner, and the node takes its place back.
 */
export function withPlaceKept(record: MemberRecord, known: MemberRecord | undefined): MemberRecord {
  if (known?.state !== 'up' && known?.state !== 'leaving') return record;
  const isSuccessor = record.generation > known.generation && record.state === 'joining';
  return isSuccessor ? { ...record, ...placementFieldsOf(known), state: 'up' } : record;
}

/**
 * The records of all members, including those that are gone: without these, gossip could bring them
 * back.
 */
export class MemberList {
  readonly #records = new Map<string, MemberRecord>();
  #sorted: readonly MemberRecord[] | undefined;
  #hash: number | undefined;

  /** Merges one record. Returns whether it changed the list. */
  merge(record: MemberRecord): boolean {
    const known = this.#records.get(record.name);
    if (known !== undefined && !supersedes(record, known)) return false;
    this.#records.set(record.name, record);
    this.#sorted = undefined;
    this.#hash = undefined;
    return true;
  }

  get(name: string): MemberRecord | undefined {
    return this.#records.get(name);
  }

  /** The number of records. */
  get size(): number {
    return this.#records.size;
  }

  /** All records, by name. It is the same list until a record changes. */
  all(): readonly MemberRecord[] {
    this.#sorted ??= [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  /** The records in one of these states, by name. */
  in(...states: readonly MemberState[]): MemberRecord[] {
    return this.all().filter(({ state }) => states.includes(state));
  }

  /** A hash of the list. Equal lists have the same hash. */
  get hash(): number {
    this.#hash ??= hashText32(this.all().map(textOf).join('\n'));
    return this.#hash;
  }
}

/** The fields of members that placement depends on. */
export function toPlaced(records: readonly MemberRecord[]): PlacedMember[] {
  return records.map(({ name, weight, zone }) => ({ id: name, weight, zone }));
}

/** A hash of the placement of these members with `n` replicas. */
export function placementHash(records: readonly MemberRecord[], n: number): number {
  const lines = records.map(({ name, weight, zone }) => `${name} ${weight} ${zone ?? ''}`).sort();
  return hashText32([n, ...lines].join('\n'));
}
