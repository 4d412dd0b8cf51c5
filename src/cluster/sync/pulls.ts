/**
 * The schedule of pulls: which partition is pulled from which peer, how often, and how fast. A pull
 * reads the peer's log, or a snapshot if the log does not reach back far enough.
 */
import type { Env } from '../../base/env.ts';
import { addTo, type Recorder } from '../../base/recorder.ts';
import { MecError, messageOf } from '../../base/errors.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { SyncLimits } from '../limits.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { SyncStatus } from '../status.ts';
import type { Completeness } from './completeness.ts';
import { closeToo, createClaimCheck } from './claims.ts';
import { FalseClockError, pull, type PullContext, type PullResult } from './pull.ts';
import { type PullJob, PullQueue } from './pull-queue.ts';
import type { Questions } from './questions.ts';
import { makeStatement } from './statement.ts';
import { takeSnapshot } from './snapshot.ts';
import { Throttle } from './throttle.ts';
import { createWitness } from './witness.ts';

/** The parts of a node that pulls use. */
export interface PullsOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly floors: Floors;
  readonly partitions: Partitions;
  /** The life of this process. */
  readonly life: string;
  readonly limits: SyncLimits;
  readonly completeness: Completeness;
  readonly questions: Questions;
  /** Counts what was pulled; undefined if it is not counted. */
  readonly recorder?: Recorder | undefined;
}

/** Pulls for the replicas of one node. */
export class Pulls {
  readonly #options: PullsOptions;
  /** The pulls that wait, and those that run. */
  readonly queue: PullQueue;
  /** Slows down the intake of partitions that this node does not own yet. */
  readonly throttle: Throttle;
  /** When a partition was last pulled from a peer. */
  readonly #pulledMs = new Map<string, number>();
  #isStopped = false;
  #pulls = 0;
  #failures = 0;

  constructor(options: PullsOptions) {
    const { env, limits } = options;
    this.#options = options;
    this.throttle = new Throttle(env.clock, limits.pendingBytesPerSecond);
    this.queue = new PullQueue({
      nowMs: () => options.peers.awakeMs,
      concurrency: limits.concurrency,
      run: (job) => this.#pull(job),
      isWanted: (job) => this.#isWanted(job),
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.queue.clear();
  }

  /** For `/status`. */
  status(): Pick<SyncStatus, 'waiting' | 'running' | 'oldest' | 'pulls' | 'failures'> {
    const { waiting, running, oldest } = this.queue;
    return { waiting, running, oldest, pulls: this.#pulls, failures: this.#failures };
  }

  /** Enqueues a pull of a partition from a peer, unless the last one was a moment ago. */
  enqueue(partition: number, peer: string): void {
    const { store, partitions } = this.#options;
    const replica = store.find(partition);
    // A fallback does not catch up: the owners catch up with it.
    if (this.#isStopped || replica === undefined || !this.#options.members.holds(partition)) return;
    const name = `${partition} ${peer}`;
    const nowMs = this.#options.env.clock.monotonicMs();
    const { isComplete, commits } = replica;
    const isBusy = isComplete && !partitions.of(partition).isAtRest(commits.count);
    if (isBusy && nowMs - (this.#pulledMs.get(name) ?? -Infinity) < this.#options.limits.busyMs)
      return;
    this.#pulledMs.set(name, nowMs);
    this.queue.add(partition, peer);
  }

  /** Whether a pull must still be done. A peer out of reach is told as such. */
  #isWanted({ partition, peer }: PullJob): boolean {
    const { members, peers } = this.#options;
    return members.holds(partition) && peers.reachable([peer], 0).length > 0;
  }

  /** Pulls. Resolves with false if it must be tried again. */
  async #pull({ partition, peer: id }: PullJob): Promise<boolean> {
    const { members, peers, store, env, floors, recorder } = this.#options;
    try {
      const [peer] = peers.reachable([id], 0);
      // The next round with this peer tries again.
      if (peer === undefined || this.#isStopped) return true;
      this.#pulls += 1;
      const replica = store.of(partition);
      const isPending = !members.owns(partition);
      const throttle = isPending
        ? (bytes: number): Promise<void> => this.queue.hold(partition, this.throttle.take(bytes))
        : undefined;
      const makeOwnStatement = (own: Replica): Statement => makeStatement(this.#options, own);
      const context: PullContext = {
        self: members.self,
        mayBeTakenForDead: members.mayBeTakenForDead,
        replica,
        peer,
        limits: this.#options.limits,
        floors,
        makeStatement: makeOwnStatement,
        closeToo: (lost) => closeToo(this.#options, { replica, peer }, lost),
        throttle,
        onPage: (objects) => {
          this.queue.noteProgress(partition);
          if (recorder !== undefined) addTo(recorder.pulledObjects, id, objects);
        },
      };
      const rest = await this.#pullAndNote(context);
      const isDone = rest === 'none' || (rest === 'all' && (await this.#takeSnapshot(context)));
      if (!isDone) {
        this.#pullAgain(partition, id);
        return false;
      }
      this.#options.completeness.noteEqual(partition, id);
      this.#options.completeness.completeIfAllowed(partition);
      return true;
    } catch (error) {
      this.#failures += 1;
      if (recorder !== undefined) addTo(recorder.failedPulls, id);
      if (error instanceof MecError && error.code === 'damaged') store.handleDamage(error);
      const fields = { partition, peer: id, reason: messageOf(error) };
      if (error instanceof FalseClockError) env.log.error('clock of a peer refused', fields);
      else env.log.debug('catching up failed', fields);
      return false;
    }
  }

  /** Takes a snapshot, and then pulls the writes since its opening. */
  async #takeSnapshot(context: PullContext): Promise<boolean> {
    const { peer, replica } = context;
    const checks = {
      isFromOwner: () => this.#options.members.owners(replica.partition).includes(peer.id),
      isConfirmed: createWitness(this.#options, context),
      whyFalseClaim: createClaimCheck(this.#options, context),
    };
    if ((await takeSnapshot(context, checks)) === undefined) return false;
    return (await this.#pullAndNote(context)) === 'none';
  }

  /** Pulls, and notes the statement of the peer. Resolves with the rest that the peer has. */
  async #pullAndNote(context: PullContext): Promise<PullResult['rest']> {
    const { members, partitions } = this.#options;
    const { missedOwners } = members;
    const { statement, rest } = await pull(context);
    // The peer may have answered before a member ended. The answer then lacks later writes of that
    // member, and the end does not count for a replica that becomes complete after it.
    if (members.missedOwners !== missedOwners) return 'more';
    const { id, partition } = context.replica;
    partitions.of(partition).evidence.noteStatement(id, context.peer.id, statement);
    return rest;
  }

  #pullAgain(partition: number, peer: string): void {
    this.#pulledMs.delete(`${partition} ${peer}`);
    // The job has not ended yet, so its place in the queue is free in the next turn.
    this.#options.env.clock.defer(() => this.enqueue(partition, peer));
  }
}
