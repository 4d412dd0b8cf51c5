/**
 * Wall time: a node uses the clocks of a majority of a key's owners to decide which versions have
 * expired, and to stamp new versions. It learns these clocks from answers to probes. Afterwards a
 * clock advances with the monotonic clock of this node, so a jump of this node's own wall clock
 * changes nothing.
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

  /** Notes the wall clock in an answer to a probe that was sent at `sentMs`. */
  noteClock(peer: Peer, wallMicros: number, sentMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    // A slow answer may have been given at any moment of the wait.
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

  /**
   * The lead of the peer's wall clock over the clock here, in ms; undefined if there was no answer
   * lately.
   */
  skewMs(peer: Peer): number | undefined {
    const micros = this.#microsAt(peer, this.#clock.monotonicMs());
    return micros === undefined ? undefined : (micros - this.#clock.wallMicros()) / 1000;
  }

  /**
   * The wall time for a key with these owners, in µs since 1970. Until a node knows the clocks of a
   * majority, it uses its own.
   */
  nowMicros(owners: readonly string[]): number {
    return agreedMicros(this.#clock.wallMicros(), this.#majorityMicros(owners), TOLERANCE_MICROS);
  }

  /**
   * The time for the decision on a condition. A node that does not know the clocks of a majority
   * takes no version for expired. Otherwise a node whose clock is wrong could give a lock twice.
   */
  decidingMicros(owners: readonly string[]): number {
    return this.#majorityMicros(owners) === undefined ? -Infinity : this.nowMicros(owners);
  }

  /**
   * The time up to which expired versions may be deleted: a majority of the owners' clocks has
   * certainly passed it.
   */
  passedMicros(owners: readonly string[]): number {
    return (this.#majorityMicros(owners) ?? -Infinity) - TOLERANCE_MICROS;
  }

  #majorityMicros(owners: readonly string[]): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const known: number[] = [];
    for (const owner of owners) {
      const peer = this.#peers.byId.get(owner);
      const micros =
        owner === this.#self ? this.#clock.wallMicros() : peer && this.#microsAt(peer, nowMs);
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
