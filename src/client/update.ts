/**
 * An update: reads, merges siblings, applies a change, and writes with the token of the read, until
 * a write is made.
 */
import { type Read, valuesOf } from './answers.ts';
import type { ClientCalls } from './calls.ts';
import { ConflictError, MecClientError } from './client-error.ts';
import type { TimeLimits } from './delivery.ts';
import { MAX_UPDATE_ROUNDS, UPDATE_CATCH_UP_MS } from './limits.ts';
import type { Author } from './merge/merge.ts';
import type { Updated, UpdateOptions } from './options.ts';
import { pauseAfter } from './pause.ts';

/** Returns the new value for the current one, or undefined to write nothing. */
export type Change<T> = (
  current: T | undefined,
  author: Author,
) => T | undefined | Promise<T | undefined>;

/** An update as its caller asks for it. */
export interface UpdateCall<T> {
  readonly key: string;
  readonly change: Change<T>;
  readonly options: UpdateOptions<T>;
  readonly limits: TimeLimits;
}

/** One update of a key, after all earlier ones of this client. */
export class Update<T> {
  readonly #calls: ClientCalls<T>;
  readonly #call: UpdateCall<T>;

  constructor(calls: ClientCalls<T>, call: UpdateCall<T>) {
    this.#calls = calls;
    this.#call = call;
  }

  /** Resolves with undefined if `change` returns undefined. Rejects with a `MecClientError`. */
  async run(): Promise<Updated<T> | undefined> {
    for (let round = 0; ; round++) {
      try {
        return await this.#tryOnce();
      } catch (error) {
        // The cluster may have changed the keys of its tokens since the read.
        const isRefusedToken = error instanceof MecClientError && error.code === 'bad-vclock';
        if (isRefusedToken && round === 0) continue;
        // A conflict means that nothing was written, so read, merge and change the current value.
        const isLost = error instanceof ConflictError && !error.mayTakeEffect;
        if (!isLost || round === MAX_UPDATE_ROUNDS - 1) throw error;
        if (!(await pauseAfter(this.#calls.parts.world, round, this.#call.limits))) throw error;
      }
    }
  }

  async #tryOnce(): Promise<Updated<T> | undefined> {
    const { session, world } = this.#calls.parts;
    const { key, change, options, limits } = this.#call;
    const read = await this.#read();
    const values = valuesOf(read);
    const current = values.length === 0 ? undefined : values.reduce((a, b) => options.merge(a, b));
    const author = {
      ...session.nextAuthor(key, values.length === 0),
      nowMicros: world.clock.wallMicros(),
    };
    const value = await change(current, author);
    if (value === undefined) return undefined;
    try {
      const { w, ttlSeconds } = options;
      const write = this.#calls.write(key, value, { token: read.token, ttlSeconds }, { w });
      return { ...(await this.#calls.run(write, limits)), value, merged: values.length };
    } catch (error) {
      // The failed write may still appear, with this author's number. No other change may have that
      // number.
      if (!(error instanceof MecClientError) || error.mayTakeEffect) session.endAuthor(key);
      throw error;
    }
  }

  /**
   * Reads, if possible, a state that includes this author's last write. If no node has it, ends the
   * author and reads as a new one.
   */
  async #read(): Promise<Read<T>> {
    const { session, world } = this.#calls.parts;
    const { key, options, limits } = this.#call;
    const read = (untilMs: number): Promise<Read<T>> =>
      this.#calls.run(this.#calls.read(key, options), { ...limits, untilMs });
    if (session.seen(key).dots.length === 0) return read(limits.untilMs);
    try {
      const catchUpMs = world.clock.monotonicMs() + UPDATE_CATCH_UP_MS;
      return await read(Math.min(limits.untilMs, catchUpMs));
    } catch (error) {
      if (!(error instanceof MecClientError) || !error.retriable) throw error;
      if (error.code === 'behind') session.forget(key);
      return read(limits.untilMs);
    }
  }
}
