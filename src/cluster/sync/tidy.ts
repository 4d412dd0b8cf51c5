/**
 * What the clocks of the others allow a node to let go of: log entries that everybody has, a replica that is not needed here, and gaps
 * that nobody can fill.
 */
import type { Env } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import type { SyncLimits } from '../../base/limits.ts';
import { type LivingActors, nodeOfActor } from '../../core/actor.ts';
import { CausalContext } from '../../core/causal-context.ts';
import type { Replica } from '../../storage/replica.ts';
import type { Replicas } from '../../storage/replicas.ts';
import type { Members } from '../members.ts';
import type { Peer, Peers } from '../peers.ts';
import type { Ledger, Report } from './ledger.ts';

/** What tidying works on. */
export interface TidyOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly replicas: Replicas;
  readonly living: readonly LivingActors[];
  readonly ledger: Ledger;
  readonly limits: SyncLimits;
  /** Whether a replica was not changed lately. */
  readonly isAtRest: (partition: number) => boolean;
  /** Has a partition pulled from a peer. */
  readonly enqueue: (partition: number, peer: Peer) => void;
}

/** Looks through the replicas of one node. */
export class Tidy {
  readonly #options: TidyOptions;
  /** Since when a partition has gaps in its clock, or residue. */
  readonly #unsettledMs = new Map<number, number>();
  /** Guests dropped so far. */
  dropped = 0;

  constructor(options: TidyOptions) {
    this.#options = options;
  }

  /**
   * Dots of a dead actor that no owner has, and no guest can have, were lost with it. Until that is settled, what lies above them can
   * neither be stripped nor cut from the logs, and what is said of them stays as residue.
   */
  #settleLost(replica: Replica, reports: readonly Report[]): void {
    const { env, members, living, peers } = this.#options;
    const { partition, durableClock } = replica;
    const gaps = durableClock.gaps();
    if (gaps.isEmpty && replica.residues === 0) {
      this.#unsettledMs.delete(partition);
      return;
    }
    // Late messages may settle it yet.
    const sinceMs = this.#unsettledMs.get(partition) ?? env.clock.monotonicMs();
    this.#unsettledMs.set(partition, sinceMs);
    if (env.clock.monotonicMs() - sinceMs < this.#options.limits.lostAfterMs) return;
    // Equal clocks are not pulled for; but who the others are now, and what they have, must be known.
    for (const name of members.otherHolders(partition)) {
      const peer = peers.byId.get(name);
      if (peer !== undefined && peers.reach(name) === 'reachable') this.#options.enqueue(partition, peer);
    }
    const guests = new Set([...members.standIns(partition), ...peers.byId.keys()]);
    const others = [...guests].filter((name) => !members.holds(partition, name) && name !== members.self);
    const areComplete = replica.isComplete && reports.every(({ isComplete }) => isComplete);
    if (!areComplete || !this.#options.ledger.isWithoutGuests(partition, others)) return;
    living[partition]?.heard(replica.actor);
    // Who does not hold the partition, and is no guest either, has no living actor in it.
    const isDead = (actor: string): boolean =>
      living[partition]?.isDead(actor) === true || !members.holds(partition, nodeOfActor(actor));
    const isSettled = (actor: string): boolean =>
      isDead(actor) && reports.every(({ clock }) => clock.isEqualFor(actor, durableClock));
    const lost = gaps.filter(isSettled);
    if (!lost.isEmpty) replica.closeGaps(lost);
    replica.stripLost(isSettled);
  }

  /** Cuts the log, or drops a guest, where the others' clocks allow it. */
  look(partition: number): void {
    const replica = this.#options.replicas.find(partition);
    if (replica === undefined || (replica.clock.isEmpty && replica.residues === 0)) return;
    const { members, ledger } = this.#options;
    const isHolder = members.holds(partition);
    // Late hearsay about a partition that this node has given up already.
    if (!isHolder && replica.clock.isEmpty) return this.#drop(partition);
    const others = isHolder ? members.otherHolders(partition) : members.owners(partition);
    const reports = ledger.reports(partition, others);
    if (reports === undefined) return;
    if (!isHolder) {
      if (reports.length > 0 && reports.every(({ clock, isComplete }) => isComplete && clock.covers(replica.clock)))
        this.#drop(partition);
      return;
    }
    this.#settleLost(replica, reports);
    const isWorthIt = replica.log.length >= this.#options.limits.logCutEntries || this.#options.isAtRest(partition);
    if (replica.log.length === 0 || !isWorthIt) return;
    const clocks = [replica.durableClock, ...reports.map(({ clock }) => clock)];
    void replica.cutLog(commonBases(clocks));
  }

  #drop(partition: number): void {
    const { replicas, env } = this.#options;
    replicas.drop(partition).then(
      (isGone) => {
        this.dropped += Number(isGone);
        env.log.debug('guest dropped', { partition, isGone });
      },
      (error: unknown) => env.log.warn('guest not dropped', { partition, reason: messageOf(error) }),
    );
  }
}

/** What all of the clocks have in their bases. */
function commonBases(clocks: readonly CausalContext[]): CausalContext {
  const common = new CausalContext();
  for (const actor of clocks[0]?.actors() ?? []) {
    const base = Math.min(...clocks.map((clock) => clock.base(actor)));
    if (base > 0) common.addRanges(actor, [1, base]);
  }
  return common;
}
