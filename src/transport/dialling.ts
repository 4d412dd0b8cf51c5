/**
 * Dials a node whose key is pinned. ZeroMQ itself dials again when a connection breaks, but never
 * when the other node has refused this node's key. Yet a refusal need not last: the news of a key
 * may be on their way, or its record may be older at one node than at the other.
 */
import type { Clock, Random, Timer } from '../base/env.ts';
import { MAX_REDIAL_MS, MIN_REDIAL_MS } from './limits.ts';

/** The parts of a connection that is dialled. */
export interface DiallingOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly random: Random;
  /** The key that the other node must have; undefined if it is not known yet. */
  readonly key: () => string | undefined;
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
  #waitMs = MIN_REDIAL_MS;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: DiallingOptions) {
    this.#options = options;
    this.check();
  }

  /** Dials the key that counts now, if that is not the one that was dialled. */
  check(): void {
    const { key, dial } = this.#options;
    const current = key();
    if (this.#isClosed || (current !== undefined && current === this.#dialled)) return;
    this.#hangUp();
    if (current === undefined) return this.#retry();
    this.#dialled = current;
    dial(current);
  }

  /** The other node has taken this node's key. */
  onAccepted(): void {
    this.#waitMs = MIN_REDIAL_MS;
  }

  /** The other node has refused this node's key, and ZeroMQ has given up. */
  onRefused(): void {
    if (this.#isClosed) return;
    this.#hangUp();
    this.#retry();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #hangUp(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#dialled === undefined) return;
    this.#dialled = undefined;
    this.#options.hangUp();
  }

  /** Tries again after a pause, which doubles. Half of it is random, so that nodes spread. */
  #retry(): void {
    const { clock, random } = this.#options;
    const pauseMs = this.#waitMs * (0.5 + random.uint32() / 2 ** 33);
    this.#waitMs = Math.min(MAX_REDIAL_MS, 2 * this.#waitMs);
    this.#timer = clock.after(pauseMs, () => this.check());
  }
}
