/**
 * The replicas of a peer. Each reply also tells this node something about the peer: its latency,
 * its current actor, or its life.
 */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import { errorOf } from './failed-reply.ts';
import type {
  BallotRequest,
  Holder,
  KeyGrant,
  KeyGrantRequest,
  KeyListRequest,
  KeyReadRequest,
  KeysFound,
  KeyState,
  OnAnswer,
  StoreItem,
  StoreResult,
  StoreTerms,
} from './holder.ts';
import { withBodies } from './sparse-versions.ts';
import type { StorePacker } from './store-packer.ts';

/** The parts of a node that requests to its peers need. */
export interface RemoteParts {
  readonly env: { readonly clock: Clock };
  readonly partitions: Partitions;
  readonly peers: Pick<Peers, 'noteReadLatency'>;
  readonly packer: StorePacker;
  /** Called if a peer has not acknowledged a store. */
  readonly onMissed: (peer: Peer) => void;
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

  read(asked: KeyReadRequest, onAnswer: OnAnswer<KeyState>): void {
    const { partition, key, have, timeoutMs, ownersHash, caller } = asked;
    const { env, partitions, peers } = this.#parts;
    const view = partitions.of(partition);
    const sentMs = env.clock.monotonicMs();
    this.#peer.data.request(
      { kind: 'read', key, have, floors: view.floorNames, ownersHash, caller },
      timeoutMs,
      (reply) => {
        if (reply instanceof MecError || reply.kind !== 'object') return onAnswer(errorOf(reply));
        peers.noteReadLatency(this.#peer, env.clock.monotonicMs() - sentMs);
        const { actor, isComplete, context, owners } = reply;
        const versions = withBodies(reply.versions, have);
        if (versions === undefined) return onAnswer(new MecError('internal'));
        view.observe(actor);
        onAnswer({ object: { versions, context }, actor, isComplete, owners });
      },
    );
  }

  list({ timeoutMs, ...asked }: KeyListRequest): Promise<KeysFound> {
    return new Promise((resolve, reject) => {
      this.#peer.data.request({ kind: 'list', ...asked }, timeoutMs, (reply) => {
        if (reply instanceof MecError || reply.kind !== 'keys') reject(errorOf(reply));
        else resolve(reply);
      });
    });
  }

  store(item: StoreItem, { timeoutMs, grant }: StoreTerms, onAnswer: OnAnswer<StoreResult>): void {
    const { partitions, packer, onMissed } = this.#parts;
    const peer = this.#peer;
    const { life } = peer;
    packer.pack(item, grant).send(peer, timeoutMs, (reply) => {
      if (reply instanceof MecError || reply.kind !== 'stored') {
        onMissed(peer);
        return onAnswer(errorOf(reply));
      }
      partitions.of(item.partition).observe(reply.actor);
      peer.life = reply.life;
      // Fences are in memory, so an acknowledgement counts only in the life that the peer had when
      // the write began. Grants are in memory too, so a current one proves that life.
      const isKnown = reply.life === life || grant !== undefined;
      onAnswer(isKnown ? reply : new MecError('incomplete'));
    });
  }

  repair(item: StoreItem, timeoutMs: number): void {
    this.#parts.packer.pack(item).send(this.#peer, timeoutMs, () => {});
  }

  grant(asked: KeyGrantRequest, onAnswer: OnAnswer<KeyGrant>): void {
    const {
      partition,
      ballot,
      key,
      view: viewName,
      have,
      idempotencyKey,
      timeoutMs,
      caller,
    } = asked;
    const view = this.#parts.partitions.of(partition);
    const request = {
      kind: 'grant',
      ballot,
      key,
      view: viewName,
      have,
      idempotencyKey,
      caller,
    } as const;
    this.#peer.data.request({ ...request, floors: view.floorNames }, timeoutMs, (reply) => {
      if (reply instanceof MecError || reply.kind !== 'granted') return onAnswer(errorOf(reply));
      const { number, actor, context, remembered } = reply;
      const versions = withBodies(reply.versions, have);
      if (versions === undefined) return onAnswer(new MecError('internal'));
      view.observe(actor);
      onAnswer({ number, actor, object: { versions, context }, remembered });
    });
  }

  release({ ballot, key, timeoutMs, caller }: BallotRequest): void {
    this.#peer.data.request({ kind: 'release', ballot, key, caller }, timeoutMs, () => {});
  }
}
