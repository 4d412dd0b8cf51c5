/** What this node has heard the others say of their replicas. */
import { PARTITIONS } from '../../core/limits.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { PartitionView } from '../partitions/partition-view.ts';

interface Heard {
  /** What the member had seen when it was last heard of. */
  readonly clocks: Map<string, CausalContext>;
  readonly statements: Map<string, HeardStatement>;
}

type SeenStatement = Pick<Statement, 'clock'> & Partial<Pick<Statement, 'actor' | 'isWhole'>>;

interface HeardStatement {
  readonly statement: Statement;
  /** The own replica that asked: what was said to its predecessor was not said under its fence. */
  readonly asker: string;
}

/** What evidence works on. */
export interface EvidenceOptions {
  readonly members: Members;
  readonly partitions: { of(partition: number): Pick<PartitionView, 'observe'> };
  readonly store: Pick<Store, 'find'>;
}

/** The last words of every member, per partition. */
export class Evidence {
  readonly #members: Members;
  readonly #partitions: EvidenceOptions['partitions'];
  readonly #store: Pick<Store, 'find'>;
  readonly #heard: readonly Heard[] = Array.from({ length: PARTITIONS }, () => ({
    clocks: new Map<string, CausalContext>(),
    statements: new Map<string, HeardStatement>(),
  }));

  constructor({ members, partitions, store }: EvidenceOptions) {
    this.#members = members;
    this.#partitions = partitions;
    this.#store = store;
  }

  #of(partition: number): Heard {
    return this.#heard[partition] as Heard;
  }

  /**
   * A member answers this to a replica of this node, which learns what the member remembers before
   * it may count as complete.
   */
  note(asker: Pick<Replica, 'partition' | 'id'>, member: string, statement: Statement): void {
    const { partition, id } = asker;
    const replica = this.#store.find(partition);
    if (replica?.id === id) replica.learn(statement.memories ?? []);
    this.noteClock(partition, member, statement);
    this.#of(partition).statements.set(member, { statement, asker: id });
  }

  /**
   * A member has seen this. It is enough to cut a log by, and for nothing else: it is no answer to a
   * question, and was not said under a fence.
   */
  noteClock(partition: number, member: string, { clock, actor, isWhole }: SeenStatement): void {
    if (actor !== undefined) this.#partitions.of(partition).observe(actor);
    // Nor by the clock of one that cannot read all that it has seen.
    if (isWhole !== false) this.#of(partition).clocks.set(member, clock);
  }

  /** What a member has last answered to this replica, if its node has not begun another life since. */
  statement({ partition, id }: Pick<Replica, 'partition' | 'id'>, member: string): Statement | undefined {
    const answer = this.#of(partition).statements.get(member);
    const isPresent = answer?.asker === id && answer.statement.life === this.#members.lifeOf(member);
    return isPresent ? answer.statement : undefined;
  }

  /** What these members have seen, or undefined if one was never heard of. */
  clocks(partition: number, members: readonly string[]): CausalContext[] | undefined {
    const { clocks } = this.#of(partition);
    const found: CausalContext[] = [];
    for (const member of members) {
      const clock = clocks.get(member);
      if (clock === undefined) return undefined;
      found.push(clock);
    }
    return found;
  }

  /** The last clock of each other holder of a partition; undefined if one has sent none. */
  clocksOfOthers(partition: number): CausalContext[] | undefined {
    return this.clocks(partition, this.#members.otherHolders(partition));
  }

  /** The holders have changed: what a member said as a holder of other partitions says nothing of these. */
  forget(): void {
    for (const { clocks, statements } of this.#heard) {
      clocks.clear();
      statements.clear();
    }
  }
}
