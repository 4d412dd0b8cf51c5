/**
 * Judges what clients are told against the history: reads, sessions, conditions, listings, and the
 * state in which a run ends. What replicas hold in between is judged by `replica-judge.ts`.
 */
import type { Clocks } from './clocks.ts';
import { History, type MadeOperation, type Strength } from './history.ts';
import type { Promises, Since } from './promises.ts';

/** What a client has read of a key. */
export interface Reading {
  readonly key: string;
  readonly ids: readonly number[];
  readonly since: Since;
  readonly strength: Strength;
  /** Writes that the reader named, and of which the answer must know. */
  readonly session?: readonly number[] | undefined;
}

/** A conditional write that was acknowledged. */
interface Winner {
  readonly made: MadeOperation;
  /** Whether decisions held when it was. */
  readonly isBinding: boolean;
}

/** A conditional write, and what its client knew of the key. */
export interface Match {
  /** The entity tag that it was made on; undefined where the key had to be empty. */
  readonly tag: string | undefined;
  /** The writes that the tag stands for. */
  readonly ids: readonly number[];
}

/** The judge of one run. */
export class Oracle {
  readonly history: History;
  readonly #promises: Promises;
  readonly #winners = new Map<string, Winner[]>();

  constructor(promises: Promises, clocks: Clocks) {
    this.#promises = promises;
    this.history = new History(clocks);
  }

  get violations(): string[] {
    return this.history.violations;
  }

  /** Reads need not meet what was acknowledged, until all owners are equal. */
  loosen(how?: Parameters<Promises['loosen']>[0]): void {
    this.#promises.loosen(how);
  }

  /** A client has read these versions of a key. */
  read({ key, ids, since, strength, session = [] }: Reading): void {
    const { history } = this;
    // A token may leave dead actors out, so until the replicas are equal only what it names for certain must be gone.
    history.noFalseSiblings(key, ids, ({ direct }) => direct);
    this.#shown(key, ids, since);
    const earlier = history.of(key).filter((made) => this.#promises.mustMeet(made, since, strength));
    const named = session.flatMap((id) => history.made[id] ?? []).filter(({ isAcknowledged }) => isAcknowledged);
    this.#misses('a read', { key, ids }, earlier);
    this.#misses('a session', { key, ids }, named);
  }

  /** What no reader may be shown, whatever replicas hold. */
  #shown(key: string, ids: readonly number[], since: Since): void {
    const { history } = this;
    if (new Set(ids).size < ids.length) history.violate(`a read of ${key} has one write twice: ${ids.join(' ')}`);
    const made = ids.flatMap((id) => history.made[id] ?? []);
    if (made.length > 1 && made[0]?.isLastWriteWins === true) {
      history.violate(`a read of ${key} has ${ids.join(' ')}, of which the last should have won`);
    }
    const leastMicros = Math.min(since.leastMicros, this.#promises.now().leastMicros);
    const over = made.find(({ expiry }) => expiry !== undefined && expiry.most < leastMicros);
    if (over !== undefined) history.violate(`a read of ${key} has ${over.id}, which has expired on all clocks`);
  }

  /** What an answer lacks, or should not have, given what it must meet. */
  #misses(who: string, { key, ids }: Pick<Reading, 'key' | 'ids'>, known: readonly MadeOperation[]): void {
    const { history } = this;
    for (const made of known) {
      if (!made.isDelete && !ids.includes(made.id) && !history.mayBeHidden(made)) {
        history.violate(`${who} of ${key} misses the acknowledged write ${made.id}`);
      }
      // Of what was seen earlier, the token need not name the dead actors; its own writers' tokens did.
      const back = ids.find((id) => history.isBack(id, made.direct));
      if (back !== undefined) {
        history.violate(`${who} of ${key} has ${back}, which the acknowledged write ${made.id} replaced`);
      }
    }
  }

  /**
   * A conditional write was acknowledged: no other was on the same state, and what it was decided
   * on was all that there was.
   */
  won(made: MadeOperation, { tag, ids }: Match, since: Since): void {
    const { history } = this;
    const state = `${made.key} ${tag ?? 'empty'}`;
    const winners = this.#winners.get(state) ?? [];
    if (winners.some((winner) => winner.made === made)) return;
    const isBinding = this.#promises.doDecisionsHold;
    for (const { made: other, isBinding: wasBinding } of winners) {
      const isExcused =
        !isBinding || !wasBinding || !other.isAcknowledged || (tag === undefined && history.mayBeEmptyAfter(other));
      if (!isExcused) {
        history.violate(`the writes ${other.id} and ${made.id} of ${made.key} were both acknowledged on ${state}`);
      }
    }
    this.#winners.set(state, [...winners, { made, isBinding }]);
    this.#misses('a decision', { key: made.key, ids }, this.#mustMeet(made, since));
  }

  #mustMeet(made: MadeOperation, since: Since): MadeOperation[] {
    const majority = this.#promises.majority();
    return this.history.of(made.key).filter((other) => {
      return other !== made && this.#promises.mustMeet(other, since, majority);
    });
  }

  /** A client has listed keys: all that are used, or those with a prefix. */
  listed(keys: readonly string[], { since, strength, used }: Listing): void {
    const { history } = this;
    const there = new Set(keys);
    if (there.size < keys.length) history.violate(`a listing has a key twice: ${keys.join(' ')}`);
    for (const key of used) {
      const isKnown = (made: MadeOperation): boolean => this.#promises.mustMeet(made, since, strength);
      const living = history.of(key).find((made) => !made.isDelete && isKnown(made) && !history.mayBeHidden(made));
      if (living !== undefined && !there.has(key)) {
        history.violate(`a listing lacks ${key}, which has the acknowledged write ${living.id}`);
      }
    }
    for (const key of keys) {
      if (!used.includes(key)) continue;
      const all = history.of(key);
      const mayBeThere = (made: MadeOperation): boolean =>
        !made.isDelete &&
        !all.some((by) => this.#promises.mustMeet(by, since, strength) && history.isBack(made.id, by.seen));
      if (!all.some(mayBeThere)) history.violate(`a listing has ${key}, which is empty`);
    }
  }

  /** After all faults have ended and all owners are equal: what a key holds. */
  atTheEnd(key: string, ids: readonly number[]): void {
    const { history } = this;
    history.noFalseSiblings(key, ids, ({ seen }) => seen);
    const all = history.of(key);
    for (const x of all) {
      if (x.isDelete) continue;
      const isThere = ids.includes(x.id);
      if (!isThere && x.isAcknowledged && !history.mayBeGone(x)) {
        history.violate(`the acknowledged write ${x.id} of ${key} is lost`);
      }
      const by = all.find((other) => other.isAcknowledged && history.isBack(x.id, other.seen));
      if (isThere && by !== undefined) {
        history.violate(`write ${x.id} of ${key} is back, although ${by.id} replaced it`);
      }
    }
  }
}

/** What a listing must be like. */
export interface Listing {
  readonly since: Since;
  readonly strength: Strength;
  /** The keys of the run that it asked for. */
  readonly used: readonly string[];
}
