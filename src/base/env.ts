/**
 * The world as interfaces. A node has no other access to time, randomness, its log and the network;
 * the disk is the interface `Engine`. The simulator implements them all again.
 */

import type { Tracer } from './tracer.ts';

/** A task that a clock will run later. */
export interface Timer {
  cancel(): void;
}

/** Time. */
export interface Clock {
  /** Milliseconds since an arbitrary start. Never goes back. */
  monotonicMs(): number;
  /** Microseconds since 1970. May jump in either direction, so causality never depends on it. */
  wallMicros(): number;
  /** Runs `task` once, after `delayMs`. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` at the end of this turn of the event loop. */
  defer(task: () => void): void;
}

/** Random numbers. */
export interface Random {
  /** Draws a whole number, 0 … 2³²−1. */
  uint32(): number;
}

/** The fields of a log line. A field that is undefined is left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The log of a node. `event` is constant text; all that varies goes into the fields. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** An address that a socket listens on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The far end of an incoming connection. Only the network looks inside. */
export type Caller = Readonly<{ id: string; handle: unknown }>;

/** A bound socket, which receives frames from callers and sends frames back to them. */
export interface Endpoint {
  /**
   * Hands a frame to the network. Resolves with false if the caller must first read earlier frames:
   * then the network does not have the frame. Await the promise before the next call. Never
   * rejects.
   */
  send(to: Caller, frame: Uint8Array): Promise<boolean>;
  close(): Promise<void>;
}

/** An outgoing connection to one address. It reconnects when it breaks. */
export interface Link {
  /** Hands a frame to the network. Await the promise before the next call. Never rejects. */
  send(frame: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * A network of whole frames. It may lose, delay, duplicate or reorder a frame, but never alters
 * one.
 */
export interface Network {
  bind(address: Address, onFrame: (from: Caller, frame: Uint8Array) => void): Promise<Endpoint>;
  /** Connects in the background. Throws if there is no socket left, or if this is no address. */
  connect(address: Address, onFrame: (frame: Uint8Array) => void): Link;
  close(): Promise<void>;
}

/** All interfaces together. */
export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly network: Network;
  /** Undefined if the node makes no traces. */
  readonly tracer?: Tracer | undefined;
}
