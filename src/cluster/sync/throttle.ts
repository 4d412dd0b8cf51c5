/**
 * A pending owner takes in its data no faster than clients can bear: there is no hurry while the
 * former owners serve.
 */
import type { Clock } from '../../base/env.ts';

/** Counts what comes in for partitions that this node does not own yet, and spreads it over time. */
export class Throttle {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  /** When what has come in so far should have been done. */
  #dueMs = 0;
  #beganMs: number | undefined;
  #bytes = 0;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** So many bytes have come in; resolves when more may. */
  async take(bytes: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    this.#beganMs ??= nowMs;
    this.#bytes += bytes;
    this.#dueMs = Math.max(nowMs, this.#dueMs) + bytes / this.#bytesPerMs;
    if (this.#dueMs > nowMs) await new Promise<void>((resolve) => this.#clock.after(this.#dueMs - nowMs, resolve));
  }

  /** Nothing is coming in any more. */
  rest(): void {
    this.#beganMs = undefined;
    this.#bytes = 0;
  }

  /** How much has come in, and how fast. */
  status(): { readonly bytes: number; readonly bytesPerSecond: number } {
    const elapsedMs = this.#clock.monotonicMs() - (this.#beganMs ?? 0);
    const isGoingOn = this.#beganMs !== undefined && elapsedMs > 0;
    return { bytes: this.#bytes, bytesPerSecond: isGoingOn ? Math.round((1_000 * this.#bytes) / elapsedMs) : 0 };
  }
}
