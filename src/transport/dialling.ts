/**
 * Dials a node whose key is pinned. ZeroMQ itself dials again when a connection breaks, but never
 * when the other node has refused this node's key. Yet a refusal need not last: the news of a key
 * may be on their way, or its record may be older at one node than at the other.
 *
 * A node that changes its key has two for a while, and no message says when it uses the second one.
 * So its keys are tried in turn, until one of them makes a connection.
 */
import type { Clock, Random, Timer } from '../base/env.ts';
import { MAX_REDIAL_MS, MIN_REDIAL_MS, TRY_KEY_MS } from './limits.ts';

/** The parts of a connection that is dialled. */
export interface DiallingOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly random: Random;
  /** The keys of which the other node must have one; none if they are not known yet. */
  readonly keys: () => readonly string[];
  /** Connects to the node with this key. ZeroMQ goes on by itself until it is refused. */
  readonly dial: (key: string) => void;
  /** Undoes `dial`. */
  readonly hangUp: () => void;
}

/** One connection, which is dialled until it is closed. */
export class Dialling {
  readonly #options: DiallingOptions;
  /** The key that was dialled last; undefined if the connection is hung up. */
  #dialled: string | undefined;
  #isConnected = false;
  #waitMs = MIN_REDIAL_MS;
  /** Ends the pause before the next call, or the time in which this one must connect. */
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: DiallingOptions) {
    this.#options = options;
    this.check();
  }

  /** Dials a key that counts now, if the one that was dialled does not. */
  check(): void {
    if (this.#isClosed) return;
    const keys = this.#options.keys();
    if (this.#dialled !== undefined && keys.includes(this.#dialled)) return this.#limitCall();
    this.#dial(keys[0]);
  }

  /** Dials again, because this node has another key. */
  redial(): void {
    if (this.#isClosed) return;
    this.#dial(this.#dialled ?? this.#options.keys()[0]);
  }

  /** The other node has taken this node's key. */
  onAccepted(): void {
    this.#isConnected = true;
    this.#waitMs = MIN_REDIAL_MS;
    this.#endTimer();
  }

  /** The connection is broken. ZeroMQ dials the same key again. */
  onLost(): void {
    this.#isConnected = false;
    this.#limitCall();
  }

  /** The other node has refused this node's key, and ZeroMQ has given up. */
  onRefused(): void {
    if (this.#isClosed) return;
    this.#hangUp();
    this.#retry();
  }

  close(): void {
    this.#isClosed = true;
    this.#endTimer();
  }

  #dial(key: string | undefined): void {
    this.#hangUp();
    if (key === undefined) return this.#retry();
    this.#dialled = key;
    this.#options.dial(key);
    this.#limitCall();
  }

  #endTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #hangUp(): void {
    this.#endTimer();
    this.#isConnected = false;
    if (this.#dialled === undefined) return;
    this.#dialled = undefined;
    this.#options.hangUp();
  }

  /** If the other node may have another key, this one has some time to make a connection. */
  #limitCall(): void {
    const isSettled = this.#isClosed || this.#isConnected || this.#timer !== undefined;
    if (isSettled || this.#dialled === undefined || this.#options.keys().length < 2) return;
    this.#timer = this.#options.clock.after(TRY_KEY_MS, () => {
      const keys = this.#options.keys();
      this.#dial(keys[(keys.indexOf(this.#dialled ?? '') + 1) % keys.length]);
    });
  }

  /** Tries again after a pause, which doubles. Half of it is random, so that nodes spread. */
  #retry(): void {
    const { clock, random } = this.#options;
    const pauseMs = this.#waitMs * (0.5 + random.uint32() / 2 ** 33);
    this.#waitMs = Math.min(MAX_REDIAL_MS, 2 * this.#waitMs);
    this.#timer = clock.after(pauseMs, () => {
      this.#timer = undefined;
      this.check();
    });
  }
}
