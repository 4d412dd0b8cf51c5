/** A peer that is given a write to coordinate, since this node cannot. */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import { errorOf } from './failed-reply.ts';
import type { OnAnswer } from './holder.ts';
import type { PutRequest, PutResult } from './write-request.ts';

/** The parts of a node that forwarding a write needs. */
export interface RemoteCoordinatorParts {
  readonly env: { readonly clock: Clock };
  readonly peers: Pick<Peers, 'heard'>;
  /** A name for a write that is forwarded, which no other has. */
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

  /** Whether its process and its clock are known: only then can it be given a write. */
  get isKnown(): boolean {
    return this.#peer.remote !== undefined;
  }

  /** Probes the data port; the peer's clock is then known afresh. */
  ping(timeoutMs: number, onAnswer: (isThere: boolean) => void): void {
    this.#peer.data.request({ kind: 'ping' }, timeoutMs, (reply) => {
      const isThere = !(reply instanceof MecError) && reply.kind === 'pong';
      if (isThere) this.#parts.peers.heard(this.#peer, reply);
      onAnswer(isThere);
    });
  }

  /**
   * Passes the write on. The peer begins it in time, in the process that is known, or not at all.
   */
  forward(request: PutRequest, onAnswer: OnAnswer<PutResult>): void {
    const { key, token, body, timeoutMs, r, w, pr, pw, condition, caller } = request;
    const { process = '', nowMs: remoteMs = 0, heardMs = 0 } = this.#peer.remote ?? {};
    // At most the time that the owner's clock shows now: its pong was made before it was heard.
    const notAfterMs = remoteMs + (this.#parts.env.clock.monotonicMs() - heardMs) + timeoutMs;
    const id = this.#parts.nextWriteId();
    const head = { kind: 'forward', id, process, notAfterMs, timeoutMs } as const;
    this.#peer.data.request(
      { ...head, key, token, body, r, w, pr, pw, condition, caller },
      timeoutMs,
      (reply) =>
        onAnswer(reply instanceof MecError || reply.kind !== 'written' ? errorOf(reply) : reply),
    );
  }
}
