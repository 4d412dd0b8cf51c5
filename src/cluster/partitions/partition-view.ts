/**
 * The knowledge of a node about each partition, apart from the data: the current actors, the floor
 * of its contexts, and the fences that the node has made. The view also keeps the statements of
 * other members, and says whether the replica here is at rest and may be read.
 */
import { callAll } from '../../base/call-all.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { CurrentActors } from '../../core/causality/actor.ts';
import { type AskingReplica, Evidence, type EvidenceParts } from './evidence.ts';
import { Fences, type FencesParts } from './fences.ts';
import type { Floors } from './floors.ts';

interface ViewedReplica extends AskingReplica {
  readonly status: { readonly isUnconfirmed: boolean; confirm(): void };
}

/** The parts of a node that its views need. */
export interface PartitionParts extends EvidenceParts, Omit<FencesParts, 'members'> {
  readonly floors: Pick<Floors, 'names'>;
  readonly store: { find(partition: number): ViewedReplica | undefined };
  /** The time without a change after which a replica is at rest. */
  readonly restMs: number;
}

/** One partition, as one node knows it. */
export class PartitionView {
  readonly partition: number;
  /** The clocks and statements that other members have sent. */
  readonly evidence: Evidence;
  readonly fences: Fences;
  /** The members with which this node's own replica was compared since the start. */
  readonly comparedMembers = new Set<string>();
  readonly #parts: PartitionParts;
  readonly #actors: CurrentActors;
  /** Reads that wait until this node's own replica counts. */
  #waiting: (() => void)[] = [];
  #isEnded = false;
  /** The number of commits of this node's own replica when it was last seen to change. */
  #lastChange: { readonly commits: number; readonly atMs: number } | undefined;

  constructor(partition: number, parts: PartitionParts) {
    this.partition = partition;
    this.#parts = parts;
    this.#actors = new CurrentActors((name) => parts.members.lifeOf(name));
    this.evidence = new Evidence(partition, parts, this.#actors);
    this.fences = new Fences(partition, parts);
  }

  /** Notes the actor under which a replica writes, or would write. */
  observe(actor: string): void {
    this.#actors.observe(actor);
  }

  /** Whether an actor will never write again. */
  isDead(actor: string): boolean {
    return this.#actors.isDead(actor);
  }

  /** The names of the floors that the answer to a request may use. */
  get floorNames(): readonly string[] | undefined {
    return this.#parts.floors.names(this.partition);
  }

  /**
   * Whether this node's own replica is at rest, if this is the number of its commits. Only at rest
   * does a difference from another replica mean more than a write on its way.
   */
  isAtRest(commits: number): boolean {
    const { clock, restMs } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (this.#lastChange?.commits === commits) return nowMs - this.#lastChange.atMs >= restMs;
    this.#lastChange = { commits, atMs: nowMs };
    return false;
  }

  /** Whether the replica was found at rest, with this number of commits. Notes nothing. */
  wasAtRest(commits: number): boolean {
    const { clock, restMs } = this.#parts;
    const last = this.#lastChange;
    return last?.commits === commits && clock.monotonicMs() - last.atMs >= restMs;
  }

  /** Runs a read as soon as this node's own replica counts again after a start, perhaps at once. */
  whenConfirmed(read: () => void): void {
    const isUnconfirmed = this.#parts.store.find(this.partition)?.status.isUnconfirmed === true;
    if (this.#isEnded || !isUnconfirmed) return read();
    this.#waiting.push(read);
  }

  /** Lets the own replica count: it has been compared with others, or need not be. */
  confirm(): void {
    this.#parts.store.find(this.partition)?.status.confirm();
    this.#runWaiting();
  }

  #runWaiting(): void {
    const reads = this.#waiting;
    this.#waiting = [];
    callAll(reads, (read) => read());
  }

  /** Runs the waiting reads, and lets no other read wait, because the node stops. */
  end(): void {
    this.#isEnded = true;
    this.#runWaiting();
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

  /** Forgets the evidence about all partitions, because the holders have changed. */
  forgetEvidence(): void {
    for (const { evidence } of this.#views) evidence.forget();
  }

  /** Ends the waiting in all partitions, because the node stops. */
  end(): void {
    for (const view of this.#views) view.end();
  }
}
