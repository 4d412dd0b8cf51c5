/**
 * The member list: one record per node, by name. Every node has its own copy, and copies merge to
 * the same list in whatever order they hear of each other: of two records of one member the one
 * with the higher version holds, and only the member itself raises its version. But who is gone is
 * gone, also where another has said so (`leave --force`); the name may come back, in another
 * generation.
 */
import type { Address } from '../../base/env.ts';
import { hashText32 } from '../../base/hash.ts';
import type { PlacedMember } from './placement.ts';

/**
 * Where a member stands. `joining`: takes writes and catches up; `up`: owns partitions; `leaving`:
 * still owns its partitions while others catch up with them; `gone`: owns nothing.
 */
export type MemberState = 'joining' | 'up' | 'leaving' | 'gone';

/** Which state may follow which; a name that has gone may come back as a new member. */
export const NEXT_STATES: Readonly<Record<MemberState, readonly MemberState[]>> = {
  joining: ['up', 'leaving', 'gone'],
  up: ['leaving', 'gone'],
  leaving: ['gone'],
  gone: ['joining'],
};

/** All states, in the order in which a member goes through them. */
export const MEMBER_STATES = Object.keys(NEXT_STATES) as readonly MemberState[];

/** What the cluster knows of a member. */
export interface MemberRecord extends Address {
  readonly name: string;
  /** Where it serves HTTP. */
  readonly httpport: number;
  readonly zone: string | undefined;
  readonly weight: number;
  readonly state: MemberState;
  /** Counts the members of this name, from 1: a node that starts on an empty disk under a used name is another. */
  readonly generation: number;
  /** Drawn at every start of the node's process: the actors of any other life are dead. */
  readonly life: string;
  /** Of this record in this generation, from 1. */
  readonly version: number;
  /** The hash of the next placement, if the member has all its data for it; else 0. */
  readonly settled: number;
}

/** A name and the version of its record of which something is said. */
export type MemberVersion = Pick<MemberRecord, 'name' | 'version'>;

function textOf(record: MemberRecord): string {
  const { name, host, port, httpport, zone, weight, state, generation, life, version, settled } = record;
  return [name, generation, life, version, state, host, port, httpport, zone ?? '', weight, settled].join(' ');
}

/** Whether two records say the same. */
export function areSameRecords(a: MemberRecord, b: MemberRecord): boolean {
  return textOf(a) === textOf(b);
}

/** Whether the first record of a member holds against the second. */
export function supersedes(a: MemberRecord, b: MemberRecord): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  if ((a.state === 'gone') !== (b.state === 'gone')) return a.state === 'gone';
  if (a.version !== b.version) return a.version > b.version;
  const stage = MEMBER_STATES.indexOf(a.state) - MEMBER_STATES.indexOf(b.state);
  return stage === 0 ? textOf(a) > textOf(b) : stage > 0;
}

/** The records of all members, those that are gone included: else they would come back by hearsay. */
export class MemberList {
  readonly #records = new Map<string, MemberRecord>();
  #hash: number | undefined;

  /** Takes a record in; tells whether it was news. */
  merge(record: MemberRecord): boolean {
    const known = this.#records.get(record.name);
    if (known !== undefined && !supersedes(record, known)) return false;
    this.#records.set(record.name, record);
    this.#hash = undefined;
    return true;
  }

  get(name: string): MemberRecord | undefined {
    return this.#records.get(name);
  }

  /** All records, by name. */
  all(): MemberRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Those in one of these states, by name. */
  in(...states: readonly MemberState[]): MemberRecord[] {
    return this.all().filter(({ state }) => states.includes(state));
  }

  /** Equal for equal lists. */
  get hash(): number {
    this.#hash ??= hashText32(this.all().map(textOf).join('\n'));
    return this.#hash;
  }
}

/** What placement needs to know of members. */
export function toPlaced(records: readonly MemberRecord[]): PlacedMember[] {
  return records.map(({ name, weight, zone }) => ({ id: name, weight, zone }));
}

/** A name for what placement makes of these members. */
export function placementHash(records: readonly MemberRecord[], n: number): number {
  const lines = records.map(({ name, weight, zone }) => `${name} ${weight} ${zone ?? ''}`).sort();
  return hashText32([n, ...lines].join('\n'));
}
