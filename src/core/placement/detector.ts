/** Which peers can be reached: those that answer. A pure fold; time is handed in. */

/** What is known of a peer: it answers, it has not answered for a while, or for too long. */
export type Reach = 'reachable' | 'suspect' | 'unreachable';

/** When silence becomes suspicion, and when certainty. */
export interface DetectorOptions {
  readonly suspectAfterMs: number;
  readonly unreachableAfterMs: number;
}

interface PeerContact {
  heardMs: number;
  /** When the first question was asked that has not been answered; silence counts from there. */
  askedMs: number | undefined;
}

/** Keeps when each peer was asked and when it was last heard of. */
export class Detector {
  readonly #options: DetectorOptions;
  readonly #contacts = new Map<string, PeerContact>();

  constructor(options: DetectorOptions) {
    this.#options = options;
  }

  /** The peer was asked something that it answers at once. */
  asked(peer: string, nowMs: number): void {
    const contact = this.#contacts.get(peer);
    if (contact !== undefined) contact.askedMs ??= nowMs;
  }

  /** The peer has answered. */
  heard(peer: string, nowMs: number): void {
    this.#contacts.set(peer, { heardMs: nowMs, askedMs: undefined });
  }

  /** The observer itself was not listening for so long: nobody is to blame for that. */
  forgive(pauseMs: number): void {
    for (const contact of this.#contacts.values()) {
      contact.heardMs += pauseMs;
      if (contact.askedMs !== undefined) contact.askedMs += pauseMs;
    }
  }

  /** The peer is no more, or has become another. */
  forget(peer: string): void {
    this.#contacts.delete(peer);
  }

  /** Since when the peer owes an answer; undefined where it owes none, or was never heard of. */
  owesSinceMs(peer: string): number | undefined {
    return this.#contacts.get(peer)?.askedMs;
  }

  reach(peer: string, nowMs: number): Reach {
    const contact = this.#contacts.get(peer);
    if (contact === undefined) return 'unreachable';
    const waitedMs = nowMs - (contact.askedMs ?? nowMs);
    if (waitedMs < this.#options.suspectAfterMs) return 'reachable';
    return waitedMs < this.#options.unreachableAfterMs ? 'suspect' : 'unreachable';
  }

  /** How long ago the peer was last heard of, in ms; undefined where it never was. */
  silenceMs(peer: string, nowMs: number): number | undefined {
    const contact = this.#contacts.get(peer);
    return contact === undefined ? undefined : Math.max(0, nowMs - contact.heardMs);
  }
}
