/** A peer that coordinates a write which this node cannot coordinate. */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import { errorOf } from './failed-reply.ts';
import type { OnAnswer } from './holder.ts';
import type { PutRequest, PutResult } from './write-request.ts';

/** The parts of a node that forwarding a write needs. */
export interface RemoteCoordinatorParts {
  readonly env: { readonly clock: Clock };
  readonly peers: Pick<Peers, 'noteAnswer'>;
  /** Returns an id for a write that is forwarded. No other write has it. */
  readonly nextWriteId: () => string;
}

/** A peer, as the coordinator of a write. */
export class RemoteCoordinator {
  readonly #parts: RemoteCoordinatorParts;
  readonly #peer: Peer;

  constructor(parts: RemoteCoordinatorParts, peer: Peer) {
    this.#parts = parts;
    this.#peer = peer;
  }

  /** The name of the peer. */
  get id(): string {
    return this.#peer.id;
  }

  /** Whether the peer's process and clock are known. Only then can it get a write. */
  get isKnown(): boolean {
    return this.#peer.remote !== undefined;
  }

  /** Probes the data port. The answer also brings the present time of the peer's clock. */
  ping(timeoutMs: number, onAnswer: (isThere: boolean) => void): void {
    this.#peer.data.request({ kind: 'ping' }, timeoutMs, (reply) => {
      const isThere = !(reply instanceof MecError) && reply.kind === 'pong';
      if (isThere) this.#parts.peers.noteAnswer(this.#peer, reply);
      onAnswer(isThere);
    });
  }

  /**
   * Forwards a write. The peer begins it before the deadline and in the known process, or never. So
   * a message that is late cannot take effect after the writer has its answer.
   */
  forward(request: PutRequest, onAnswer: OnAnswer<PutResult>): void {
    const { key, token, body, timeoutMs, r, w, pr, pw, condition, caller } = request;
    const { replace, isUnsigned } = request;
    const { process = '', nowMs: remoteMs = 0, heardMs = 0 } = this.#peer.remote ?? {};
    // This estimate of the peer's clock is never ahead, since a pong was sent before it arrived.
    const notAfterMs = remoteMs + (this.#parts.env.clock.monotonicMs() - heardMs) + timeoutMs;
    const id = this.#parts.nextWriteId();
    const head = { kind: 'forward', id, process, notAfterMs, timeoutMs } as const;
    this.#peer.data.request(
      { ...head, key, token, body, r, w, pr, pw, condition, caller, replace, isUnsigned },
      timeoutMs,
      (reply) =>
        onAnswer(reply instanceof MecError || reply.kind !== 'written' ? errorOf(reply) : reply),
    );
  }
}
