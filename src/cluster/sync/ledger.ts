/** What this node has heard from the other owners of each partition: what they have seen, and with whom it has caught up. */
import { PARTITIONS } from '../../base/limits.ts';
import type { CausalContext } from '../../core/causal-context.ts';

/** What one member has last said of its replica of a partition. */
export interface Report {
  /** What it has seen, durably. */
  readonly clock: CausalContext;
  readonly isComplete: boolean;
}

interface Entry {
  readonly reports: Map<string, Report>;
  /** Members with whom the own replica has caught up since it began; true where theirs was complete. */
  readonly caughtUp: Map<string, boolean>;
  /** Members that do not own the partition: whether they hold any of it. */
  readonly guests: Map<string, boolean>;
}

/** One entry per partition. */
export class Ledger {
  readonly #entries: readonly Entry[] = Array.from({ length: PARTITIONS }, () => ({
    reports: new Map<string, Report>(),
    caughtUp: new Map<string, boolean>(),
    guests: new Map<string, boolean>(),
  }));

  #entry(partition: number): Entry {
    return this.#entries[partition] as Entry;
  }

  /** A member has told its clock. */
  report(partition: number, member: string, report: Report): void {
    this.#entry(partition).reports.set(member, report);
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
  caughtUp(partition: number, member: string, isComplete: boolean): void {
    const { caughtUp } = this.#entry(partition);
    caughtUp.set(member, isComplete || caughtUp.get(member) === true);
  }

  /**
   * Whether the own replica cannot have missed an acknowledged write: it has caught up with N − W + 1 complete owners, so with one
   * of any W; or with all others, complete or not, so that nobody is left who might know more.
   */
  hasCaughtUp(partition: number, others: readonly string[], enough: number): boolean {
    const { caughtUp } = this.#entry(partition);
    const complete = others.filter((member) => caughtUp.get(member) === true).length;
    return complete >= enough || others.every((member) => caughtUp.has(member));
  }
}
