/** A peer's replicas: requests, and what this node learns by the way from each reply. */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import { errorOf } from './failed-reply.ts';
import type { Holder, KeyRead, KeysAsked, KeysFound, KeyState, OnAnswer, StoreItem } from './holder.ts';
import { withBodies } from './sparse-versions.ts';

/** The parts of a node that asking its peers needs. */
export interface RemoteParts {
  readonly env: { readonly clock: Clock };
  readonly partitions: Partitions;
  readonly peers: Pick<Peers, 'answered'>;
}

/** The replicas of a peer. */
export class RemoteHolder implements Holder {
  readonly #parts: RemoteParts;
  readonly #peer: Peer;

  constructor(parts: RemoteParts, peer: Peer) {
    this.#parts = parts;
    this.#peer = peer;
  }

  get id(): string {
    return this.#peer.id;
  }

  read({ partition, key, have, timeoutMs }: KeyRead, onAnswer: OnAnswer<KeyState>): void {
    const { env, partitions, peers } = this.#parts;
    const view = partitions.of(partition);
    const sentMs = env.clock.monotonicMs();
    this.#peer.data.request({ kind: 'read', key, have, floors: view.floorNames }, timeoutMs, (reply) => {
      if (reply instanceof MecError || reply.kind !== 'object') return onAnswer(errorOf(reply));
      peers.answered(this.#peer, env.clock.monotonicMs() - sentMs);
      const { actor, isComplete, context } = reply;
      const versions = withBodies(reply.versions, have);
      if (versions === undefined) return onAnswer(new MecError('internal'));
      view.observe(actor);
      onAnswer({ object: { versions, context }, actor, isComplete });
    });
  }

  list({ timeoutMs, ...asked }: KeysAsked): Promise<KeysFound> {
    return new Promise((resolve, reject) => {
      this.#peer.data.request({ kind: 'list', ...asked }, timeoutMs, (reply) => {
        if (reply instanceof MecError || reply.kind !== 'keys') reject(errorOf(reply));
        else resolve(reply);
      });
    });
  }

  repair({ partition, ...item }: StoreItem, timeoutMs: number): void {
    this.#parts.partitions
      .of(partition)
      .outgoing({ kind: 'store', ...item })
      .send(this.#peer, timeoutMs, () => {});
  }
}
