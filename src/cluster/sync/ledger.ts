/** What this node has heard from the other owners of each partition: what they have seen, and with whom it has caught up. */
import { PARTITIONS } from '../../base/limits.ts';
import type { CausalContext } from '../../core/causal-context.ts';
import type { Replica } from '../../storage/replica.ts';

/** What one member has last said of its replica of a partition. */
export interface Report {
  /** What it has seen, durably. */
  readonly clock: CausalContext;
  readonly isComplete: boolean;
}

interface Entry {
  readonly reports: Map<string, Report>;
  /** Members that do not own the partition: whether they hold any of it. */
  readonly guests: Map<string, boolean>;
}

/** One entry per partition. */
export class Ledger {
  /**
   * Members with whom a replica has caught up; true where theirs was complete. Of this very replica: one that takes its place, on a new
   * store in the same process, begins anew.
   */
  readonly #caughtUp = new WeakMap<Replica, Map<string, boolean>>();
  readonly #entries: readonly Entry[] = Array.from({ length: PARTITIONS }, () => ({
    reports: new Map<string, Report>(),
    guests: new Map<string, boolean>(),
  }));

  #entry(partition: number): Entry {
    return this.#entries[partition] as Entry;
  }

  /** A member has told its clock. */
  report(partition: number, member: string, report: Report): void {
    this.#entry(partition).reports.set(member, report);
  }

  /** Who is to hold what has changed: nobody has said anything yet. */
  forgetReports(): void {
    for (const { reports } of this.#entries) reports.clear();
  }

  /** The last reports of these members, or undefined where one has not reported yet. */
  reports(partition: number, members: readonly string[]): Report[] | undefined {
    const { reports } = this.#entry(partition);
    const found = members.flatMap((member) => reports.get(member) ?? []);
    return found.length === members.length ? found : undefined;
  }

  /** A member that does not own the partition has said whether it holds any of it. */
  holdsAsGuest(partition: number, member: string, holds: boolean): void {
    this.#entry(partition).guests.set(member, holds);
  }

  /** Whether all of these members have said that they hold nothing of the partition. */
  isWithoutGuests(partition: number, members: readonly string[]): boolean {
    const { guests } = this.#entry(partition);
    return members.every((member) => guests.get(member) === false);
  }

  /** The own replica has all that the member's had. */
  caughtUp(replica: Replica, member: string, isComplete: boolean): void {
    const members = this.#caughtUp.get(replica) ?? new Map<string, boolean>();
    members.set(member, isComplete || members.get(member) === true);
    this.#caughtUp.set(replica, members);
  }

  /** The own replica is not kept up to date any more. */
  fellBehind(replica: Replica): void {
    this.#caughtUp.delete(replica);
  }

  /**
   * Whether the own replica cannot have missed an acknowledged write: it has caught up with N − W + 1 complete owners, so with one
   * of any W; or with all others, complete or not, so that nobody is left who might know more.
   */
  hasCaughtUp(replica: Replica, others: readonly string[], enough: number): boolean {
    const members = this.#caughtUp.get(replica);
    const complete = others.filter((member) => members?.get(member) === true).length;
    return complete >= enough || others.every((member) => members?.has(member) === true);
  }
}
