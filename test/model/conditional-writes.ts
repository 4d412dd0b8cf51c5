/**
 * An explicit-state model of conditional writes to one key, with an exact breadth-first search.
 * Whole states are kept, up to symmetry of the owners and of writers with the same request. The
 * rules of owner and coordinator are steps of this model. Decisions, quorums and merges are those
 * of the product (`registers.ts`), and `key-grants.test.ts` compares the product's numbers with
 * those of this model.
 *
 * A message is sent once and stays available. It is received at any time, never, or again, in any
 * order. The step "the number ends", at any time, stands for several events: a grant whose answer
 * is lost or late, expiry with a takeover, a release, a duplicated request, and a restart. A
 * coordinator that stops takes no more steps. 200 means that enough of the deciders have counted
 * the store. The answer to the client may be lost, which only hides it.
 */
import { Decisions, type Kind, quorumTable, shownIn } from './registers.ts';

/** A rule that is left out, or replaced by an earlier, weaker one. */
export type Planted =
  /**
   * An answer counts if the owner's present grant is for this write when the store arrives, under
   * any number.
   */
  | 'holder counts'
  /** The same, but only for owners that granted the key before the decision. */
  | 'early holder counts'
  | 'numbers begin again'
  | 'late grants join'
  /** A ballot uses the numbers of an earlier one of its write, without the reports. */
  | 'numbers outlive their ballot'
  | 'grants read the disk'
  | 'empty owner grants'
  | 'no fence'
  | 'one source'
  | 'old majority alone'
  | 'new majority alone'
  | 'numbers outlive a change'
  | 'any owner fills'
  /**
   * During a change of owners, three of the four are asked. An owner grants the key to a
   * coordinator with any list of owners.
   */
  | 'views may differ'
  /**
   * An owner that lost its disk is complete as soon as it is filled, even if earlier writes are
   * still in progress.
   */
  | 'complete at once'
  /**
   * A store counts that was received before a fence or a change of owners, but reached the disk
   * after it.
   */
  | 'stores outlive their ground'
  | 'memory in the process'
  | 'memory is not refilled'
  | 'repeats next to a rival';

/** The scope of a search. */
export interface Plan {
  /** The request of each writer. */
  readonly kinds: readonly Kind[];
  /** Owners receive into memory, and write to disk later. A restart loses the difference. */
  readonly hasMemory?: boolean;
  /** One owner loses its disk and is filled again. */
  readonly hasWipe?: boolean;
  /** Owners A, B, C become A, B, D. */
  readonly hasChange?: boolean;
  /** Owners exchange state at any time; otherwise only when they are filled. */
  readonly hasSync?: boolean;
  readonly planted?: Planted;
}

/** A state that must never occur. */
export type Violation = 'two winners' | 'one write under two dots' | 'acknowledged and not there';

/**
 * Called for each successor of a state, with the event, its owner, and its writer or other owner.
 */
export type Emit = (what: string, i: number, j: number) => void;

// Owners are blocks of bytes, and so are writers. Two bytes describe the whole.
const [HELD, DISK, GRANT, MEMORY, MARKS, DECIDERS, COUNTED, PENDING] = [
  0, 1, 2, 3, 4, 5, 6, 7,
] as const;
const OWNER_BYTES = 8;
const [PHASE, MATCHED, MERGED, RECALLED, REPEATED, VIEW] = [0, 1, 2, 3, 4, 5] as const;
const WRITER_BYTES = 6;
const [IDLE, ASKING, STORING, REFUSED, GIVEN_UP] = [0, 1, 2, 3, 4] as const;
/** Marks of an owner. The bits above them are its list of the owners. */
const [IS_EMPTY, HAS_FENCED, HAS_FILLED, VIEW_SHIFT] = [1, 2, 4, 4] as const;
/** Marks of the whole: the progress of the change of owners, and the wipe. */
const [NOT_YET, UNDER_WAY, OVER] = [0, 1, 2] as const;

const OLD = ['A', 'B', 'C'];
const NEW = ['A', 'B', 'D'];
const SOURCES = 2;
const COUNT = Uint8Array.from(
  { length: 16 },
  (_, mask) => [1, 2, 4, 8].filter((bit) => mask & bit).length,
);

/** The model with one plan. */
export class Model {
  readonly bytes: number;
  readonly owners: number;
  readonly writers: number;
  readonly plan: Plan;
  readonly #writersAt: number;
  readonly #change: number;
  readonly #wipe: number;
  readonly #decisions: Decisions;
  readonly #quorums: readonly (readonly boolean[])[];
  readonly #keepsHolder: boolean;
  readonly #keepsDeciders: boolean;
  readonly #orders: readonly (readonly number[])[];

  constructor(plan: Plan) {
    this.plan = plan;
    this.owners = plan.hasChange === true ? 4 : 3;
    this.writers = plan.kinds.length;
    this.#writersAt = this.owners * OWNER_BYTES;
    this.#change = this.#writersAt + this.writers * WRITER_BYTES;
    this.#wipe = this.#change + 1;
    this.bytes = this.#wipe + 1;
    this.#decisions = new Decisions(plan.kinds);
    this.#quorums = this.#quorumsOf(plan);
    const { planted } = plan;
    this.#keepsHolder =
      planted === 'holder counts' ||
      planted === 'early holder counts' ||
      planted === 'numbers begin again';
    this.#keepsDeciders =
      planted === 'early holder counts' ||
      planted === 'numbers begin again' ||
      planted === 'late grants join';
    const all = plan.kinds.map((_, w) => w);
    this.#orders = permutations(all).filter((order) =>
      order.every((from, w) => plan.kinds[from] === plan.kinds[w]),
    );
  }

  #quorumsOf({ planted, hasChange }: Plan): readonly (readonly boolean[])[] {
    const members = ['A', 'B', 'C', 'D'].slice(0, this.owners);
    const table = (owners: readonly string[], nextOwners: readonly string[]): readonly boolean[] =>
      quorumTable({ owners, nextOwners }, members);
    if (hasChange !== true) return [table(OLD, OLD)];
    const [before, joint, after] = [table(OLD, OLD), table(OLD, NEW), table(NEW, NEW)];
    if (planted === 'old majority alone') return [before, before, after];
    if (planted === 'new majority alone') return [before, after, after];
    if (planted === 'views may differ') {
      const threeOfFour = joint.map((_, mask) => (COUNT[mask] ?? 0) >= 3);
      return [before, threeOfFour, after];
    }
    return [before, joint, after];
  }

  #owner(i: number, field: number): number {
    return i * OWNER_BYTES + field;
  }

  #writer(w: number, field: number): number {
    return this.#writersAt + w * WRITER_BYTES + field;
  }

  /** The owners that have a writer's bit in a field. */
  #mask(S: Uint8Array, field: number, w: number): number {
    let mask = 0;
    for (let i = 0; i < this.owners; i++) mask |= ((at(S, this.#owner(i, field)) >> w) & 1) << i;
    return mask;
  }

  #isEmpty(S: Uint8Array, i: number): boolean {
    return (at(S, this.#owner(i, MARKS)) & IS_EMPTY) !== 0;
  }

  #viewOf(S: Uint8Array, i: number): number {
    return at(S, this.#owner(i, MARKS)) >> VIEW_SHIFT;
  }

  #isEnough(S: Uint8Array, w: number, mask: number): boolean {
    return this.#quorums[at(S, this.#writer(w, VIEW))]?.[mask] === true;
  }

  /** Whether a writer gets 200. */
  isTold(S: Uint8Array, w: number): boolean {
    return (
      at(S, this.#writer(w, PHASE)) === STORING && this.#isEnough(S, w, this.#mask(S, COUNTED, w))
    );
  }

  /** Whether a writer gets 412. */
  isRefused(S: Uint8Array, w: number): boolean {
    return at(S, this.#writer(w, PHASE)) === REFUSED;
  }

  /** Whether a writer acknowledges, or sends to the owners, the write of another attempt. */
  isRepeat(S: Uint8Array, w: number): boolean {
    return at(S, this.#writer(w, REPEATED)) > 0;
  }

  #isConditional(w: number): boolean {
    return this.plan.kinds[w] !== 'blind';
  }

  #isOnce(w: number): boolean {
    const kind = this.plan.kinds[w];
    return kind === 'once' || kind === 'lock';
  }

  // -- events --

  /** Calls `emit` for each successor of `S`, after it was written to `T`. */
  follow(S: Uint8Array, T: Uint8Array, emit: Emit): void {
    const step = (what: string, i: number, j: number, change: () => void): void => {
      T.set(S);
      change();
      this.#forget(T);
      emit(what, i, j);
    };
    for (let w = 0; w < this.writers; w++) {
      const phase = at(S, this.#writer(w, PHASE));
      if (phase === IDLE) this.#start(S, T, w, step);
      if (phase === ASKING) this.#decide(S, T, w, step);
      if (phase === ASKING) this.#askAgain(S, T, w, step);
      if (this.#isBehind(S, w))
        step('is given up', w, -1, () => void (T[this.#writer(w, PHASE)] = GIVEN_UP));
      if (phase !== ASKING && phase !== STORING) continue;
      for (let i = 0; i < this.owners; i++) {
        if (this.#isConditional(w) && this.#mayGrant(S, i, w)) this.#grant(S, T, i, w, step);
        if (phase === STORING) this.#store(S, T, i, w, step);
      }
    }
    for (let i = 0; i < this.owners; i++) {
      this.#own(S, T, i, step);
      for (let j = 0; j < this.owners; j++) if (i !== j) this.#copy(S, T, i, j, step);
    }
    if (this.plan.hasChange === true) this.#changeOwners(S, T, step);
  }

  #start(S: Uint8Array, T: Uint8Array, w: number, step: Step): void {
    const kind = this.plan.kinds[w] as Kind;
    // A coordinator may know the owners of any time up to now.
    for (let view = 0; view <= at(S, this.#change); view++) {
      const begin = (phase: number, matched = 0): void => {
        T[this.#writer(w, PHASE)] = phase;
        T[this.#writer(w, MATCHED)] = matched;
        T[this.#writer(w, VIEW)] = view;
      };
      if (kind === 'blind') step('is sent', w, view, () => begin(STORING));
      else if (kind !== 'swap') step('starts', w, view, () => begin(ASKING));
      else
        for (const mask of this.#readable(S)) {
          const shown = shownIn(this.#merged(S, mask));
          step('reads and starts', w, view, () => begin(ASKING, shown));
        }
    }
  }

  /** The sets of owners from which a majority read may be made. */
  #readable(S: Uint8Array): number[] {
    const masks: number[] = [];
    for (let mask = 0; mask < 1 << this.owners; mask++) {
      const isRead = COUNT[mask] === 2 && (mask & ~this.#complete(S)) === 0;
      if (isRead) masks.push(mask);
    }
    return masks;
  }

  /** The owners of which a majority must have every acknowledged write. */
  #complete(S: Uint8Array): number {
    if (this.plan.hasChange === true) return at(S, this.#change) === OVER ? 0b1011 : 0b0111;
    let mask = 0;
    for (let i = 0; i < this.owners; i++) if (!this.#isEmpty(S, i)) mask |= 1 << i;
    return mask;
  }

  #merged(S: Uint8Array, mask: number): number {
    let register = 0;
    for (let i = 0; i < this.owners; i++)
      if ((mask >> i) & 1) register |= at(S, this.#owner(i, HELD));
    return register;
  }

  /**
   * Whether an owner grants the key to a writer: it is complete, and has the coordinator's list of
   * owners.
   */
  #mayGrant(S: Uint8Array, i: number, w: number): boolean {
    const { planted, hasChange } = this.plan;
    if (this.#isEmpty(S, i) && planted !== 'empty owner grants') return false;
    if (hasChange !== true) return true;
    const view = at(S, this.#writer(w, VIEW));
    const isAsked = i < 2 || (i === 2 ? view < 2 : view > 0);
    return isAsked && (planted === 'views may differ' || this.#viewOf(S, i) === view);
  }

  /**
   * Grants the key. If counted, the answer is part of the decision. Otherwise no coordinator uses
   * its number.
   */
  #grant(S: Uint8Array, T: Uint8Array, i: number, w: number, step: Step): void {
    const { planted } = this.plan;
    const isDecider = (at(S, this.#owner(i, DECIDERS)) & (1 << w)) !== 0;
    const isNew = at(S, this.#owner(i, GRANT)) === 0;
    const isAsking = at(S, this.#writer(w, PHASE)) === ASKING;
    const join = (): void => {
      T[this.#owner(i, GRANT)] = grantOf(w, true);
      T[this.#owner(i, DECIDERS)] = at(T, this.#owner(i, DECIDERS)) | (1 << w);
    };
    if (isAsking && !isDecider) {
      step('grants, and counts for', i, w, () => {
        join();
        const field = planted === 'grants read the disk' ? DISK : HELD;
        T[this.#writer(w, MERGED)] = at(T, this.#writer(w, MERGED)) | at(S, this.#owner(i, field));
        const canRecall = !this.#isEmpty(S, i);
        if (canRecall)
          T[this.#writer(w, RECALLED)] =
            at(T, this.#writer(w, RECALLED)) | at(S, this.#owner(i, MEMORY));
      });
    }
    if (this.#keepsHolder) {
      // If numbers begin again at a restart, a duplicated request is then granted under the number
      // of the first.
      const isSame = planted === 'numbers begin again' && isNew && isDecider;
      step(
        'grants, too late, to',
        i,
        w,
        () => void (T[this.#owner(i, GRANT)] = grantOf(w, isSame)),
      );
    }
    if (planted === 'late grants join' && !isAsking && !isDecider) {
      const news = at(S, this.#owner(i, HELD)) & 15 & ~(at(S, this.#writer(w, MERGED)) | (1 << w));
      if (news === 0) step('grants late, and joins', i, w, join);
    }
  }

  #decide(S: Uint8Array, T: Uint8Array, w: number, step: Step): void {
    let deciders = this.#mask(S, DECIDERS, w);
    for (let i = 0; i < this.owners; i++) {
      const counts = !this.#isEmpty(S, i) || this.plan.planted === 'empty owner grants';
      if (!counts) deciders &= ~(1 << i);
    }
    if (!this.#isEnough(S, w, deciders)) return;
    const register = at(S, this.#writer(w, MERGED));
    const question = { writer: w, matched: at(S, this.#writer(w, MATCHED)), register };
    const outcome = this.#decisions.of({
      ...question,
      remembered: at(S, this.#writer(w, RECALLED)),
    });
    step('decides', w, -1, () => {
      T[this.#writer(w, MATCHED)] = T[this.#writer(w, RECALLED)] = 0;
      // A valid number shows that its owner is a decider.
      if (!this.#keepsDeciders) this.#clearDeciders(T, w);
      let repeated = outcome.kind === 'repeat' ? outcome.dot + 1 : 0;
      if (this.plan.planted === 'repeats next to a rival') repeated ||= this.#madeBefore(register);
      if (repeated > 0) {
        T[this.#writer(w, REPEATED)] = repeated;
        T[this.#writer(w, PHASE)] = STORING;
      } else if (outcome.kind === 'write') {
        T[this.#writer(w, MERGED)] = outcome.seen;
        T[this.#writer(w, PHASE)] = STORING;
      } else this.#refuse(T, w);
    });
  }

  /** Gives up a ballot before the decision. The next one may know later owners. */
  #askAgain(S: Uint8Array, T: Uint8Array, w: number, step: Step): void {
    for (let view = at(S, this.#writer(w, VIEW)); view <= at(S, this.#change); view++) {
      step('asks again', w, view, () => {
        T[this.#writer(w, MERGED)] = T[this.#writer(w, RECALLED)] = 0;
        T[this.#writer(w, VIEW)] = view;
        if (this.plan.planted === 'numbers outlive their ballot') return;
        for (let i = 0; i < this.owners; i++) this.#endFor(T, i, w);
      });
    }
  }

  #clearDeciders(T: Uint8Array, w: number): void {
    for (let i = 0; i < this.owners; i++) {
      T[this.#owner(i, DECIDERS)] = at(T, this.#owner(i, DECIDERS)) & ~(1 << w);
    }
  }

  /**
   * The earlier rule: a version with the Idempotency-Key is repeated, whatever other versions there
   * are.
   */
  #madeBefore(register: number): number {
    const mine = this.plan.kinds.findIndex(
      (_, w) => this.#isOnce(w) && (shownIn(register) >> w) & 1,
    );
    return mine + 1;
  }

  #refuse(T: Uint8Array, w: number): void {
    T.fill(0, this.#writer(w, 0), this.#writer(w, WRITER_BYTES));
    T[this.#writer(w, PHASE)] = REFUSED;
    for (let i = 0; i < this.owners; i++) this.#endFor(T, i, w);
  }

  /**
   * The result that a writer stores: its write, over everything that it has seen, or the majority's
   * knowledge of the first attempt.
   */
  #objectOf(S: Uint8Array, w: number): number {
    const merged = at(S, this.#writer(w, MERGED));
    return this.isRepeat(S, w) ? merged : (merged & 15) | (1 << w) | ((merged & 15) << 4);
  }

  #store(S: Uint8Array, T: Uint8Array, i: number, w: number, step: Step): void {
    const view = at(S, this.#writer(w, VIEW));
    if (this.plan.hasChange === true && ((i === 3 && view === 0) || (i === 2 && view === 2)))
      return;
    const isTold = this.isTold(S, w);
    const counts = !this.#isConditional(w) || this.#isCurrent(S, i, w);
    // The number is not current, so the store is refused. After the acknowledgement the other
    // owners get it too.
    if (!counts && !isTold) return;
    step(counts ? 'takes in, and counts for' : 'is told of', i, w, () => {
      T[this.#owner(i, HELD)] = at(T, this.#owner(i, HELD)) | this.#objectOf(S, w);
      if (this.#isOnce(w)) {
        const dot = this.isRepeat(S, w) ? at(S, this.#writer(w, REPEATED)) - 1 : w;
        T[this.#owner(i, MEMORY)] = at(T, this.#owner(i, MEMORY)) | (1 << dot);
      }
      if (!counts) return;
      const field = this.plan.hasMemory === true ? PENDING : COUNTED;
      T[this.#owner(i, field)] = at(T, this.#owner(i, field)) | (1 << w);
      if (this.#isConditional(w)) T[this.#owner(i, GRANT)] = 0;
    });
  }

  #isCurrent(S: Uint8Array, i: number, w: number): boolean {
    const grant = at(S, this.#owner(i, GRANT));
    const { planted } = this.plan;
    if (this.#isEmpty(S, i) && planted !== 'empty owner grants') return false;
    const isHolder = grant === grantOf(w, true) || grant === grantOf(w, false);
    if (planted === 'holder counts') return isHolder;
    if (planted === 'early holder counts')
      return isHolder && (at(S, this.#owner(i, DECIDERS)) & (1 << w)) !== 0;
    return grant === grantOf(w, true);
  }

  /** The events of one owner alone. */
  #own(S: Uint8Array, T: Uint8Array, i: number, step: Step): void {
    const { hasMemory, hasWipe, planted, kinds } = this.plan;
    const end = (): void => void (T[this.#owner(i, GRANT)] = 0);
    if (at(S, this.#owner(i, GRANT)) > 0) step('ends its number', i, -1, end);
    if (hasMemory === true) {
      step('has all on disk', i, -1, () => {
        T[this.#owner(i, DISK)] = at(S, this.#owner(i, HELD));
        T[this.#owner(i, COUNTED)] =
          at(S, this.#owner(i, COUNTED)) | at(S, this.#owner(i, PENDING));
        T[this.#owner(i, PENDING)] = 0;
      });
      step('restarts', i, -1, () => {
        T[this.#owner(i, HELD)] = at(S, this.#owner(i, DISK));
        T[this.#owner(i, PENDING)] = 0;
        end();
      });
    }
    if (planted === 'memory in the process' && kinds.includes('once')) {
      step('restarts', i, -1, () => {
        T[this.#owner(i, MEMORY)] = 0;
        end();
      });
    }
    if (hasWipe === true && at(S, this.#wipe) === NOT_YET) {
      step('loses its disk', i, -1, () => {
        T[this.#wipe] = UNDER_WAY;
        for (const field of [HELD, DISK, MEMORY, PENDING, GRANT]) T[this.#owner(i, field)] = 0;
        T[this.#owner(i, MARKS)] = at(S, this.#owner(i, MARKS)) | IS_EMPTY;
        for (const [w, kind] of kinds.entries())
          if (kind === 'blind') T[this.#writer(w, RECALLED)] = 1;
      });
    }
  }

  /** One owner receives the state of another. */
  #copy(S: Uint8Array, T: Uint8Array, i: number, j: number, step: Step): void {
    const { hasSync, hasChange, planted } = this.plan;
    const isRefill = this.#isEmpty(S, j);
    const isJoin = hasChange === true && j === 3 && at(S, this.#change) === UNDER_WAY && i < 3;
    const marks = at(S, this.#owner(i, MARKS));
    if (isJoin && planted !== 'any owner fills' && this.#viewOf(S, i) < 1) return;
    const hasFenced = (marks & HAS_FENCED) !== 0 || planted === 'no fence';
    // A source counts after the longest timeout since that disk was lost.
    const isEarly =
      planted !== 'complete at once' && this.plan.kinds.some((_, w) => this.#isBehind(S, w));
    if (isRefill && !hasFenced) {
      step('makes a fence for', i, j, () => {
        this.#endGround(T, i);
        T[this.#owner(i, MARKS)] = marks | HAS_FENCED;
      });
    }
    if (hasSync === false && !isJoin && !(isRefill && hasFenced)) return;
    step(isRefill || isJoin ? 'fills' : 'tells', i, j, () => {
      // A replica receives only the state that is on the other's disk.
      const told = this.plan.hasMemory === true ? DISK : HELD;
      T[this.#owner(j, HELD)] = at(S, this.#owner(j, HELD)) | at(S, this.#owner(i, told));
      if (isJoin || (isRefill && hasFenced && !isEarly))
        T[this.#owner(i, MARKS)] = marks | HAS_FILLED;
      if (isRefill || isJoin) T[this.#owner(j, DISK)] = at(T, this.#owner(j, HELD));
      if (!isRefill) return;
      if (planted !== 'memory is not refilled') {
        T[this.#owner(j, MEMORY)] = at(S, this.#owner(j, MEMORY)) | at(S, this.#owner(i, MEMORY));
      }
      if (this.#sources(T) < (planted === 'one source' ? 1 : SOURCES)) return;
      T[this.#wipe] = OVER;
      this.#clearMarks(T);
    });
  }

  /**
   * Whether a plain write is in progress that was sent before a disk was lost. The lost disk no
   * longer counts for it.
   */
  #isBehind(S: Uint8Array, w: number): boolean {
    const isBefore = at(S, this.#writer(w, RECALLED)) > 0;
    return (
      !this.#isConditional(w) &&
      isBefore &&
      at(S, this.#writer(w, PHASE)) === STORING &&
      !this.isTold(S, w)
    );
  }

  /** Ends the number of an owner, and stores that it has received but not written to disk. */
  #endGround(T: Uint8Array, i: number): void {
    T[this.#owner(i, GRANT)] = 0;
    if (this.plan.planted === 'stores outlive their ground') return;
    for (let w = 0; w < this.writers; w++) {
      if (this.#isConditional(w))
        T[this.#owner(i, PENDING)] = at(T, this.#owner(i, PENDING)) & ~(1 << w);
    }
  }

  #sources(S: Uint8Array): number {
    let count = 0;
    for (let i = 0; i < this.owners; i++) if (at(S, this.#owner(i, MARKS)) & HAS_FILLED) count++;
    return count;
  }

  #clearMarks(T: Uint8Array): void {
    for (let i = 0; i < this.owners; i++) {
      T[this.#owner(i, MARKS)] =
        at(T, this.#owner(i, MARKS)) & ~(IS_EMPTY | HAS_FENCED | HAS_FILLED);
    }
  }

  /** D joins in place of C. Each owner learns this at a separate time. */
  #changeOwners(S: Uint8Array, T: Uint8Array, step: Step): void {
    const { planted } = this.plan;
    const stage = at(S, this.#change);
    const learn = (i: number): void => {
      T[this.#owner(i, MARKS)] = at(T, this.#owner(i, MARKS)) + (1 << VIEW_SHIFT);
      if (planted !== 'numbers outlive a change' && planted !== 'views may differ')
        this.#endGround(T, i);
    };
    for (let i = 0; i < this.owners; i++)
      if (this.#viewOf(S, i) < stage) step('learns of the change', i, -1, () => learn(i));
    const isFilled = stage === UNDER_WAY && this.#sources(S) >= SOURCES;
    if (stage === NOT_YET || isFilled) {
      step(isFilled ? 'is an owner' : 'begins to join', 3, -1, () => {
        T[this.#change] = stage + 1;
        this.#clearMarks(T);
        learn(3);
      });
    }
  }

  /** Clears parts that no longer make a difference, so that fewer states differ. */
  #forget(T: Uint8Array): void {
    for (let w = 0; w < this.writers; w++) {
      if (!this.#isConditional(w) || !this.isTold(T, w)) continue;
      for (let i = 0; i < this.owners; i++) this.#endFor(T, i, w);
    }
  }

  #endFor(T: Uint8Array, i: number, w: number): void {
    const grant = at(T, this.#owner(i, GRANT));
    if (grant === grantOf(w, true) || grant === grantOf(w, false)) T[this.#owner(i, GRANT)] = 0;
    T[this.#owner(i, DECIDERS)] = at(T, this.#owner(i, DECIDERS)) & ~(1 << w);
    T[this.#owner(i, PENDING)] = at(T, this.#owner(i, PENDING)) & ~(1 << w);
  }

  // -- violations --

  /** The violation in a state, if there is one. */
  violation(S: Uint8Array): Violation | undefined {
    for (let w = 0; w < this.writers; w++) {
      if (!this.isTold(S, w)) continue;
      if (!this.#isThere(S, this.#dotOf(S, w))) return 'acknowledged and not there';
      for (let v = 0; v < w; v++) {
        if (!this.isTold(S, v)) continue;
        const violation = this.#between(S, v, w);
        if (violation !== undefined) return violation;
      }
    }
    return undefined;
  }

  #dotOf(S: Uint8Array, w: number): number {
    return this.isRepeat(S, w) ? at(S, this.#writer(w, REPEATED)) - 1 : w;
  }

  #isThere(S: Uint8Array, dot: number): boolean {
    const complete = this.#complete(S);
    const field = this.plan.hasMemory === true ? DISK : HELD;
    let lacking = 0;
    for (let i = 0; i < this.owners; i++) {
      if ((complete >> i) & 1 && !((at(S, this.#owner(i, field)) >> dot) & 1)) lacking++;
    }
    return lacking < 2;
  }

  #between(S: Uint8Array, v: number, w: number): Violation | undefined {
    const [x, y] = [this.#dotOf(S, v), this.#dotOf(S, w)];
    const { kinds } = this.plan;
    if (x === y || !this.#isConditional(v) || !this.#isConditional(w)) return undefined;
    if (this.#isOnce(v) && this.#isOnce(w)) return 'one write under two dots';
    if (kinds[v] === 'once' || kinds[w] === 'once') return undefined;
    return this.#hasSeen(S, x, y) || this.#hasSeen(S, y, x) ? undefined : 'two winners';
  }

  #hasSeen(S: Uint8Array, x: number, y: number): boolean {
    return !this.isRepeat(S, x) && ((at(S, this.#writer(x, MERGED)) >> y) & 1) !== 0;
  }

  // -- symmetry --

  /**
   * Writes to `into` the state that represents all states with other names of owners and writers.
   */
  canonical(S: Uint8Array, into: Uint8Array, scratch: Uint8Array): void {
    for (const [n, order] of this.#orders.entries()) {
      const target = n === 0 ? into : scratch;
      this.#rename(S, target, order);
      this.#sortOwners(target);
      if (n > 0 && isLess(scratch, into)) into.set(scratch);
    }
  }

  /** Writer `w` of the result is writer `order[w]` of the state. */
  #rename(S: Uint8Array, into: Uint8Array, order: readonly number[]): void {
    into.set(S);
    if (order.every((from, w) => from === w)) return;
    const bits = (mask: number): number =>
      order.reduce((result, from, w) => result | (((mask >> from) & 1) << w), 0);
    const register = (r: number): number => bits(r & 15) | (bits(r >> 4) << 4);
    for (let i = 0; i < this.owners; i++) {
      const get = (field: number): number => at(S, this.#owner(i, field));
      into[this.#owner(i, HELD)] = register(get(HELD));
      into[this.#owner(i, DISK)] = register(get(DISK));
      const grant = get(GRANT);
      if (grant > 0)
        into[this.#owner(i, GRANT)] = grantOf(order.indexOf((grant - 1) >> 1), (grant & 1) === 0);
      for (const field of [MEMORY, DECIDERS, COUNTED, PENDING])
        into[this.#owner(i, field)] = bits(get(field));
    }
    for (const [w, from] of order.entries()) {
      const get = (field: number): number => at(S, this.#writer(from, field));
      into[this.#writer(w, PHASE)] = get(PHASE);
      into[this.#writer(w, MATCHED)] = register(get(MATCHED));
      into[this.#writer(w, MERGED)] = register(get(MERGED));
      into[this.#writer(w, RECALLED)] = bits(get(RECALLED));
      const repeated = get(REPEATED);
      into[this.#writer(w, REPEATED)] = repeated === 0 ? 0 : order.indexOf(repeated - 1) + 1;
      into[this.#writer(w, VIEW)] = get(VIEW);
    }
  }

  /** The owners that can be exchanged, in order. During a change of owners these are A and B. */
  #sortOwners(T: Uint8Array): void {
    const count = this.plan.hasChange === true ? 2 : this.owners;
    for (let i = 1; i < count; i++) {
      for (let j = i; j > 0 && this.#isLessOwner(T, j, j - 1); j--) this.#swap(T, j, j - 1);
    }
  }

  #isLessOwner(T: Uint8Array, i: number, j: number): boolean {
    for (let field = 0; field < OWNER_BYTES; field++) {
      const difference = at(T, this.#owner(i, field)) - at(T, this.#owner(j, field));
      if (difference !== 0) return difference < 0;
    }
    return false;
  }

  #swap(T: Uint8Array, i: number, j: number): void {
    for (let field = 0; field < OWNER_BYTES; field++) {
      const value = at(T, this.#owner(i, field));
      T[this.#owner(i, field)] = at(T, this.#owner(j, field));
      T[this.#owner(j, field)] = value;
    }
  }
}

type Step = (what: string, i: number, j: number, change: () => void) => void;

const at = (S: Uint8Array, index: number): number => S[index] as number;

/** A grant as a byte: its writer, and whether the coordinator has its number. */
const grantOf = (w: number, isKnown: boolean): number => 1 + 2 * w + Number(isKnown);

function isLess(a: Uint8Array, b: Uint8Array): boolean {
  for (let n = 0; n < a.length; n++) {
    const difference = at(a, n) - at(b, n);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}
