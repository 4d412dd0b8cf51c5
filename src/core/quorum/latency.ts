/** Response times: a quantile of the latest samples, and an exponentially weighted mean. */

const SAMPLES = 128;
const REFRESH_EVERY = 32;
const MEAN_WEIGHT = 0.1;

/** The 95th percentile of the latest `SAMPLES` response times. */
export class LateLatency {
  readonly #samples: number[] = [];
  #count = 0;
  #p95Ms: number | undefined;

  add(latencyMs: number): void {
    this.#samples[this.#count % SAMPLES] = latencyMs;
    this.#count += 1;
    if (this.#count % REFRESH_EVERY === 0) this.#p95Ms = undefined;
  }

  /** The 95th percentile in ms, at most `REFRESH_EVERY` samples old; 0 without samples. */
  get p95Ms(): number {
    if (this.#p95Ms === undefined) {
      const sorted = [...this.#samples].sort((a, b) => a - b);
      this.#p95Ms = sorted[Math.floor(sorted.length * 0.95)] ?? 0;
    }
    return this.#p95Ms;
  }
}

/** The mean of response times, in which the latest weigh most. */
export class MeanLatency {
  #meanMs: number | undefined;

  add(latencyMs: number): void {
    const before = this.#meanMs ?? latencyMs;
    this.#meanMs = before + MEAN_WEIGHT * (latencyMs - before);
  }

  /** The mean in ms; 0 without samples. */
  get meanMs(): number {
    return this.#meanMs ?? 0;
  }
}
