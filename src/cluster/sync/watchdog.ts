/** A watchdog that logs a pull that waits or runs for long. */
import type { Env } from '../../base/env.ts';
import type { SyncLimits } from '../limits.ts';
import type { PullQueue } from './pull-queue.ts';

/** Watches the pulls of one node. */
export class Watchdog {
  readonly #env: Env;
  readonly #limits: SyncLimits;
  #warnedMs = -Infinity;

  constructor(env: Env, limits: SyncLimits) {
    this.#env = env;
    this.#limits = limits;
  }

  /** Logs the oldest pull if it is too old. */
  check({ oldest, waiting, running }: Pick<PullQueue, 'oldest' | 'waiting' | 'running'>): void {
    const { clock, log } = this.#env;
    const nowMs = clock.monotonicMs();
    if (oldest === undefined || oldest.ageMs < this.#limits.stuckMs) return;
    if (nowMs - this.#warnedMs < this.#limits.stuckMs) return;
    this.#warnedMs = nowMs;
    const { partition, peer, ageMs } = oldest;
    log.warn('catching up is slow', {
      partition,
      peer,
      forMs: Math.round(ageMs),
      waiting,
      running,
    });
  }
}
