/** Work on one key in turn: who comes while another is at it waits, for a bounded time, in a bounded queue. */
import type { Timer } from '../base/env.ts';
import { MAX_UPDATES_WAITING } from './limits.ts';
import { clientError } from './client-error.ts';
import type { ClientWorld } from './world.ts';

/** How long to wait for a turn. */
interface Wait {
  readonly untilMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The updates of this client, one at a time per key. */
export class UpdateQueue {
  readonly #clock: ClientWorld['clock'];
  /** Who waits, by key; there is a queue while somebody is at work. */
  readonly #queues = new Map<string, (() => void)[]>();

  constructor(clock: ClientWorld['clock']) {
    this.#clock = clock;
  }

  /**
   * Runs work when all work on this key that came before is over; rejects with `deadline`,
   * `overloaded`, or the signal's reason.
   */
  async run<R>(key: string, wait: Wait, work: () => Promise<R>): Promise<R> {
    await this.#enter(key, wait);
    try {
      return await work();
    } finally {
      const next = this.#queues.get(key)?.shift();
      if (next === undefined) this.#queues.delete(key);
      else next();
    }
  }

  #enter(key: string, { untilMs, signal }: Wait): Promise<void> {
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      this.#queues.set(key, []);
      return Promise.resolve();
    }
    if (queue.length >= MAX_UPDATES_WAITING) {
      return Promise.reject(clientError('overloaded', { detail: 'Too many updates of this key wait in this client' }));
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
        drop(clientError('deadline', { detail: 'Earlier updates of this key took too long' })),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(admit);
    });
  }
}
