/**
 * Writes that nodes forward to each other: each is carried out once, and a stopping node finishes
 * those that it has taken.
 */
import { MecError } from '../../base/errors.ts';
import { MAX_TAKEN_IDS } from '../limits.ts';

/** The writes that this node has forwarded, and those that it has taken over. */
export class ForwardedWrites {
  readonly #name: string;
  #given = 0;
  /**
   * Ids of the writes taken over, oldest first, with the time after which they cannot come again.
   */
  readonly #taken = new Map<string, number>();
  #count = 0;
  #isEnding = false;
  #onIdle: (() => void)[] = [];

  /** `name` is this process's, and no other's. */
  constructor(name: string) {
    this.#name = name;
  }

  /** An id for a write that is forwarded: never used before, by anybody. */
  nextId(): string {
    this.#given += 1;
    return `${this.#name}/${this.#given}`;
  }

  /**
   * Whether the write is new here; from now on it is not. Throws `overloaded` where too many are
   * remembered.
   */
  isNew(id: string, nowMs: number, notAfterMs: number): boolean {
    if (this.#taken.has(id)) return false;
    if (this.#taken.size >= MAX_TAKEN_IDS) this.#forget(nowMs);
    this.#taken.set(id, notAfterMs);
    return true;
  }

  #forget(nowMs: number): void {
    for (const [id, notAfterMs] of this.#taken) if (notAfterMs < nowMs) this.#taken.delete(id);
    if (this.#taken.size >= MAX_TAKEN_IDS) throw new MecError('overloaded', { retryAfter: 1 });
  }

  /** Whether no more is taken. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /**
   * One more begins; the result is to be called when it is done. Throws `stopping` once the work is
   * to end.
   */
  begin(): () => void {
    if (this.#isEnding) throw new MecError('stopping');
    this.#count += 1;
    return () => {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    };
  }

  /** Resolves when the last is done. */
  end(): Promise<void> {
    this.#isEnding = true;
    return new Promise((resolve) => {
      if (this.#count === 0) resolve();
      else this.#onIdle.push(resolve);
    });
  }
}
