/**
 * Key grants: an owner grants a key to one conditional write at a time, under a number that is
 * never used again. The write's store must bring that number back. If the number is no longer
 * current, the store came too late: the owner may have granted the key to another write since,
 * whose coordinator has not seen this one.
 *
 * A number ends for good with: another grant of the key, its own store, a release, the end of the
 * process, the replacement of the replica, a change of the partition's owners as this node knows
 * them, and a fence. Time ends nothing by itself. It only frees the key for the next, if a
 * coordinator has died.
 *
 * The last three end the ground on which numbers stand. A store whose number was current counts
 * only if it is durable before that: a replica that was filled from this one in between lacks it.
 */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { GRANT_MS, MAX_GRANTS } from '../limits.ts';

/**
 * What a grant stands on: if another object takes the place of either, the numbers of the partition
 * end.
 */
export interface Ground {
  /** The replica whose state is told with the grant. */
  readonly replica: { readonly partition: number };
  /** The owners of the partition as this node knows them. */
  readonly view: object;
}

interface Grant {
  readonly number: string;
  /** The ballot that has the key. */
  readonly ballot: string;
  readonly untilMs: number;
}

interface Grants extends Ground {
  readonly byKey: Map<string, Grant>;
}

/** The keys that one node grants as an owner. */
export class KeyGrants {
  readonly #clock: Clock;
  readonly #life: string;
  readonly #byPartition = new Map<number, Grants>();
  #counter = 0;
  #size = 0;

  /** `life` is drawn at every start of the process: no number of an earlier one can be current. */
  constructor(clock: Clock, life: string) {
    this.#clock = clock;
    this.#life = life;
  }

  /**
   * Grants a key to a ballot: a new number, or undefined if another has the key. Throws
   * `overloaded` if too many are granted.
   */
  grant(ground: Ground, key: string, ballot: string): string | undefined {
    const nowMs = this.#clock.monotonicMs();
    const { byKey } = this.#groupOf(ground);
    const held = byKey.get(key);
    if (held !== undefined && held.untilMs > nowMs) return undefined;
    if (held === undefined) this.#makeRoom(nowMs);
    this.#counter += 1;
    const number = `${this.#life}/${this.#counter}`;
    // An expired number ends here, with the takeover.
    byKey.set(key, { number, ballot, untilMs: nowMs + GRANT_MS });
    if (held === undefined) this.#size += 1;
    return number;
  }

  /** Whether a number is current; it ends in any case, since the store that brought it is over. */
  take(ground: Ground, key: string, number: string): boolean {
    const { byKey } = this.#groupOf(ground);
    if (byKey.get(key)?.number !== number) return false;
    this.#end(byKey, key);
    return true;
  }

  /** Names the ground of a partition: the same object as long as nothing has ended it. */
  groundNow(ground: Ground): object {
    return this.#groupOf(ground);
  }

  /** Frees the key, if this ballot has it. */
  release(partition: number, key: string, ballot: string): void {
    const byKey = this.#byPartition.get(partition)?.byKey;
    if (byKey?.get(key)?.ballot === ballot) this.#end(byKey, key);
  }

  /**
   * Ends all numbers of a partition, as a fence was made there. Else a write that was decided
   * before a replica lost its disk could still be stored here, and be acknowledged, after that
   * replica has taken what is here for all there is.
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
