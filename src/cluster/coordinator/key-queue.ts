/** Tasks under one name run one at a time, in the order in which they came. */

/** One queue per key: a task runs when the one before it is over. */
export class KeyQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  /**
   * Runs a task when all that came before it under this name are over; they are as many as there
   * are requests at most.
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
