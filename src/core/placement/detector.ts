/**
 * The failure detector: a peer is reachable as long as it answers. A pure fold; the caller passes
 * the time in.
 */

/** The state of a peer: it answers, it has been silent for a while, or for too long. */
export type Reach = 'reachable' | 'suspect' | 'unreachable';

/** The silence in ms after which a peer is suspect, and after which it is unreachable. */
export interface DetectorOptions {
  readonly suspectAfterMs: number;
  readonly unreachableAfterMs: number;
}

interface PeerContact {
  heardMs: number;
  /** The time of the first unanswered question. Silence is measured from here. */
  askedMs: number | undefined;
}

/** Keeps the times at which each peer was asked and last answered. */
export class Detector {
  readonly #options: DetectorOptions;
  readonly #contacts = new Map<string, PeerContact>();

  constructor(options: DetectorOptions) {
    this.#options = options;
  }

  /** Records that the peer was asked something that it answers at once. */
  noteProbe(peer: string, nowMs: number): void {
    const contact = this.#contacts.get(peer);
    if (contact !== undefined) contact.askedMs ??= nowMs;
  }

  /** Records an answer of the peer. */
  noteAnswer(peer: string, nowMs: number): void {
    this.#contacts.set(peer, { heardMs: nowMs, askedMs: undefined });
  }

  /** Shifts all times by a pause of this node itself, so that no peer is blamed for it. */
  excusePause(pauseMs: number): void {
    for (const contact of this.#contacts.values()) {
      contact.heardMs += pauseMs;
      if (contact.askedMs !== undefined) contact.askedMs += pauseMs;
    }
  }

  /** Forgets a peer that has left or has become another member. */
  forget(peer: string): void {
    this.#contacts.delete(peer);
  }

  /** The time of the peer's first unanswered question; undefined if there is none. */
  unansweredSinceMs(peer: string): number | undefined {
    return this.#contacts.get(peer)?.askedMs;
  }

  reach(peer: string, nowMs: number): Reach {
    const contact = this.#contacts.get(peer);
    if (contact === undefined) return 'unreachable';
    const waitedMs = nowMs - (contact.askedMs ?? nowMs);
    if (waitedMs < this.#options.suspectAfterMs) return 'reachable';
    return waitedMs < this.#options.unreachableAfterMs ? 'suspect' : 'unreachable';
  }

  /** The time in ms since the peer last answered; undefined if it never has. */
  silenceMs(peer: string, nowMs: number): number | undefined {
    const contact = this.#contacts.get(peer);
    return contact === undefined ? undefined : Math.max(0, nowMs - contact.heardMs);
  }
}
