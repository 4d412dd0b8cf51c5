/**
 * Fences. Before this node says anything that helps to make another's replica complete, it makes a
 * fence for that replica: promises of its predecessor do not count here any more. The numbers of
 * this node's key grants end (`holders/key-grants.ts`), and writers are told that the predecessor's
 * word is void (`core/quorum/write-quorum.ts`). Fences only move on: a late question of an earlier
 * replica makes none.
 */
import type { Clock } from '../../base/env.ts';
import { FENCE_MS, MAX_FENCES } from '../limits.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import { replicaNumber } from '../../core/causality/replica-name.ts';
import type { Fence } from '../../core/quorum/write-quorum.ts';
import type { Lives } from './floors.ts';

/** Who asks: a replica that may be filled, by its name, and the life of its node. */
type Asker = Pick<Statement, 'isComplete' | 'life' | 'replica'>;

interface MadeFence {
  readonly member: string;
  /** The number of the replica in the life of its node. */
  readonly replica: number;
  /** The life, which the member record named then. Records only move on: any other is a later one. */
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

  /** `onMade` ends what must not outlive a fence in a partition. */
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
   * Makes a fence for an asker that is not complete. Returns its name if what it is told now may help to make it
   * complete: only if its life is the one that its member record names here, or words of an earlier life would
   * pass for later ones, and only if the fence can be remembered for as long as it is needed.
   */
  fill(partition: number, member: string, asker: Asker): string | undefined {
    if (asker.isComplete || this.#members.lifeOf(member) !== asker.life) return undefined;
    const replica = replicaNumber(asker.replica);
    // The name is a text from a peer. No reply to a store could carry a fence without a number.
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

  /** The fences that a write under way may need to know of. */
  in(partition: number): readonly Fence[] {
    const made = this.#made.get(partition);
    if (made === undefined) return NONE;
    const late = [...made.values()].filter((fence) => this.#isNeeded(fence));
    return late.length === 0 ? NONE : late.map((fence) => this.#named(fence));
  }

  /** Whether a write under way may have begun before the fence. */
  #isNeeded({ atMs }: MadeFence): boolean {
    return atMs >= this.#clock.monotonicMs() - FENCE_MS;
  }

  /** Fences that are not needed any more make room for others. */
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
