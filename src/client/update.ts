/**
 * An update: reads, merges siblings, applies a change, and writes with the token of the read, until
 * a write is made.
 */
import { backoff } from '../base/delays.ts';
import { type Read, valuesOf, type Written } from './answers.ts';
import { ConflictError, MecClientError } from './client-error.ts';
import { CLIENT_BACKOFF, MAX_UPDATE_ROUNDS, UPDATE_CATCH_UP_MS } from './limits.ts';
import type { Author } from './merge/merge.ts';
import type { GetOptions, PutOptions, Updated, UpdateOptions } from './options.ts';
import { abortablePause } from './pause.ts';
import type { Session } from './session.ts';
import type { UpdateQueue } from './update-queue.ts';
import type { ClientWorld } from './world.ts';

/** Returns the new value for the current one, or undefined to write nothing. */
export type Change<T> = (
  current: T | undefined,
  author: Author,
) => T | undefined | Promise<T | undefined>;

/** The parts of a client that the update of a key needs. */
export interface UpdateParts<T> {
  readonly world: ClientWorld;
  readonly session: Session;
  /** Runs the updates of one key one after the other. */
  readonly updateQueue: UpdateQueue;
  /** Reads the key. */
  readonly get: (options: GetOptions) => Promise<Read<T>>;
  /** Writes the key. */
  readonly put: (value: T, options: PutOptions) => Promise<Written>;
}

/** An update as its caller asks for it. */
export interface UpdateCall<T> {
  readonly key: string;
  readonly change: Change<T>;
  readonly options: UpdateOptions<T>;
}

/** Runs an update after all earlier ones of its key. Rejects with a `MecClientError`. */
export function runUpdate<T>(
  parts: UpdateParts<T>,
  call: UpdateCall<T>,
  {
    deadlineMs,
    signal,
  }: { readonly deadlineMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Updated<T> | undefined> {
  const untilMs = parts.world.clock.monotonicMs() + deadlineMs;
  return parts.updateQueue.run(call.key, { untilMs, signal }, () =>
    new Update(parts, call, untilMs).run(),
  );
}

class Update<T> {
  readonly #parts: UpdateParts<T>;
  readonly #call: UpdateCall<T>;
  readonly #untilMs: number;

  constructor(parts: UpdateParts<T>, call: UpdateCall<T>, untilMs: number) {
    this.#parts = parts;
    this.#call = call;
    this.#untilMs = untilMs;
  }

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
        await this.#pause(round);
      }
    }
  }

  async #tryOnce(): Promise<Updated<T> | undefined> {
    const { session, world, put } = this.#parts;
    const { key, change, options } = this.#call;
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
      const written = await put(value, {
        ...options,
        deadlineMs: this.#leftMs(),
        token: read.token,
      });
      return { ...written, value, merged: values.length };
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
    const { session, get } = this.#parts;
    const { key, options } = this.#call;
    const leftMs = this.#leftMs();
    if (session.seen(key).dots.length === 0) return get({ ...options, deadlineMs: leftMs });
    try {
      return await get({ ...options, deadlineMs: Math.min(leftMs, UPDATE_CATCH_UP_MS) });
    } catch (error) {
      if (!(error instanceof MecClientError) || !error.retriable) throw error;
      if (error.code === 'behind') session.forget(key);
      return get({ ...options, deadlineMs: this.#leftMs() });
    }
  }

  /** The rest of a call's time, at least 1 ms, so that the request itself reports the deadline. */
  #leftMs(): number {
    return Math.max(1, this.#untilMs - this.#parts.world.clock.monotonicMs());
  }

  #pause(round: number): Promise<void> {
    const { clock, random } = this.#parts.world;
    const pauseMs = Math.min(backoff(random, round, CLIENT_BACKOFF), this.#leftMs());
    return abortablePause(clock, pauseMs, this.#call.options.signal);
  }
}
