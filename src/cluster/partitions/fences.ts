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
import type { Lives } from './floors.ts';

/** The replica that asks, and that a statement may help to fill. */
type Asker = Pick<Statement, 'isComplete' | 'life' | 'replica'>;

interface MadeFence {
  readonly member: string;
  /** The number of the replica in the life of its node. */
  readonly replica: number;
  /** The life that the member record named then. Records only move forward, so others are later. */
  readonly life: string;
  readonly atMs: number;
}

const NONE: readonly Fence[] = [];

/** The fences that one node has made. */
export class Fences {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #members: Lives;
  readonly #onMade: (partition: number) => void;
  readonly #made = new Map<number, Map<string, MadeFence>>();

  /** `onMade` is called when a fence is made, and ends the key grants of the partition. */
  constructor(
    clock: Pick<Clock, 'monotonicMs'>,
    members: Lives,
    onMade: (partition: number) => void,
  ) {
    this.#clock = clock;
    this.#members = members;
    this.#onMade = onMade;
  }

  /**
   * Makes a fence for an asker that is not complete. Returns the name of its member if a statement
   * may now help to make the asker complete. Returns undefined if the asker has another life than
   * its member record names here: acknowledgements of an earlier life would pass for later ones.
   * Also returns undefined if there is no room to remember the fence.
   */
  fill(partition: number, member: string, asker: Asker): string | undefined {
    if (asker.isComplete || this.#members.lifeOf(member) !== asker.life) return undefined;
    const replica = replicaNumber(asker.replica);
    // The name comes from a peer. A fence without a valid number could not be sent in a reply.
    if (!Number.isSafeInteger(replica) || replica < 1) return undefined;
    const made = this.#made.get(partition) ?? new Map<string, MadeFence>();
    const before = made.get(member);
    if (before?.life === asker.life && before.replica >= replica) {
      return before.replica === replica ? member : undefined;
    }
    if (before === undefined && !this.#hasRoom(made)) return undefined;
    made.set(member, { member, replica, life: asker.life, atMs: this.#clock.monotonicMs() });
    this.#made.set(partition, made);
    this.#onMade(partition);
    return member;
  }

  /** The fences that may concern a write in progress. */
  in(partition: number): readonly Fence[] {
    const made = this.#made.get(partition);
    if (made === undefined) return NONE;
    const late = [...made.values()].filter((fence) => this.#isNeeded(fence));
    return late.length === 0 ? NONE : late.map((fence) => this.#named(fence));
  }

  /** Whether a write in progress may have begun before the fence. */
  #isNeeded({ atMs }: MadeFence): boolean {
    return atMs >= this.#clock.monotonicMs() - FENCE_MS;
  }

  /** Removes fences that are no longer needed if the limit is reached. */
  #hasRoom(made: Map<string, MadeFence>): boolean {
    if (made.size < MAX_FENCES) return true;
    for (const [member, fence] of made) if (!this.#isNeeded(fence)) made.delete(member);
    return made.size < MAX_FENCES;
  }

  #named({ member, replica, life }: MadeFence): Fence {
    const present = this.#members.lifeOf(member);
    return { member, replica, life, later: present === life ? undefined : present };
  }
}
