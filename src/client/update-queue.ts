/** The updates of this client, one at a time for each key. The wait and the queue are bounded. */
import type { Timer } from '../base/env.ts';
import { MAX_UPDATES_WAITING } from './limits.ts';
import { clientError } from './client-error.ts';
import type { ClientWorld } from './world.ts';

/** The limits of a wait. */
interface WaitLimits {
  readonly untilMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A queue of updates for each key. */
export class UpdateQueue {
  readonly #clock: ClientWorld['clock'];
  /** The waiting updates by key. A key is present while one of its updates runs. */
  readonly #queues = new Map<string, (() => void)[]>();

  constructor(clock: ClientWorld['clock']) {
    this.#clock = clock;
  }

  /**
   * Runs `work` after all earlier work on this key. Rejects with `deadline`, `overloaded`, or the
   * signal's reason.
   */
  async run<R>(key: string, wait: WaitLimits, work: () => Promise<R>): Promise<R> {
    await this.#enter(key, wait);
    try {
      return await work();
    } finally {
      const next = this.#queues.get(key)?.shift();
      if (next === undefined) this.#queues.delete(key);
      else next();
    }
  }

  #enter(key: string, { untilMs, signal }: WaitLimits): Promise<void> {
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      this.#queues.set(key, []);
      return Promise.resolve();
    }
    if (queue.length >= MAX_UPDATES_WAITING) {
      return Promise.reject(
        clientError('overloaded', {
          detail: `${MAX_UPDATES_WAITING} updates of this key are already waiting in this client`,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = (outcome: () => void): void => {
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
        outcome();
      };
      const admit = (): void => settle(resolve);
      const drop = (reason: unknown): void => {
        queue.splice(queue.indexOf(admit), 1);
        settle(() => reject(reason));
      };
      const onAbort = (): void => drop(signal?.reason);
      timer = this.#clock.after(untilMs - this.#clock.monotonicMs(), () =>
        drop(
          clientError('deadline', {
            detail: 'Earlier updates of this key did not end before the deadline',
          }),
        ),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(admit);
    });
  }
}
