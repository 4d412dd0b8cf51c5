/**
 * The knowledge of a node about each partition, apart from the data: the actors that live, the
 * floor on which contexts may lie, the fences that it has made, and whether its replica may be read.
 */
import { PARTITIONS } from '../../core/limits.ts';
import { CurrentActors } from '../../core/causality/actor.ts';
import type { Fence } from '../../core/quorum/write-quorum.ts';
import type { Fences } from './fences.ts';
import type { Floors, Lives, Outgoing } from './floors.ts';

/** The parts of a node that its views look at. */
export interface PartitionParts {
  readonly members: Lives;
  readonly floors: Pick<Floors, 'names' | 'outgoing'>;
  readonly fences: Pick<Fences, 'in'>;
  /** The own replicas; undefined while the disk has failed. */
  readonly store: {
    find(partition: number): { readonly standing: { readonly isUnconfirmed: boolean } } | undefined;
  };
}

/** One partition, as one node knows it. */
export class PartitionView {
  readonly partition: number;
  readonly #parts: PartitionParts;
  readonly #actors: CurrentActors;
  /** Reads that wait until the own replica counts. */
  #waiting: (() => void)[] = [];
  #isEnded = false;

  constructor(partition: number, parts: PartitionParts) {
    this.partition = partition;
    this.#parts = parts;
    this.#actors = new CurrentActors((name) => parts.members.lifeOf(name));
  }

  /** A replica names the actor under which it writes, or would write. */
  observe(actor: string): void {
    this.#actors.observe(actor);
  }

  /** Whether an actor never writes again. */
  isDead(actor: string): boolean {
    return this.#actors.isDead(actor);
  }

  /** The floors that the answer to a request may lie on, by name. */
  get floorNames(): readonly string[] | undefined {
    return this.#parts.floors.names(this.partition);
  }

  /** A message with contexts of the partition, for several peers. */
  outgoing(message: Parameters<Floors['outgoing']>[1]): Outgoing {
    return this.#parts.floors.outgoing(this.partition, message);
  }

  /** The fences that a write under way may need to know of. */
  get fences(): readonly Fence[] {
    return this.#parts.fences.in(this.partition);
  }

  /** Runs a read as soon as the own replica counts again after a start: at once if it does. */
  whenConfirmed(read: () => void): void {
    const isUnconfirmed = this.#parts.store.find(this.partition)?.standing.isUnconfirmed === true;
    if (this.#isEnded || !isUnconfirmed) return read();
    this.#waiting.push(read);
  }

  /** The own replica was compared with the others, or need not be: the reads that wait are run. */
  confirmed(): void {
    const reads = this.#waiting;
    this.#waiting = [];
    for (const read of reads) read();
  }

  /** No read waits any more, since the node stops. */
  end(): void {
    this.#isEnded = true;
    this.confirmed();
  }
}

/** All partitions, as one node knows them. */
export class Partitions {
  readonly #views: readonly PartitionView[];

  constructor(parts: PartitionParts) {
    this.#views = Array.from(
      { length: PARTITIONS },
      (_, partition) => new PartitionView(partition, parts),
    );
  }

  of(partition: number): PartitionView {
    return this.#views[partition] as PartitionView;
  }

  /** No read waits any more, since the node stops. */
  end(): void {
    for (const view of this.#views) view.end();
  }
}
