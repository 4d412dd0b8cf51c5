/** Evidence: the clocks and statements that other members have sent about their replicas. */
import { PARTITIONS } from '../../core/limits.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { PartitionView } from '../partitions/partition-view.ts';

interface Heard {
  /** The last clock that each member has sent. */
  readonly clocks: Map<string, CausalContext>;
  readonly statements: Map<string, HeardStatement>;
}

type SeenStatement = Pick<Statement, 'clock'> & Partial<Pick<Statement, 'actor' | 'isWhole'>>;

interface HeardStatement {
  readonly statement: Statement;
  /**
   * The id of the replica here that asked. A statement to its predecessor was not made under the
   * fence of this replica, so it must not make this one complete.
   */
  readonly asker: string;
}

/** The parts of a node that evidence uses. */
export interface EvidenceOptions {
  readonly members: Members;
  readonly partitions: { of(partition: number): Pick<PartitionView, 'observe'> };
  readonly store: Pick<Store, 'find'>;
}

/** The last clock and the last statement of every member, by partition. */
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
   * Notes the answer of a member to a replica of this node. The replica must also learn the
   * memories in it, or it would count as complete without them.
   */
  note(asker: Pick<Replica, 'partition' | 'id'>, member: string, statement: Statement): void {
    const { partition, id } = asker;
    const replica = this.#store.find(partition);
    if (replica?.id === id) replica.learn(statement.memories ?? []);
    this.noteClock(partition, member, statement);
    this.#of(partition).statements.set(member, { statement, asker: id });
  }

  /**
   * Notes the clock of a member. A clock alone only allows this node to cut its log: it does not
   * answer a question, and the member made no fence for it.
   */
  noteClock(partition: number, member: string, { clock, actor, isWhole }: SeenStatement): void {
    if (actor !== undefined) this.#partitions.of(partition).observe(actor);
    // A member that cannot read all of its keys may take them from the log here. Its clock must not
    // cut that log.
    if (isWhole !== false) this.#of(partition).clocks.set(member, clock);
  }

  /**
   * The last answer of a member to this replica; undefined if the node of that member has begun
   * another life since.
   */
  statement(
    { partition, id }: Pick<Replica, 'partition' | 'id'>,
    member: string,
  ): Statement | undefined {
    const answer = this.#of(partition).statements.get(member);
    const isPresent =
      answer?.asker === id && answer.statement.life === this.#members.lifeOf(member);
    return isPresent ? answer.statement : undefined;
  }

  /** The last clocks of these members; undefined if one of them has sent none. */
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

  /**
   * The last clocks of all other holders of a partition; undefined if one of them has sent none.
   */
  clocksOfOthers(partition: number): CausalContext[] | undefined {
    return this.clocks(partition, this.#members.otherHolders(partition));
  }

  /**
   * Forgets everything, because the holders have changed. The statements of a member about its
   * former partitions are no evidence about its new ones.
   */
  forget(): void {
    for (const { clocks, statements } of this.#heard) {
      clocks.clear();
      statements.clear();
    }
  }
}
