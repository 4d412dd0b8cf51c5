/** Queues of tasks: those under one name run one at a time, in the order of their arrival. */

/** One queue for each key. A task runs when the one before it is over. */
export class KeyQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  /**
   * Runs a task when all earlier ones under this name are over. Each task belongs to a request, so
   * the node's bound on requests also bounds the queue.
   */
  take<Result>(name: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const turn = before.then(task, task);
    this.#last.set(name, turn);
    const done = (): void => {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    };
    turn.then(done, done);
    return turn;
  }
}
