/**
 * Writes that nodes forward to each other. Each is carried out at most once, even if its message
 * arrives twice. A stopping node finishes the writes that it has begun.
 */
import { MecError } from '../../base/errors.ts';
import { FORWARD_MEMORY_MS, MAX_REMEMBERED_WRITES } from '../limits.ts';

/** The writes that this node has forwarded, and those that were forwarded to it. */
export class ForwardedWrites {
  readonly #name: string;
  #lastId = 0;
  /**
   * The ids of writes that were forwarded to this node, oldest first, each with its deadline. After
   * that, a duplicate is too late and is dropped.
   */
  readonly #expiryById = new Map<string, number>();
  #count = 0;
  #isEnding = false;
  #onIdle: (() => void)[] = [];

  /** `name` must be the name of this process, which no other process has. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Returns an id for a write that this node forwards. No other write of any node has it. */
  nextId(): string {
    this.#lastId += 1;
    return `${this.#name}/${this.#lastId}`;
  }

  /**
   * Returns true for the first message with this id, and false for a duplicate. Throws
   * `bad-parameter` if the id would be remembered for longer than any request takes, and
   * `overloaded` if too many ids are remembered.
   */
  registerId(id: string, nowMs: number, notAfterMs: number): boolean {
    if (this.#expiryById.has(id)) return false;
    if (notAfterMs - nowMs > FORWARD_MEMORY_MS) throw new MecError('bad-parameter');
    if (this.#expiryById.size >= MAX_REMEMBERED_WRITES) this.#forget(nowMs);
    this.#expiryById.set(id, notAfterMs);
    return true;
  }

  #forget(nowMs: number): void {
    for (const [id, notAfterMs] of this.#expiryById)
      if (notAfterMs < nowMs) this.#expiryById.delete(id);
    if (this.#expiryById.size >= MAX_REMEMBERED_WRITES)
      throw new MecError('overloaded', { retryAfter: 1 });
  }

  /** Whether the node refuses new writes, because it stops. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /**
   * Begins a write. The caller must call the returned function when the write is done. Throws
   * `stopping` after `end`.
   */
  begin(): () => void {
    if (this.#isEnding) throw new MecError('stopping');
    this.#count += 1;
    return () => {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    };
  }

  /** Refuses new writes. Resolves when those that have begun are done. */
  end(): Promise<void> {
    this.#isEnding = true;
    return new Promise((resolve) => {
      if (this.#count === 0) resolve();
      else this.#onIdle.push(resolve);
    });
  }
}
