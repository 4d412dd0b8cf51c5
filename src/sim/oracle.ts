/**
 * What the users of a simulated cluster know: every write they made, and for each what its writer had seen. From this follows what may
 * be gone, what must be gone, and what must never stand side by side, whatever the cluster went through.
 */

import { partitionOf } from '../core/partition.ts';

/** One write or delete, as its client made it. */
export interface Made {
  readonly id: number;
  readonly key: string;
  readonly isDelete: boolean;
  /** All writes that the writer had seen, and what their writers had seen. */
  readonly seen: ReadonlySet<number>;
  /** Those that the writer's token names for certain: what its last read returned, or its own last write. */
  readonly direct: ReadonlySet<number>;
  /** A delete without a token: it removes whatever a quorum sees. */
  readonly isBlindDelete: boolean;
  readonly beganMs: number;
  /** When it was acknowledged; one that was not may still take effect at any time. */
  endedMs: number | undefined;
  isAcknowledged: boolean;
}

/** The history of one run. */
export class Oracle {
  readonly made: Made[] = [];
  readonly violations: string[] = [];
  /** Which write each name (a dot, or a tag) was seen to mean, and under which name of each kind a write was seen. */
  readonly #writeOf = new Map<string, number>();
  readonly #nameOf = new Map<string, string>();
  /** Whether no disk has lost anything yet, and no stand-ins exist: then quorums of reads and writes intersect. */
  isStrict: boolean;

  constructor(isStrict: boolean) {
    this.isStrict = isStrict;
  }

  /** A client begins a write. */
  begin(write: Omit<Made, 'id' | 'endedMs' | 'isAcknowledged'>): Made {
    const made: Made = { ...write, id: this.made.length, endedMs: undefined, isAcknowledged: false };
    this.made.push(made);
    return made;
  }

  /** A version was seen under this dot, or this tag of its dot. It names one write of its partition for ever, and a write has one. */
  named(key: string, { kind, name }: { kind: 'dot' | 'tag'; name: string }, id: number): void {
    const whole = `${kind} ${name} of partition ${partitionOf(key)}`;
    const other = this.#writeOf.get(whole) ?? id;
    if (other !== id) this.violations.push(`the ${whole} names the writes ${other} and ${id}`);
    const before = this.#nameOf.get(`${kind} ${id}`) ?? whole;
    if (before !== whole) this.violations.push(`the write ${id} has the ${before} and the ${whole}`);
    this.#writeOf.set(whole, id);
    this.#nameOf.set(`${kind} ${id}`, whole);
  }

  /** Whether the write may be the reason that another is gone. */
  #mayRemove(by: Made, x: Made): boolean {
    if (by.key !== x.key || by.id === x.id) return false;
    return by.seen.has(x.id) || (by.isBlindDelete && x.beganMs <= (by.endedMs ?? Infinity));
  }

  /** All that somebody who was shown these writes has seen. */
  seenWith(ids: readonly number[]): Set<number> {
    const seen = new Set<number>();
    for (const id of ids) for (const each of [id, ...(this.made[id]?.seen ?? [])]) seen.add(each);
    return seen;
  }

  /** A client has read these versions of a key. */
  read(key: string, ids: readonly number[], { beganMs, nowMs }: { beganMs: number; nowMs: number }): void {
    // A token may leave dead actors out, so until the replicas are equal only what it names for certain must be gone.
    this.#noFalseSiblings(key, ids, ({ direct }) => direct);
    if (!this.isStrict) return;
    const earlier = this.made.filter(
      (each) => each.key === key && each.isAcknowledged && (each.endedMs ?? Infinity) <= beganMs,
    );
    for (const x of earlier) {
      if (x.isDelete || ids.includes(x.id)) continue;
      const isRemoved = this.made.some((by) => by.beganMs <= nowMs && this.#mayRemove(by, x));
      if (!isRemoved) this.violations.push(`a read of ${key} misses the acknowledged write ${x.id}`);
    }
    for (const by of earlier) {
      const back = ids.find((id) => by.seen.has(id));
      if (back !== undefined)
        this.violations.push(`a read of ${key} has ${back}, which the acknowledged write ${by.id} replaced`);
    }
  }

  #noFalseSiblings(key: string, ids: readonly number[], known: (x: Made) => ReadonlySet<number>): void {
    for (const id of ids) {
      const x = this.made[id];
      if (x?.key !== key) {
        this.violations.push(`${key} has ${id}, which nobody wrote there`);
        continue;
      }
      const under = ids.find((other) => known(x).has(other));
      if (under !== undefined) this.violations.push(`${key} has ${under} beside ${id}, whose writer had seen it`);
    }
  }

  /** After all faults have ended and everybody is equal: what a key holds. */
  atTheEnd(key: string, ids: readonly number[]): void {
    this.#noFalseSiblings(key, ids, ({ seen }) => seen);
    for (const x of this.made) {
      if (x.key !== key || x.isDelete) continue;
      const isThere = ids.includes(x.id);
      if (!isThere && x.isAcknowledged && !this.made.some((by) => this.#mayRemove(by, x))) {
        this.violations.push(`the acknowledged write ${x.id} of ${key} is lost`);
      }
      const by = this.made.find((other) => other.isAcknowledged && other.seen.has(x.id));
      if (isThere && by !== undefined)
        this.violations.push(`write ${x.id} of ${key} is back, although ${by.id} replaced it`);
    }
  }
}
