/** What this node has heard the others say of their replicas. */
import { PARTITIONS } from '../../base/limits.ts';
import type { LivingActors } from '../../core/actor.ts';
import type { CausalContext } from '../../core/causal-context.ts';
import type { Statement } from '../../core/evidence.ts';
import type { Members } from '../members.ts';

interface Heard {
  /** What the member had seen when it was last heard of. */
  readonly clocks: Map<string, CausalContext>;
  readonly statements: Map<string, Statement>;
}

/** The last words of every member, per partition. */
export class Evidence {
  readonly #members: Members;
  readonly #living: readonly LivingActors[];
  readonly #heard: readonly Heard[] = Array.from({ length: PARTITIONS }, () => ({
    clocks: new Map<string, CausalContext>(),
    statements: new Map<string, Statement>(),
  }));

  constructor(members: Members, living: readonly LivingActors[]) {
    this.#members = members;
    this.#living = living;
  }

  #of(partition: number): Heard {
    return this.#heard[partition] as Heard;
  }

  /** A member says this of its replica. */
  note(partition: number, member: string, statement: Statement): void {
    this.#living[partition]?.heard(statement.actor);
    // A log must not be cut on the word of one that cannot read all that it has seen.
    if (statement.isWhole) this.#of(partition).clocks.set(member, statement.clock);
    this.#of(partition).statements.set(member, statement);
  }

  /**
   * A member has seen this. It is enough to cut a log by, and for nothing else: it is no answer to a
   * question, and was not said under a fence.
   */
  noteClock(partition: number, member: string, { clock, actor }: Pick<Statement, 'clock'> & { actor?: string }): void {
    if (actor !== undefined) this.#living[partition]?.heard(actor);
    this.#of(partition).clocks.set(member, clock);
  }

  /** What a member has last said, if its node has not begun another life since. */
  statement(partition: number, member: string): Statement | undefined {
    const statement = this.#of(partition).statements.get(member);
    return statement?.life === this.#members.lifeOf(member) ? statement : undefined;
  }

  /** What these members have seen, or undefined if one was never heard of. */
  clocks(partition: number, members: readonly string[]): CausalContext[] | undefined {
    const { clocks } = this.#of(partition);
    const found = members.flatMap((member) => clocks.get(member) ?? []);
    return found.length === members.length ? found : undefined;
  }

  /** The holders have changed: what a member said as a holder of other partitions says nothing of these. */
  forget(): void {
    for (const { clocks, statements } of this.#heard) {
      clocks.clear();
      statements.clear();
    }
  }
}
