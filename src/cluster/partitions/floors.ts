/**
 * The floors that this node knows, by partition, and which of them its peers know. On its floor a
 * context costs the same however often nodes were restarted; its list never travels.
 *
 * That a peer knows a floor is taken from its own word, in its present life. It may have forgotten
 * it since: then it cannot read the message, says so, and the message is sent again, whole. A hash
 * that is not known says nothing, and is never taken for seen.
 */
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { FLOORS_KEPT } from '../limits.ts';
import { Floor } from '../../core/causality/floor.ts';
import { type PackedMessage, packMessage } from '../../transport/codec.ts';
import type { PartitionFloor, PullRequest, StoreRequest } from '../../transport/message.ts';
import type { OnReply, RpcClient } from '../../transport/rpc.ts';

/** The present life of each member. */
export interface Lives {
  /** Undefined if the node is no member, or gone. */
  lifeOf(name: string): string | undefined;
}

/** Names of floors by partition, that count for one life of a peer. */
interface Words {
  readonly life: string | undefined;
  readonly names: Map<number, string>;
}

/** The floors of one node. */
export class Floors {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #members: Lives;
  /** By partition, the newest first. */
  readonly #kept = new Map<number, Floor[]>();
  /** With how many partitions stand on it. */
  readonly #byName = new Map<string, { readonly floor: Floor; users: number }>();
  /** What each peer has named last, and what it was told last. */
  readonly #heard = new Map<string, Words>();
  readonly #told = new Map<string, Words>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, members: Lives) {
    this.#clock = clock;
    this.#members = members;
  }

  /** The floor of this name; undefined if it is not known here. */
  find(name: string): Floor | undefined {
    return this.#byName.get(name)?.floor;
  }

  /** The newest floor of a partition. */
  newest(partition: number): Floor {
    return this.#kept.get(partition)?.[0] ?? Floor.NONE;
  }

  /** Its name, for a request whose answer may lie on it. */
  names(partition: number): readonly string[] | undefined {
    const newest = this.#kept.get(partition)?.[0];
    return newest === undefined ? undefined : [newest.hash];
  }

  /**
   * Contexts of the partition may lie on this floor from now on; those before it are still known
   * for a while.
   */
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

  /** A peer says that it knows these floors. */
  heard(peer: string, floors: readonly PartitionFloor[]): void {
    this.#note(this.#heard, peer, { life: this.#members.lifeOf(peer), floors });
  }

  /**
   * The floors of these partitions of which a peer has not been told. `told` is called once it has
   * answered, and counts for the life in which the peer was asked.
   */
  telling(
    peer: string,
    partitions: readonly number[],
  ): { untold: readonly PartitionFloor[]; told: () => void } {
    const life = this.#members.lifeOf(peer);
    const untold = partitions.flatMap((partition) => {
      const name = this.newest(partition).hash;
      const told = this.#told.get(peer);
      const isTold = told?.life === life && told?.names.get(partition) === name;
      return name === '' || isTold ? [] : [{ partition, name }];
    });
    return { untold, told: () => this.#note(this.#told, peer, { life, floors: untold }) };
  }

  /** The floor on which a peer can read contexts of a partition. */
  knownTo(peer: string, partition: number): Floor | undefined {
    const words = this.#heard.get(peer);
    const name = words?.names.get(partition);
    return name === undefined || words?.life !== this.#members.lifeOf(peer)
      ? undefined
      : this.find(name);
  }

  /** A message with contexts of a partition, for any peers. */
  outgoing(partition: number, message: StoreRequest | PullRequest): Outgoing {
    return new Outgoing(this, this.#clock, { partition, message });
  }

  /** The peer does not know the floor any more. */
  forget(peer: string, partition: number): void {
    this.#heard.get(peer)?.names.delete(partition);
  }

  #note(
    of: Map<string, Words>,
    peer: string,
    { life, floors }: { life: string | undefined; floors: readonly PartitionFloor[] },
  ): void {
    let words = of.get(peer);
    if (words?.life !== life || words === undefined) words = { life, names: new Map() };
    of.set(peer, words);
    for (const { partition, name } of floors) words.names.set(partition, name);
  }
}

/** Who is sent messages. */
export interface Receiver {
  readonly id: string;
  readonly data: Pick<RpcClient, 'requestPacked'>;
}

/**
 * One message for several peers: packed once for each floor that they know, which is mostly the
 * same.
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

  /** Sends it to a peer; if that does not know the floor, again and whole, within the same time. */
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
