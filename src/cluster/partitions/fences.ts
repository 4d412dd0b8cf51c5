/**
 * Fences. A statement of this node can help to make the replica of another member complete. Before
 * that, this node makes a fence for the replica: promises of its predecessor no longer count. The
 * numbers of this node's key grants end (`holders/key-grants.ts`), and writers learn that an
 * acknowledgement of the predecessor is void (`core/quorum/write-quorum.ts`). Fences only move
 * forward: a late question of an earlier replica makes no fence.
 */
import type { Clock } from '../../base/env.ts';
import { FENCE_MS, MAX_FENCES } from '../limits.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import { replicaNumber } from '../../core/causality/replica-name.ts';
import type { Fence } from '../../core/quorum/write-quorum.ts';
import type { MemberLives } from './floors.ts';

/** The replica that asks, and that a statement may help to fill. */
type FilledReplica = Pick<Statement, 'isComplete' | 'life' | 'replica'>;

interface MadeFence {
  readonly member: string;
  /** The number of the replica in the life of its node. */
  readonly replica: number;
  /** The life that the member record named then. Records only move forward, so others are later. */
  readonly life: string;
  readonly atMs: number;
}

const NONE: readonly Fence[] = [];

/** The parts of a node that its fences need. */
export interface FencesParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly members: MemberLives;
  /** Called when a fence is made in a partition: ends the key grants there. */
  readonly onFence: (partition: number) => void;
}

/** The fences that one node has made in one partition. */
export class Fences {
  readonly #partition: number;
  readonly #parts: FencesParts;
  readonly #made = new Map<string, MadeFence>();
  /** The time of the latest fence. */
  #latestMs = -Infinity;

  constructor(partition: number, parts: FencesParts) {
    this.#partition = partition;
    this.#parts = parts;
  }

  /**
   * Makes a fence for an asker that is not complete. Returns the name of its member if a statement
   * may now help to make the asker complete. Returns undefined if the asker has another life than
   * its member record names here: acknowledgements of an earlier life would pass for later ones.
   * Also returns undefined if there is no room to remember the fence.
   */
  makeFence(member: string, asker: FilledReplica): string | undefined {
    const { clock, members, onFence } = this.#parts;
    if (asker.isComplete || members.lifeOf(member) !== asker.life) return undefined;
    const replica = replicaNumber(asker.replica);
    // The name comes from a peer. A fence without a valid number could not be sent in a reply.
    if (!Number.isSafeInteger(replica) || replica < 1) return undefined;
    const before = this.#made.get(member);
    if (before?.life === asker.life && before.replica >= replica) {
      return before.replica === replica ? member : undefined;
    }
    if (before === undefined && !this.#hasRoom()) return undefined;
    this.#latestMs = clock.monotonicMs();
    this.#made.set(member, { member, replica, life: asker.life, atMs: this.#latestMs });
    onFence(this.#partition);
    return member;
  }

  /** The fences that may concern a write in progress. */
  get needed(): readonly Fence[] {
    if (!this.#isNeeded({ atMs: this.#latestMs })) return NONE;
    const late = [...this.#made.values()].filter((fence) => this.#isNeeded(fence));
    return late.map((fence) => this.#toFence(fence));
  }

  /** Whether a write in progress may have begun before the fence. */
  #isNeeded({ atMs }: Pick<MadeFence, 'atMs'>): boolean {
    return atMs >= this.#parts.clock.monotonicMs() - FENCE_MS;
  }

  /** Removes fences that are no longer needed if the limit is reached. */
  #hasRoom(): boolean {
    if (this.#made.size < MAX_FENCES) return true;
    for (const [member, fence] of this.#made) if (!this.#isNeeded(fence)) this.#made.delete(member);
    return this.#made.size < MAX_FENCES;
  }

  #toFence({ member, replica, life }: MadeFence): Fence {
    const present = this.#parts.members.lifeOf(member);
    return { member, replica, life, later: present === life ? undefined : present };
  }
}
