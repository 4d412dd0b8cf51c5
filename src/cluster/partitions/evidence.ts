/** Evidence: the clocks and statements that other members have sent about one partition. */
import type { CurrentActors } from '../../core/causality/actor.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { RememberedWrite } from '../../core/quorum/decision.ts';
import type { MemberLives } from './floors.ts';

type SeenStatement = Pick<Statement, 'clock'> & Partial<Pick<Statement, 'actor' | 'isWhole'>>;

interface ReceivedStatement {
  readonly statement: Statement;
  /**
   * The id of the replica here that asked. A statement to its predecessor was not made under the
   * fence of this replica, so it must not make this one complete.
   */
  readonly asker: string;
}

/** A replica of this node that asks. */
export interface AskingReplica {
  readonly id: string;
  learn(memories: readonly RememberedWrite[]): void;
}

/** The parts of a node that evidence needs. */
export interface EvidenceParts {
  readonly members: MemberLives & { otherHolders(partition: number): readonly string[] };
  /** This node's own replicas. `find` returns undefined while the disk has failed. */
  readonly store: { find(partition: number): AskingReplica | undefined };
}

/** The last clock and the last statement of every member about one partition. */
export class Evidence {
  readonly #partition: number;
  readonly #parts: EvidenceParts;
  readonly #actors: Pick<CurrentActors, 'observe'>;
  readonly #clocks = new Map<string, CausalContext>();
  readonly #statements = new Map<string, ReceivedStatement>();

  /** `actors` learns the actors that members name. */
  constructor(partition: number, parts: EvidenceParts, actors: Pick<CurrentActors, 'observe'>) {
    this.#partition = partition;
    this.#parts = parts;
    this.#actors = actors;
  }

  /**
   * Notes the answer of a member to the replica of this id. The replica must also learn the
   * memories in it, or it would count as complete without them.
   */
  noteStatement(asker: string, member: string, statement: Statement): void {
    const replica = this.#parts.store.find(this.#partition);
    if (replica?.id === asker) replica.learn(statement.memories ?? []);
    this.noteClock(member, statement);
    this.#statements.set(member, { statement, asker });
  }

  /**
   * Notes the clock of a member. A clock alone only allows this node to cut its log: it does not
   * answer a question, and the member made no fence for it.
   */
  noteClock(member: string, { clock, actor, isWhole }: SeenStatement): void {
    if (actor !== undefined) this.#actors.observe(actor);
    // A member that cannot read all of its keys may take them from the log here. Its clock must not
    // cut that log.
    if (isWhole !== false) this.#clocks.set(member, clock);
  }

  /**
   * The last answer of a member to the replica of this id; undefined if the node of that member has
   * begun another life since.
   */
  statement(asker: string, member: string): Statement | undefined {
    const answer = this.#statements.get(member);
    const isPresent =
      answer?.asker === asker && answer.statement.life === this.#parts.members.lifeOf(member);
    return isPresent ? answer.statement : undefined;
  }

  /** The last clocks of these members; undefined if one of them has sent none. */
  clocks(members: readonly string[]): CausalContext[] | undefined {
    const found: CausalContext[] = [];
    for (const member of members) {
      const clock = this.#clocks.get(member);
      if (clock === undefined) return undefined;
      found.push(clock);
    }
    return found;
  }

  /**
   * The last clocks of all other holders of the partition; undefined if one of them has sent none.
   */
  clocksOfOthers(): CausalContext[] | undefined {
    return this.clocks(this.#parts.members.otherHolders(this.#partition));
  }

  /**
   * Forgets everything, because the holders have changed. The statements of a member about its
   * former partitions are no evidence about its new ones.
   */
  forget(): void {
    this.#clocks.clear();
    this.#statements.clear();
  }
}
