/** The least rate at which a large body must arrive. */
import type { Clock, Timer } from '../base/env.ts';
import { HTTP_BODY_BYTES_PER_SECOND, HTTP_BODY_PERIOD_MS } from './limits.ts';

const LEAST_BYTES = (HTTP_BODY_BYTES_PER_SECOND * HTTP_BODY_PERIOD_MS) / 1000;

/**
 * Watches a body. Only the time counts in which the node waits for the client, and not the time in
 * which the client waits for the node.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #onSlow: () => void;
  /** The time waited, and the bytes, in this period. */
  #waitedMs = 0;
  #bytes = 0;
  #sinceMs = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, onSlow: () => void) {
    this.#clock = clock;
    this.#onSlow = onSlow;
  }

  /** The node waits for the client from now on. */
  wait(): void {
    this.#sinceMs = this.#clock.monotonicMs();
    this.#timer = this.#clock.after(HTTP_BODY_PERIOD_MS - this.#waitedMs, () => {
      if (this.#isSlow()) this.#onSlow();
      else this.wait();
    });
  }

  /** Bytes have arrived, and the node does not wait any more. */
  got(bytes: number): void {
    this.stop();
    this.#bytes += bytes;
    this.#waitedMs += this.#clock.monotonicMs() - this.#sinceMs;
    if (this.#waitedMs >= HTTP_BODY_PERIOD_MS && this.#isSlow()) this.#onSlow();
  }

  /** Ends the watch. */
  stop(): void {
    this.#timer?.cancel();
  }

  /** Whether the period was too slow. Begins the next one. */
  #isSlow(): boolean {
    const isSlow = this.#bytes < LEAST_BYTES;
    this.#waitedMs = 0;
    this.#bytes = 0;
    return isSlow;
  }
}
