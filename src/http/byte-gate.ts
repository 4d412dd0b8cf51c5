/** Bounds the bytes that are held at once: who asks for more than there is waits its turn, for a bounded time. */
import type { Clock, Timer } from '../base/env.ts';
import { MecError } from '../base/errors.ts';

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** Lends bytes, first come first served. */
export class ByteGate {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #waiters = new Set<Waiter>();
  #lent = 0;

  constructor(clock: Clock, capacityBytes: number) {
    this.#clock = clock;
    this.#capacity = capacityBytes;
  }

  get lentBytes(): number {
    return this.#lent;
  }

  /** Whether `bytes` could be had at once; then they are lent. */
  tryTake(bytes: number): boolean {
    if (this.#waiters.size > 0 || this.#lent + bytes > this.#capacity) return false;
    this.#lent += bytes;
    return true;
  }

  /** Lends `bytes` (at most the capacity), when it is their turn; rejects with `overloaded` after `timeoutMs`. */
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
          new MecError('overloaded', { detail: 'The node holds as many request bodies as it can', retryAfter: 1 }),
        );
        this.#admit();
      });
    });
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#lent -= bytes;
    this.#admit();
  }

  #admit(): void {
    for (const waiter of this.#waiters) {
      if (this.#lent + waiter.bytes > this.#capacity) return;
      this.#waiters.delete(waiter);
      this.#lent += waiter.bytes;
      waiter.admit();
    }
  }
}
