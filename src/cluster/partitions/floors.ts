/**
 * The floors that this node knows, by partition, and those that its peers know. With a floor, the
 * size of a context does not grow with the number of restarts, and the list of dead actors is not
 * sent.
 *
 * A peer says in its present life which floors it knows. If it has forgotten one since, it cannot
 * read a message on that floor, and says so. The message is then sent again with whole contexts.
 * The hash of an unknown floor proves nothing: its dots never count as seen.
 */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { FLOORS_KEPT } from '../limits.ts';
import { Floor } from '../../core/causality/floor.ts';
import { type PackedMessage, packMessage } from '../../transport/codec.ts';
import type { PartitionFloor, PullRequest, StoreRequest } from '../../transport/message.ts';
import type { OnReply, RpcClient } from '../../transport/rpc.ts';

/** The present life of each member. */
export interface MemberLives {
  /** Undefined if the node is no member, or gone. */
  lifeOf(name: string): string | undefined;
}

/** The names of floors by partition. They count in one life of a peer. */
interface NamedFloors {
  readonly life: string | undefined;
  readonly names: Map<number, string>;
}

/** The floors of one node. */
export class Floors {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #members: MemberLives;
  /** The latest floors of each partition, newest first. */
  readonly #kept = new Map<number, Floor[]>();
  /** The same floors by name, with the number of partitions that use each. */
  readonly #byName = new Map<string, { readonly floor: Floor; users: number }>();
  /** The floors that each peer has named last, and those that it was told last. */
  readonly #knownByPeer = new Map<string, NamedFloors>();
  readonly #sentToPeer = new Map<string, NamedFloors>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, members: MemberLives) {
    this.#clock = clock;
    this.#members = members;
  }

  /** The floor of this name; undefined if this node does not know it. */
  find(name: string): Floor | undefined {
    return this.#byName.get(name)?.floor;
  }

  /** The newest floor of a partition. */
  newest(partition: number): Floor {
    return this.#kept.get(partition)?.[0] ?? Floor.NONE;
  }

  /** The name of the newest floor, for a request whose answer may use it. */
  names(partition: number): readonly string[] | undefined {
    const newest = this.#kept.get(partition)?.[0];
    return newest === undefined ? undefined : [newest.hash];
  }

  /** Makes a floor the newest of a partition. The one before it is kept for a while. */
  keep(partition: number, floor: Floor): void {
    const kept = this.#kept.get(partition) ?? [];
    if (floor.size === 0 || kept[0]?.hash === floor.hash) return;
    kept.unshift(floor);
    this.#kept.set(partition, kept);
    const entry = this.#byName.get(floor.hash);
    if (entry === undefined) this.#byName.set(floor.hash, { floor, users: 1 });
    else entry.users += 1;
    const last = kept.length > FLOORS_KEPT ? kept.pop() : undefined;
    const old = last === undefined ? undefined : this.#byName.get(last.hash);
    if (old === undefined || last === undefined) return;
    old.users -= 1;
    if (old.users === 0) this.#byName.delete(last.hash);
  }

  /** Notes that a peer knows these floors. */
  noteKnown(peer: string, floors: readonly PartitionFloor[]): void {
    this.#note(this.#knownByPeer, peer, { life: this.#members.lifeOf(peer), floors });
  }

  /**
   * The newest floors of these partitions that a peer has not been told. The caller calls `told`
   * when the peer has answered. That counts for the life in which the peer was asked.
   */
  unsentTo(
    peer: string,
    partitions: readonly number[],
  ): { unsent: readonly PartitionFloor[]; noteSent: () => void } {
    const life = this.#members.lifeOf(peer);
    const unsent = partitions.flatMap((partition) => {
      const name = this.newest(partition).hash;
      const sent = this.#sentToPeer.get(peer);
      const isSent = sent?.life === life && sent?.names.get(partition) === name;
      return name === '' || isSent ? [] : [{ partition, name }];
    });
    return { unsent, noteSent: () => this.#note(this.#sentToPeer, peer, { life, floors: unsent }) };
  }

  /** The floor on which a peer can read contexts of a partition; undefined if there is none. */
  knownTo(peer: string, partition: number): Floor | undefined {
    const known = this.#knownByPeer.get(peer);
    const name = known?.names.get(partition);
    return name === undefined || known?.life !== this.#members.lifeOf(peer)
      ? undefined
      : this.find(name);
  }

  /** A message with contexts of a partition, for several peers. */
  outgoing(partition: number, message: StoreRequest | PullRequest): Outgoing {
    return new Outgoing(this, this.#clock, { partition, message });
  }

  /** Notes that the peer no longer knows the floor. */
  forget(peer: string, partition: number): void {
    this.#knownByPeer.get(peer)?.names.delete(partition);
  }

  #note(
    of: Map<string, NamedFloors>,
    peer: string,
    { life, floors }: { life: string | undefined; floors: readonly PartitionFloor[] },
  ): void {
    let known = of.get(peer);
    if (known?.life !== life || known === undefined) known = { life, names: new Map() };
    of.set(peer, known);
    for (const { partition, name } of floors) known.names.set(partition, name);
  }
}

/** The receiver of a message. */
export interface Receiver {
  readonly id: string;
  readonly data: Pick<RpcClient, 'requestPacked'>;
}

/**
 * One message for several peers. It is packed once for each floor that they know. Mostly they know
 * the same one.
 */
export class Outgoing {
  readonly #floors: Floors;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #partition: number;
  readonly #message: StoreRequest | PullRequest;
  readonly #packed = new Map<Floor | undefined, PackedMessage>();

  constructor(
    floors: Floors,
    clock: Pick<Clock, 'monotonicMs'>,
    { partition, message }: { partition: number; message: StoreRequest | PullRequest },
  ) {
    this.#floors = floors;
    this.#clock = clock;
    this.#partition = partition;
    this.#message = message;
  }

  /**
   * Sends the message to a peer. If the peer does not know the floor, sends it again with whole
   * contexts, within the same timeout.
   */
  send(peer: Receiver, timeoutMs: number, onReply: OnReply): void {
    const floor = this.#floors.knownTo(peer.id, this.#partition);
    if (floor === undefined)
      return peer.data.requestPacked(this.#pack(undefined), timeoutMs, onReply);
    const sentMs = this.#clock.monotonicMs();
    peer.data.requestPacked(this.#pack(floor), timeoutMs, (reply) => {
      if (reply instanceof MecError || reply.kind !== 'unknown-floor') return onReply(reply);
      this.#floors.forget(peer.id, this.#partition);
      const leftMs = Math.max(0, sentMs + timeoutMs - this.#clock.monotonicMs());
      peer.data.requestPacked(this.#pack(undefined), leftMs, onReply);
    });
  }

  #pack(floor: Floor | undefined): PackedMessage {
    let packed = this.#packed.get(floor);
    if (packed === undefined) {
      packed = packMessage(this.#message, { floors: floor === undefined ? [] : [floor] });
      this.#packed.set(floor, packed);
    }
    return packed;
  }
}
