/**
 * The time by which a node says what has expired and stamps what it takes in: that of a majority of the
 * owners' wall clocks, as their answers to probes tell them. A clock that is heard of once goes on at the
 * pace of this node's monotonic clock, so that a jump of this node's own wall clock changes nothing.
 */
import type { Clock, Env } from '../base/env.ts';
import { CLOCK_SAMPLE_MS, CLOCK_SAMPLE_RTT_MS, CLOCK_TOLERANCE_MS } from './limits.ts';
import { agreedMicros, majorityMicros } from '../core/value/wall-time.ts';
import type { Members } from './membership/members.ts';
import type { Peer, Peers } from './membership/peers.ts';

const TOLERANCE_MICROS = CLOCK_TOLERANCE_MS * 1000;

/** The wall time of a cluster, as one node knows it. */
export class WallTime {
  readonly #clock: Clock;
  readonly #log: Env['log'];
  readonly #self: string;
  readonly #peers: Peers;

  constructor({ clock, log }: Env, { self }: Members, peers: Peers) {
    this.#clock = clock;
    this.#log = log;
    this.#self = self;
    this.#peers = peers;
  }

  /** A peer has said what time it is, in answer to a probe that was sent at `sentMs`. */
  heard(peer: Peer, wallMicros: number, sentMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    // An answer that took long may have been given at any moment of that.
    if (nowMs - sentMs > CLOCK_SAMPLE_RTT_MS) return;
    const atMs = (sentMs + nowMs) / 2;
    const skewMs = (wallMicros - this.#clock.wallMicros()) / 1000 + nowMs - atMs;
    const isOff = Math.abs(skewMs) > CLOCK_TOLERANCE_MS;
    const wasOff = peer.wall?.isOff === true;
    peer.wall = { micros: wallMicros, atMs, isOff };
    if (isOff && !wasOff) {
      this.#log.warn('wall clocks differ', { node: peer.id, skewMs: Math.round(skewMs) });
    } else if (wasOff && !isOff) this.#log.info('wall clocks agree again', { node: peer.id });
  }

  /** How far the peer's wall clock is ahead of this node's, ms; undefined if it was not heard of lately. */
  skewMs(peer: Peer): number | undefined {
    const micros = this.#microsAt(peer, this.#clock.monotonicMs());
    return micros === undefined ? undefined : (micros - this.#clock.wallMicros()) / 1000;
  }

  /**
   * What time it is for the readers and writers of a key with these owners, µs since 1970. A node that does
   * not know the clocks of a majority yet goes by its own.
   */
  nowMicros(owners: readonly string[]): number {
    return agreedMicros(this.#clock.wallMicros(), this.#majorityMicros(owners), TOLERANCE_MICROS);
  }

  /** Up to when all that expires may be deleted: a majority of the owners' clocks is past it for certain. */
  passedMicros(owners: readonly string[]): number {
    return (this.#majorityMicros(owners) ?? -Infinity) - TOLERANCE_MICROS;
  }

  #majorityMicros(owners: readonly string[]): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const known: number[] = [];
    for (const owner of owners) {
      const peer = this.#peers.byId.get(owner);
      const micros = owner === this.#self ? this.#clock.wallMicros() : peer && this.#microsAt(peer, nowMs);
      if (micros !== undefined) known.push(micros);
    }
    return majorityMicros(known, owners.length);
  }

  #microsAt({ wall }: Peer, nowMs: number): number | undefined {
    if (wall === undefined) return undefined;
    const ageMs = nowMs - wall.atMs;
    return ageMs > CLOCK_SAMPLE_MS ? undefined : Math.round(wall.micros + ageMs * 1000);
  }
}
