/**
 * Key grants: an owner grants a key to one conditional write at a time, under a number that is
 * never used again. The write's store must bring that number back. If the number is no longer
 * current, the store came too late: the owner may have granted the key to another write since,
 * whose coordinator has not seen this one.
 *
 * A number ends for good with its own store, a release, another grant of the key, or the end of the
 * process. It also ends if the replica is replaced, if this node learns of other owners of the
 * partition, or with a fence. Time alone does not end a number. After a while it only lets another
 * write take the key over, because the coordinator may have died.
 *
 * The last three events end the *ground* of all numbers of a partition. A store with a current
 * number counts only if it is durable before that: a replica that was filled from this one in the
 * meantime lacks the write.
 */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { GRANT_MS, MAX_GRANTS } from '../limits.ts';
import { coordinatorOf, LapsedGrants } from './lapsed-grants.ts';

/**
 * The ground of the grants in a partition. If one of the two is replaced by another object, all
 * numbers of the partition end.
 */
export interface Ground {
  /** The replica whose state is reported with a grant. */
  readonly replica: { readonly partition: number };
  /** The owners of the partition as this node knows them. */
  readonly view: object;
}

interface Grant {
  readonly number: string;
  /** The ballot that has the key. */
  readonly ballot: string;
  readonly untilMs: number;
  /** When another coordinator last asked for the key. */
  rivalMs: number;
}

interface Grants extends Ground {
  readonly byKey: Map<string, Grant>;
}

/** The keys that one node grants as an owner. */
export class KeyGrants {
  readonly #clock: Clock;
  readonly #life: string;
  readonly #byPartition = new Map<number, Grants>();
  readonly #lapsed = new LapsedGrants();
  #counter = 0;
  #size = 0;

  /**
   * `life` is drawn at every start of the process, so no number of an earlier process is current.
   */
  constructor(clock: Clock, life: string) {
    this.#clock = clock;
    this.#life = life;
  }

  /**
   * Grants a key to a ballot. Returns a new number, or undefined if another ballot has the key, or
   * if its coordinator must leave the key to a rival.
   * Throws `overloaded` if too many keys are granted.
   */
  grant(ground: Ground, key: string, ballot: string): string | undefined {
    const nowMs = this.#clock.monotonicMs();
    const { byKey } = this.#groupOf(ground);
    const held = byKey.get(key);
    const coordinator = coordinatorOf(ballot);
    if (held !== undefined && held.untilMs > nowMs) {
      if (coordinatorOf(held.ballot) !== coordinator) held.rivalMs = nowMs;
      return undefined;
    }
    if (held !== undefined) {
      const lapse = { lapsedMs: held.untilMs, rivalMs: held.rivalMs };
      this.#lapsed.note(key, coordinatorOf(held.ballot), lapse);
    }
    if (this.#lapsed.mustYield(key, coordinator, nowMs)) return undefined;
    if (held === undefined) this.#makeRoom(nowMs);
    this.#counter += 1;
    const number = `${this.#life}/${this.#counter}`;
    // If another ballot held the key, its time is up, and its number ends here.
    byKey.set(key, { number, ballot, untilMs: nowMs + GRANT_MS, rivalMs: -Infinity });
    if (held === undefined) this.#size += 1;
    return number;
  }

  /** Returns whether a number is current, and ends it: a number is good for one store. */
  take(ground: Ground, key: string, number: string): boolean {
    const { byKey } = this.#groupOf(ground);
    if (byKey.get(key)?.number !== number) return false;
    this.#end(byKey, key);
    return true;
  }

  /** Identifies the ground of a partition: returns the same object until the ground ends. */
  currentGround(ground: Ground): object {
    return this.#groupOf(ground);
  }

  /** Frees the key, if this ballot has it. */
  release(partition: number, key: string, ballot: string): void {
    const byKey = this.#byPartition.get(partition)?.byKey;
    if (byKey?.get(key)?.ballot === ballot) this.#end(byKey, key);
  }

  /**
   * Ends all numbers of a partition, because a fence was made there. A write may have been decided
   * before another owner lost its disk. The new replica of that owner may be filled from here
   * before the store arrives. The store would be acknowledged although that replica lacks it.
   */
  endAll(partition: number): void {
    this.#size -= this.#byPartition.get(partition)?.byKey.size ?? 0;
    this.#byPartition.delete(partition);
  }

  #end(byKey: Map<string, Grant>, key: string): void {
    if (byKey.delete(key)) this.#size -= 1;
  }

  #groupOf({ replica, view }: Ground): Grants {
    const { partition } = replica;
    const group = this.#byPartition.get(partition);
    if (group?.replica === replica && group.view === view) return group;
    this.endAll(partition);
    const fresh = { replica, view, byKey: new Map<string, Grant>() };
    this.#byPartition.set(partition, fresh);
    return fresh;
  }

  #makeRoom(nowMs: number): void {
    if (this.#size < MAX_GRANTS) return;
    for (const { byKey } of this.#byPartition.values()) {
      for (const [key, { untilMs }] of byKey) if (untilMs <= nowMs) this.#end(byKey, key);
    }
    if (this.#size >= MAX_GRANTS) throw new MecError('overloaded', { retryAfter: 1 });
  }
}
