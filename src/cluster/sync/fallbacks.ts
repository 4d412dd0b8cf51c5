/**
 * Fallbacks: replicas that placement does not assign to this node, also those of former owners.
 * Such a replica is dropped when every owner is complete and has seen all its dots.
 *
 * The owners are asked twice, and the replica must not change in between. An owner that lost its
 * disk after the first answer would otherwise lose the only copy.
 */
import type { Env } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { mayDrop } from '../../core/causality/evidence.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Questions } from './questions.ts';

/** The parts of a node that dropping fallbacks uses. */
export interface FallbacksOptions {
  readonly env: Env;
  readonly members: Members;
  readonly store: Store;
  readonly partitions: Partitions;
  readonly questions: Questions;
}

/** Drops replicas that are not needed here. */
export class Fallbacks {
  readonly #options: FallbacksOptions;
  readonly #asking = new Set<number>();
  /** Replicas dropped so far. */
  dropped = 0;

  constructor(options: FallbacksOptions) {
    this.#options = options;
  }

  /**
   * Drops the replica of a partition if the owners do not need it. The owners are asked only if
   * their last clocks cover it.
   */
  check(partition: number): void {
    const { members, store, questions } = this.#options;
    const replica = store.find(partition);
    if (replica === undefined || members.holds(partition) || this.#asking.has(partition)) return;
    // A late message about a partition that this node has dropped leaves a residue without dots.
    if (replica.isBlank)
      return replica.residues.count === 0 ? undefined : void this.#drop(partition);
    if (this.#lackingOwners(replica).length > 0 || !questions.hasRoom) return;
    this.#asking.add(partition);
    void this.#dropIfSeen(partition).finally(() => this.#asking.delete(partition));
  }

  /** The owners whose last clocks do not cover this replica. */
  #lackingOwners(replica: Replica): string[] {
    const { members, partitions } = this.#options;
    const { partition } = replica;
    const { evidence } = partitions.of(partition);
    const held = heldBy(replica);
    return members
      .owners(partition)
      .filter((owner) => evidence.clocks([owner])?.[0]?.covers(held) !== true);
  }

  /**
   * The owners of the replicas that wait here to be dropped: those that may lack some of it, or all
   * if none is known to. It is empty if there is no such replica, durable or not. While the disk
   * has failed it names this node, because no one knows the replicas.
   */
  get takers(): readonly string[] {
    const { members, store } = this.#options;
    const takers = new Set<string>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (members.holds(partition)) continue;
      const replica = store.find(partition);
      if (replica === undefined) return [members.self];
      if (replica.isBlank) continue;
      const lacking = this.#lackingOwners(replica);
      const owners = lacking.length > 0 ? lacking : members.owners(partition);
      for (const owner of owners) takers.add(owner);
    }
    return [...takers].sort();
  }

  async #dropIfSeen(partition: number): Promise<void> {
    const { members, store, questions } = this.#options;
    const replica = store.find(partition);
    const owners = members.owners(partition);
    if (replica === undefined || owners.includes(members.self)) return;
    await replica.commits.whenDurable().catch(() => {});
    const { count } = replica.commits;
    const own = {
      clock: replica.clock.clone(),
      lost: replica.lost.clone(),
      aside: replica.asideDots.clone(),
    };
    const round = await questions.askTwice(partition, owners, (statements) =>
      mayDrop(own, owners, statements),
    );
    const isSame = store.find(partition) === replica && replica.commits.count === count;
    if (round !== undefined && isSame && !members.holds(partition)) await this.#drop(partition);
  }

  async #drop(partition: number): Promise<void> {
    const { store, env } = this.#options;
    try {
      const isGone = await store.drop(partition);
      this.dropped += Number(isGone);
      env.log.debug('fallback dropped', { partition, isGone });
    } catch (error) {
      env.log.warn('fallback not dropped', { partition, reason: messageOf(error) });
    }
  }
}

/** The dots that the owners must have seen before this replica is dropped. */
const heldBy = ({ durableClock, lost, asideDots }: Replica): CausalContext =>
  durableClock.minus(lost).join(asideDots);
