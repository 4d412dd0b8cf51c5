/** A limit on bytes in memory. A request for more waits its turn, for a bounded time. */
import type { Clock, Timer } from '../base/env.ts';
import { MecError, nothingWritten } from '../base/errors.ts';

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** Hands out bytes, first come, first served. */
export class ByteGate {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #waiters = new Set<Waiter>();
  #inUse = 0;

  constructor(clock: Clock, capacityBytes: number) {
    this.#clock = clock;
    this.#capacity = capacityBytes;
  }

  get usedBytes(): number {
    return this.#inUse;
  }

  /** Takes `bytes` if they are available at once. Returns whether they were. */
  tryTake(bytes: number): boolean {
    if (this.#waiters.size > 0 || this.#inUse + bytes > this.#capacity) return false;
    this.#inUse += bytes;
    return true;
  }

  /**
   * Takes `bytes`, at most the capacity, when it is their turn. Rejects with `overloaded` after
   * `timeoutMs`.
   */
  take(bytes: number, timeoutMs: number): Promise<void> {
    if (this.tryTake(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const waiter: Waiter = {
        bytes,
        admit: () => {
          timer?.cancel();
          resolve();
        },
      };
      this.#waiters.add(waiter);
      timer = this.#clock.after(timeoutMs, () => {
        this.#waiters.delete(waiter);
        reject(
          new MecError('overloaded', {
            ...nothingWritten(`The memory for request bodies (${this.#capacity} bytes) is full.`),
            retryAfter: 1,
          }),
        );
        this.#admit();
      });
    });
  }

  /** Releases bytes that were taken. */
  release(bytes: number): void {
    this.#inUse -= bytes;
    this.#admit();
  }

  #admit(): void {
    for (const waiter of this.#waiters) {
      if (this.#inUse + waiter.bytes > this.#capacity) return;
      this.#waiters.delete(waiter);
      this.#inUse += waiter.bytes;
      waiter.admit();
    }
  }
}
