/**
 * The throttle of incoming data: a pending owner takes in its data slowly enough for clients to be
 * served. There is no hurry as long as the former owners serve the keys.
 */
import { pause } from '../../base/delays.ts';
import type { Clock } from '../../base/env.ts';

/**
 * Counts the incoming bytes of partitions that this node does not own yet, and spreads them over
 * time.
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  /** The time at which the bytes so far should have arrived. */
  #dueMs = 0;
  #beganMs: number | undefined;
  #bytes = 0;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Counts incoming bytes; resolves when more may come. */
  async take(bytes: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    this.#beganMs ??= nowMs;
    this.#bytes += bytes;
    this.#dueMs = Math.max(nowMs, this.#dueMs) + bytes / this.#bytesPerMs;
    if (this.#dueMs > nowMs) await pause(this.#clock, this.#dueMs - nowMs);
  }

  /** Forgets the counts, because no more data is coming. */
  rest(): void {
    this.#beganMs = undefined;
    this.#bytes = 0;
  }

  /** The bytes so far, and the bytes per second. */
  status(): { readonly bytes: number; readonly bytesPerSecond: number } {
    const elapsedMs = this.#clock.monotonicMs() - (this.#beganMs ?? 0);
    const isGoingOn = this.#beganMs !== undefined && elapsedMs > 0;
    return {
      bytes: this.#bytes,
      bytesPerSecond: isGoingOn ? Math.round((1_000 * this.#bytes) / elapsedMs) : 0,
    };
  }
}
