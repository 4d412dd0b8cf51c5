/**
 * Judges the answers to clients against the history: reads, sessions, conditions and listings. It
 * also judges the state at the end of a run. `replica-judge.ts` judges the disks in between.
 */
import type { Clocks } from './clocks.ts';
import { History, type MadeOperation, type Strength } from './history.ts';
import type { Promises, RequestStart } from './promises.ts';

/** The answer to a read of a key. */
export interface JudgedRead {
  readonly key: string;
  readonly ids: readonly number[];
  readonly since: RequestStart;
  readonly strength: Strength;
  /** Writes that the request named, and that the answer must know. */
  readonly session?: readonly number[] | undefined;
}

/** A conditional write that was acknowledged. */
interface Winner {
  readonly made: MadeOperation;
  /** Whether decisions held when it was acknowledged. */
  readonly isBinding: boolean;
}

/** A conditional write, and the state that its client knew. */
export interface Match {
  /** The entity tag of its condition; undefined if the key had to be empty. */
  readonly tag: string | undefined;
  /** The writes of the tag. */
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

  /**
   * Suspends the promises: until all owners are equal, a read may miss acknowledged writes.
   */
  suspendPromises(how?: Parameters<Promises['suspend']>[0]): void {
    this.#promises.suspend(how);
  }

  /** Suspends promises, because this many members are added. */
  changeMembers(change: number): void {
    this.#promises.changeMembers(change);
  }

  /** Judges the versions that a client has read. */
  checkRead({ key, ids, since, strength, session = [] }: JudgedRead): void {
    const { history } = this;
    // A token may leave dead actors out. So until the replicas are equal, only the writes that it
    // certainly names must be gone.
    history.checkSiblings(key, ids, ({ direct }) => direct);
    this.#checkShown(key, ids, since);
    const earlier = history
      .writesOf(key)
      .filter((made) => this.#promises.mustMeet(made, since, strength));
    const named = session
      .flatMap((id) => history.made[id] ?? [])
      .filter(({ isAcknowledged }) => isAcknowledged);
    this.#checkKnown('a read', { key, ids }, earlier);
    this.#checkKnown('a session', { key, ids }, named);
  }

  /** Reports versions that a reader was shown, although its request named them as gone. */
  checkStillGone(key: string, ids: readonly number[], gone: ReadonlySet<number>): void {
    const back = ids.find((id) => this.history.isBack(id, gone));
    if (back !== undefined)
      this.history.violate(`a session of ${key} has ${back}, which its user knows to be gone`);
  }

  /** Reports versions that no reader may be shown, whatever the replicas hold. */
  #checkShown(key: string, ids: readonly number[], since: RequestStart): void {
    const { history } = this;
    if (new Set(ids).size < ids.length)
      history.violate(`a read of ${key} has one write twice: ${ids.join(' ')}`);
    const made = ids.flatMap((id) => history.made[id] ?? []);
    if (made.length > 1 && made[0]?.isLastWriteWins === true) {
      history.violate(`a read of ${key} has ${ids.join(' ')}, of which the last should have won`);
    }
    const leastMicros = Math.min(since.leastMicros, this.#promises.now().leastMicros);
    const over = made.find(({ expiry }) => expiry !== undefined && expiry.most < leastMicros);
    if (over !== undefined)
      history.violate(`a read of ${key} has ${over.id}, which has expired on all clocks`);
  }

  /** Reports writes that an answer lacks or should not have, given those that it must meet. */
  #checkKnown(
    request: string,
    { key, ids }: Pick<JudgedRead, 'key' | 'ids'>,
    known: readonly MadeOperation[],
  ): void {
    const { history } = this;
    for (const made of known) {
      if (!made.isDelete && !ids.includes(made.id) && !history.mayBeHidden(made)) {
        history.violate(`${request} of ${key} misses the acknowledged write ${made.id}`);
      }
      // The token need not name dead actors of earlier writes; the tokens of their writers did.
      const back = ids.find((id) => history.isBack(id, made.direct));
      if (back !== undefined) {
        history.violate(
          `${request} of ${key} has ${back}, which the acknowledged write ${made.id} replaced`,
        );
      }
    }
  }

  /**
   * Judges an acknowledged conditional write. No other one on the same state may have been
   * acknowledged, and the decision must have known all acknowledged writes.
   */
  checkWinner(made: MadeOperation, { tag, ids }: Match, since: RequestStart): void {
    const { history } = this;
    const state = `${made.key} ${tag ?? 'empty'}`;
    const winners = this.#winners.get(state) ?? [];
    if (winners.some((winner) => winner.made === made)) return;
    const isBinding = this.#promises.doDecisionsHold;
    for (const { made: other, isBinding: wasBinding } of winners) {
      const isExcused =
        !isBinding ||
        !wasBinding ||
        !other.isAcknowledged ||
        (tag === undefined && history.mayBeEmptyAfter(other));
      if (!isExcused) {
        history.violate(
          `the writes ${other.id} and ${made.id} of ${made.key} were both acknowledged on ${state}`,
        );
      }
    }
    this.#winners.set(state, [...winners, { made, isBinding }]);
    this.#checkKnown('a decision', { key: made.key, ids }, this.#mustMeet(made, since));
  }

  /** Records the writes that an acknowledged write which removes all must have met. */
  recordReplaced(
    made: MadeOperation,
    { since, strength }: Pick<JudgedRead, 'since' | 'strength'>,
  ): void {
    const seen = this.history
      .writesOf(made.key)
      .filter((other) => other !== made && this.#promises.mustMeet(other, since, strength));
    this.history.recordSeen(made, seen);
  }

  #mustMeet(made: MadeOperation, since: RequestStart): MadeOperation[] {
    const majority = this.#promises.majority();
    return this.history.writesOf(made.key).filter((other) => {
      return other !== made && this.#promises.mustMeet(other, since, majority);
    });
  }

  /** Judges a listing of all keys of the run, or of those with a prefix. */
  checkListing(keys: readonly string[], { since, strength, used }: JudgedListing): void {
    const { history } = this;
    const there = new Set(keys);
    if (there.size < keys.length) history.violate(`a listing has a key twice: ${keys.join(' ')}`);
    for (const key of used) {
      const isKnown = (made: MadeOperation): boolean =>
        this.#promises.mustMeet(made, since, strength);
      const living = history
        .writesOf(key)
        .find((made) => !made.isDelete && isKnown(made) && !history.mayBeHidden(made));
      if (living !== undefined && !there.has(key)) {
        history.violate(`a listing lacks ${key}, which has the acknowledged write ${living.id}`);
      }
    }
    for (const key of keys) {
      if (!used.includes(key)) continue;
      const all = history.writesOf(key);
      const mayBeThere = (made: MadeOperation): boolean =>
        !made.isDelete &&
        !all.some(
          (by) => this.#promises.mustMeet(by, since, strength) && history.isBack(made.id, by.seen),
        );
      if (!all.some(mayBeThere)) history.violate(`a listing has ${key}, which is empty`);
    }
  }

  /** Judges the versions of a key after all faults have ended and all owners are equal. */
  checkFinalState(key: string, ids: readonly number[]): void {
    const { history } = this;
    history.checkSiblings(key, ids, ({ seen }) => seen);
    const all = history.writesOf(key);
    for (const write of all) {
      if (write.isDelete) continue;
      const isThere = ids.includes(write.id);
      if (!isThere && write.isAcknowledged && !history.mayBeGone(write)) {
        history.violate(`the acknowledged write ${write.id} of ${key} is lost`);
      }
      const by = all.find((other) => other.isAcknowledged && history.isBack(write.id, other.seen));
      if (isThere && by !== undefined) {
        history.violate(`write ${write.id} of ${key} is back, although ${by.id} replaced it`);
      }
    }
  }
}

/** A listing of a client. */
export interface JudgedListing {
  readonly since: RequestStart;
  readonly strength: Strength;
  /** The keys of the run that the client asked for. */
  readonly used: readonly string[];
}
