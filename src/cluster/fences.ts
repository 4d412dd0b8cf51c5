/**
 * Fences. Before a replica that is not complete takes its first byte from this node, and before this node says
 * anything that helps to make it complete, the node makes a fence for it: what other members were promised by
 * that replica's predecessor does not count here any more. The numbers of this node's key grants end
 * (`key-grants.ts`), and writers are told that the predecessor's word is void (`core/write-quorum.ts`).
 */
import type { Clock } from '../base/env.ts';
import { FENCE_MS, MAX_FENCES } from '../base/limits.ts';
import type { Statement } from '../core/evidence.ts';
import { replicaNumber } from '../core/replica-name.ts';
import type { Fence } from '../core/write-quorum.ts';
import type { Members } from './members.ts';

interface Made {
  readonly member: string;
  readonly replica: string;
  /** Which life the member record named when the fence was made. Records only move on: any other is a later one. */
  readonly life: string | undefined;
  readonly atMs: number;
}

const NONE: readonly Fence[] = [];

/** The fences that one node has made. */
export class Fences {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #members: Pick<Members, 'lifeOf'>;
  readonly #onMade: (partition: number) => void;
  readonly #made = new Map<number, Map<string, Made>>();

  /** `onMade` ends what must not outlive a fence in a partition. */
  constructor(
    clock: Pick<Clock, 'monotonicMs'>,
    members: Pick<Members, 'lifeOf'>,
    onMade: (partition: number) => void,
  ) {
    this.#clock = clock;
    this.#members = members;
    this.#onMade = onMade;
  }

  /** Makes a fence for a member's replica; once, but for what is known of the member's life. */
  make(partition: number, member: string, replica: string): void {
    const made = this.#made.get(partition) ?? new Map<string, Made>();
    const before = made.get(member);
    const life = this.#members.lifeOf(member);
    const isNew = before?.replica !== replica;
    if (!isNew && before.life === life) return;
    if (made.size >= MAX_FENCES && before === undefined) made.clear();
    made.set(member, { member, replica, life, atMs: this.#clock.monotonicMs() });
    this.#made.set(partition, made);
    if (isNew) this.#onMade(partition);
  }

  /**
   * Makes a fence for an asker that is not complete. Returns its name if what it is told now may help to make it
   * complete: only if its life is known here, or words of an earlier life would pass for later ones.
   */
  fill(
    partition: number,
    member: string,
    asker: Pick<Statement, 'isComplete' | 'life' | 'replica'>,
  ): string | undefined {
    if (asker.isComplete) return undefined;
    this.make(partition, member, asker.replica);
    return this.#members.lifeOf(member) === asker.life ? member : undefined;
  }

  /** The fences that a write under way may need to know of. */
  in(partition: number): readonly Fence[] {
    const made = this.#made.get(partition);
    if (made === undefined) return NONE;
    const sinceMs = this.#clock.monotonicMs() - FENCE_MS;
    const late = [...made.values()].filter(({ atMs }) => atMs >= sinceMs);
    return late.length === 0 ? NONE : late.map((fence) => this.#named(fence));
  }

  #named({ member, replica, life }: Made): Fence {
    const present = this.#members.lifeOf(member);
    return { member, replica: replicaNumber(replica), life: life ?? '', later: present === life ? undefined : present };
  }
}
