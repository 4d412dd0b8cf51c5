/** The lifecycle of this node, from joining to gone: when it may enter its next state. */
import type { Env } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { BEGIN_WAIT_MS, FAREWELL_MEMBERS, FAREWELL_MS } from '../limits.ts';
import type { MemberState } from '../../core/placement/member-list.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from './members.ts';
import type { Peers } from './peers.ts';
import type { Seeds } from './seeds.ts';
import { type Wait, WaitLog, waitOf } from './wait.ts';

/** The parts of a node that the lifecycle uses. */
export interface LifecycleOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly seeds: Seeds;
  /** Whether the list on the disk has this next placement. */
  readonly isKept: (nextHash: number) => boolean;
  readonly store: Store;
  /** The members that must take the writes that this node holds as a fallback. */
  readonly writeTakers: () => readonly string[];
  /**
   * Whether this node may begin a cluster. It must not if a node has refused it, or if it has begun
   * to join: there is a cluster then.
   */
  readonly mayBegin: () => boolean;
  /** Called when this node is gone, and has nothing that the others lack. */
  readonly onGone: () => void;
  /** Called when this node begins a cluster. */
  readonly onBegin: () => void;
}

/**
 * The progress of this node with the partitions of which it is a pending owner. If the node is
 * gone: with those that it hands over.
 */
export interface HandoffProgress {
  readonly done: number;
  readonly all: number;
  /** The estimated time for the rest; undefined if there is no estimate. */
  readonly etaMs: number | undefined;
}

/** Decides when this node joins, and when it has left. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #startMs: number;
  #isOver = false;
  #state: MemberState | undefined;
  /** The number of replicas that this node had when it learnt that it is gone. */
  #replicasWhenGone: number | undefined;
  #nextHash = 0;
  #handoffSinceMs = 0;
  /** The members that know that this node is gone. */
  readonly #informed = new Set<string>();
  #farewellSinceMs: number | undefined;
  #hasWarned = false;
  readonly #waitLog = new WaitLog();

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#startMs = options.env.clock.monotonicMs();
  }

  /** The progress with the partitions that this node does not own yet, or must still hand over. */
  progress(): HandoffProgress {
    const { members, store } = this.#options;
    if (this.#replicasWhenGone !== undefined) {
      const held = store.heldReplicas ?? this.#replicasWhenGone;
      const all = Math.max(this.#replicasWhenGone, held);
      return this.#progressOf(all - held, all);
    }
    const pending = members.ownPendingPartitions;
    const done = pending.filter((partition) => store.find(partition)?.isComplete === true);
    return this.#progressOf(done.length, pending.length);
  }

  /** The wait of this node, if it joins or leaves a cluster that has begun. */
  get waitsFor(): Wait | undefined {
    const { members } = this.#options;
    const isUnderWay = ['joining', 'leaving'].includes(members.own.state);
    const isBorn = members.in('up', 'leaving').length > 0;
    return isUnderWay && isBorn ? waitOf(members, this.#options) : undefined;
  }

  #progressOf(done: number, all: number): HandoffProgress {
    const elapsedMs = this.#options.env.clock.monotonicMs() - this.#handoffSinceMs;
    const canTell = done > 0 && done < all;
    return {
      done,
      all,
      etaMs: canTell ? Math.round((elapsedMs * (all - done)) / done) : undefined,
    };
  }

  /** Notices another next placement. */
  #followNextPlacement(): void {
    const { env, members } = this.#options;
    if (members.nextHash === this.#nextHash) return;
    this.#nextHash = members.nextHash;
    this.#handoffSinceMs = env.clock.monotonicMs();
    const { all } = this.progress();
    if (all > 0) env.log.info('taking over partitions', { partitions: all });
  }

  /**
   * Begins to leave. A node that joins owns nothing, and is no fallback. So it is gone at once, and
   * then hands over what it has taken as a pending owner. Throws if this node is the last member.
   * Also throws if it joins and does not know the owners yet: it may be one that has lost its disk.
   */
  leave(): void {
    const { members } = this.#options;
    if (members.own.state === 'joining') {
      members.assertReady();
      return this.#advance('gone');
    }
    if (members.in('up').every(({ name }) => name === members.self)) {
      throw new MecError('bad-parameter', {
        detail: 'This is the only node that is up: its data would have nowhere to go',
      });
    }
    members.enterState('leaving');
  }

  /** Enters the last state of a join or leave. */
  #advance(state: 'up' | 'gone'): void {
    const { members, env } = this.#options;
    this.#state = state;
    members.enterState(state);
    env.log.info(state === 'up' ? 'joined the cluster' : 'left the cluster', {
      members: members.in('up').length,
    });
  }

  /** Runs at every heartbeat. */
  onHeartbeat(): void {
    const { members, env, isKept, onBegin } = this.#options;
    const { state } = members.own;
    const before = this.#state;
    this.#state = state;
    if (state === 'gone') {
      if (before !== 'gone' && before !== 'leaving') {
        env.log.error(
          'another node has declared this one gone; handing over what only this one has, and ending',
        );
      }
      return this.#endWhenHandedOver();
    }
    const isBorn = members.in('up', 'leaving').length > 0;
    if (!isBorn) {
      if (this.#mayBeginCluster()) {
        env.log.info('a cluster begins', { members: members.in('joining').length });
        members.beginCluster();
        onBegin();
      }
      return;
    }
    this.#followNextPlacement();
    const { done, all } = this.progress();
    const isSettled = done === all && isKept(members.nextHash);
    if (state !== 'leaving') members.setSettled(isSettled ? members.nextHash : 0);
    if (state === 'up') return;
    const wait = waitOf(members, this.#options);
    if (wait !== undefined) {
      this.#waitLog.note(env.log, state, { wait, nowMs: env.clock.monotonicMs() });
      return;
    }
    this.#advance(state === 'joining' ? 'up' : 'gone');
  }

  /**
   * Whether this node may begin a cluster. All nodes of the configuration begin the first cluster
   * together. After a while, a majority of them begins without the others. Fewer never do: a node
   * that has lost its disk would begin another cluster while all others are down.
   */
  #mayBeginCluster(): boolean {
    const { env, members, peers, seeds, mayBegin } = this.#options;
    if (!mayBegin()) return false;
    if (seeds.areFound) return true;
    if (env.clock.monotonicMs() - this.#startMs < BEGIN_WAIT_MS) return false;
    if (!seeds.isMajorityFound) {
      env.log.warn('waiting for a majority of the nodes that the configuration names');
      return false;
    }
    const first = members
      .in('joining')
      .find(({ name }) => name === members.self || peers.reach(name) === 'reachable');
    if (first?.name !== members.self) return false;
    env.log.warn(
      'not all nodes that the configuration names can be reached; beginning without them',
    );
    return true;
  }

  /** Notes that a member knows that this node is gone. */
  noteGoneKnownBy(name: string): void {
    this.#informed.add(name);
  }

  /** Whether this node is gone, and no member is known to have heard of it. */
  get isGoneUnknown(): boolean {
    return this.#options.members.own.state === 'gone' && this.#informed.size === 0;
  }

  /**
   * Ends this node when every replica here was dropped, because its owners have all of its data.
   * Enough members must know that the node is gone. Otherwise they would count on it for ever.
   */
  #endWhenHandedOver(): void {
    const { env, store, onGone } = this.#options;
    if (this.#replicasWhenGone === undefined) this.#handoffSinceMs = env.clock.monotonicMs();
    this.#replicasWhenGone ??= store.heldReplicas;
    if (this.#isOver || store.heldReplicas !== 0 || !this.#isGoneKnown()) return;
    this.#isOver = true;
    onGone();
  }

  /**
   * Whether enough members know that this node is gone. After `FAREWELL_MS` one is enough. Until
   * one knows it, this node continues to tell.
   */
  #isGoneKnown(): boolean {
    const { env, members } = this.#options;
    const staying = members.in('up', 'joining');
    const informed = staying.filter(({ name }) => this.#informed.has(name)).length;
    const enough = Math.min(FAREWELL_MEMBERS, Math.ceil(staying.length / 2));
    if (informed >= enough) return true;
    const nowMs = env.clock.monotonicMs();
    this.#farewellSinceMs ??= nowMs;
    if (nowMs - this.#farewellSinceMs < FAREWELL_MS) return false;
    const event = 'few members know that this node is gone';
    if (!this.#hasWarned) env.log.warn(event, { informed, enough });
    this.#hasWarned = true;
    return informed > 0;
  }
}
