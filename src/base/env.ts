/**
 * The world, as the node sees it. Whatever is not pure reaches the node through these interfaces (and
 * through `Engine`, the disk), so that a simulator can put a world of its own in their place.
 */

/** A pending timer. */
export interface Timer {
  cancel(): void;
}

/** Time. */
export interface Clock {
  /** Milliseconds since some start; never goes back. */
  monotonicMs(): number;
  /** Microseconds since 1970; may jump either way. It informs, it never decides anything about causality. */
  wallMicros(): number;
  /** Runs `task` once after `delayMs`. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` at the end of this turn of the event loop. */
  defer(task: () => void): void;
}

/** Randomness. */
export interface Random {
  /** A whole number, 0 … 2³²−1. */
  uint32(): number;
}

/** What a log line may carry. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The log of the node: one event per line, constant text, data in the fields. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Where a socket listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The far end of one connection that came in; opaque to all but the network. */
export type Caller = Readonly<{ id: string; handle: unknown }>;

/** A bound socket: frames come in from callers, frames go back to them. */
export interface Endpoint {
  /** Hands a frame to the network. One at a time: wait for the promise before the next. Never rejects. */
  send(to: Caller, frame: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** An outgoing connection to one address; it reconnects by itself. */
export interface Link {
  /** Hands a frame to the network. One at a time: wait for the promise before the next. Never rejects. */
  send(frame: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** The network: whole frames, which may be lost, delayed, doubled or reordered, never altered. */
export interface Network {
  bind(address: Address, onFrame: (from: Caller, frame: Uint8Array) => void): Promise<Endpoint>;
  connect(address: Address, onFrame: (frame: Uint8Array) => void): Link;
  close(): Promise<void>;
}

/** All of it. */
export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly network: Network;
}
