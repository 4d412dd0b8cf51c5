/** Which peers can be reached: those heard of lately. A pure fold; time is handed in. */

/** What is known of a peer: it answers, it has been silent for a while, or for too long. */
export type Reach = 'reachable' | 'suspect' | 'unreachable';

/** When silence becomes suspicion, and when certainty. */
export interface DetectorOptions {
  readonly suspectAfterMs: number;
  readonly unreachableAfterMs: number;
}

/** Keeps when each peer was last heard of. */
export class Detector {
  readonly #options: DetectorOptions;
  readonly #lastHeardMs = new Map<string, number>();

  constructor(options: DetectorOptions) {
    this.#options = options;
  }

  /** Something came from the peer. */
  heard(peer: string, nowMs: number): void {
    this.#lastHeardMs.set(peer, nowMs);
  }

  /** The observer itself was not listening for so long: nobody is to blame for that. */
  forgive(pauseMs: number): void {
    for (const [peer, lastMs] of this.#lastHeardMs) this.#lastHeardMs.set(peer, lastMs + pauseMs);
  }

  reach(peer: string, nowMs: number): Reach {
    const silenceMs = this.silenceMs(peer, nowMs) ?? Infinity;
    if (silenceMs < this.#options.suspectAfterMs) return 'reachable';
    return silenceMs < this.#options.unreachableAfterMs ? 'suspect' : 'unreachable';
  }

  /** How long the peer has been silent, in ms; undefined where it was never heard of. */
  silenceMs(peer: string, nowMs: number): number | undefined {
    const last = this.#lastHeardMs.get(peer);
    return last === undefined ? undefined : Math.max(0, nowMs - last);
  }
}
