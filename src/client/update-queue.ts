/** The updates of this client, one at a time for each key. The wait and the queue are bounded. */
import { MAX_UPDATES_WAITING } from './limits.ts';
import { clientError } from './client-error.ts';
import { type WaitLimits, waitUntil } from './pause.ts';
import type { ClientWorld } from './world.ts';

/** A queue of updates for each key. */
export class UpdateQueue {
  readonly #clock: ClientWorld['clock'];
  /** The waiting updates by key. A key is present while one of its updates runs. */
  readonly #queues = new Map<string, Set<() => void>>();

  constructor(clock: ClientWorld['clock']) {
    this.#clock = clock;
  }

  /**
   * Runs `work` after all earlier work on this key. Rejects with `deadline`, `overloaded`, or the
   * signal's reason.
   */
  async run<R>(key: string, limits: WaitLimits, work: () => Promise<R>): Promise<R> {
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, new Set());
    else await this.#enter(queue, limits);
    try {
      return await work();
    } finally {
      const [next] = this.#queues.get(key) ?? [];
      if (next === undefined) this.#queues.delete(key);
      else next();
    }
  }

  async #enter(queue: Set<() => void>, limits: WaitLimits): Promise<void> {
    if (queue.size >= MAX_UPDATES_WAITING)
      throw clientError('overloaded', {
        detail: `${MAX_UPDATES_WAITING} updates of this key are already waiting in this client`,
      });
    let admit = (): void => {};
    const isAdmitted = await waitUntil(this.#clock, limits, (report) => {
      admit = report;
      queue.add(admit);
    }).finally(() => queue.delete(admit));
    if (!isAdmitted)
      throw clientError('deadline', {
        detail: 'Earlier updates of this key did not end before the deadline',
      });
  }
}
