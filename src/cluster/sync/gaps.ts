/**
 * Gaps: dots of dead actors that this replica lacks, below other dots of the same actor that it
 * has. Either they were lost with their actor and never acknowledged, or an unreachable member has
 * them.
 *
 * Until that is known, dots above a gap can be neither stripped from contexts nor cut from logs. So
 * this node asks every member, twice. If no member has the dots, it closes them: it remembers that
 * they will never arrive.
 */
import type { Env } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import type { SyncLimits } from '../limits.ts';
import { nodeOfActor } from '../../core/causality/actor.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { areHeldNowhere } from '../../core/causality/evidence.ts';
import { recordToContext } from '../../storage/records.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type { Questions } from './questions.ts';

/** The parts of a node that closing gaps uses. */
export interface GapsOptions {
  readonly env: Env;
  readonly members: Members;
  readonly store: Store;
  readonly partitions: Partitions;
  readonly questions: Questions;
  readonly limits: SyncLimits;
}

/** The dots that a replica lacked at some time. */
interface NotedDots {
  readonly missing: CausalContext;
  readonly atMs: number;
}

/** Closes the gaps of the replicas of one node. */
export class Gaps {
  readonly #options: GapsOptions;
  /** The missing dots by partition. Those that follow later are noted after these. */
  readonly #noted = new Map<number, NotedDots>();
  readonly #asking = new Set<number>();

  constructor(options: GapsOptions) {
    this.#options = options;
  }

  /** Notes the missing dots of a replica, and asks about those that were noted long ago. */
  check(replica: Replica): void {
    const { env, questions, members } = this.#options;
    const { partition } = replica;
    // A node that knows no other member cannot ask, and a member that it does not know may have the
    // dots.
    if (members.isLonely) return;
    const isWhole = replica.residues.count === 0 && replica.durableClock.gaps().isEmpty;
    const noted = this.#noted.get(partition);
    if (noted !== undefined && this.#isRecent(noted)) return;
    if (isWhole) return void this.#noted.delete(partition);
    if (this.#asking.has(partition) || (noted !== undefined && !questions.hasRoom)) return;
    this.#asking.add(partition);
    (noted === undefined ? this.#note(replica) : this.#closeIfLost(replica, noted))
      .catch((error: unknown) =>
        env.log.debug('gap not closed', { partition, reason: messageOf(error) }),
      )
      .finally(() => this.#asking.delete(partition));
  }

  #isRecent({ atMs }: NotedDots): boolean {
    const { env, limits } = this.#options;
    return env.clock.monotonicMs() - atMs < limits.lostAfterMs;
  }

  async #note(replica: Replica): Promise<void> {
    const missing = await this.#missing(replica);
    this.#noted.set(replica.partition, { missing, atMs: this.#options.env.clock.monotonicMs() });
  }

  /** Closes the dots of dead actors that were missing when they were noted, and still are. */
  async #closeIfLost(replica: Replica, noted: NotedDots): Promise<void> {
    const { env, questions, store } = this.#options;
    const { partition } = replica;
    const now = await this.#missing(replica);
    // The next question waits its full time, whatever the answer to this one.
    this.#noted.delete(partition);
    const missing = now
      .minus(now.minus(noted.missing))
      .filter((actor) => this.#isDead(partition, actor));
    if (missing.isEmpty) return;
    const isNowhere = (round: Parameters<typeof areHeldNowhere>[1]): boolean =>
      areHeldNowhere(missing, round);
    const round = await questions.askTwice(partition, questions.allOtherMembers(), isNowhere);
    if (round === undefined || store.find(partition) !== replica || !replica.isWhole) return;
    const still = missing.minus(replica.clock).minus(replica.asideDots);
    const dead = still.filter((actor) => this.#isDead(partition, actor));
    if (dead.isEmpty) return;
    await replica.closedDots.close(dead);
    env.log.info('gap closed: no member holds these writes', { partition, dots: String(dead) });
  }

  /**
   * Whether an actor is dead. An actor of an unknown node may live, and a member unknown to this
   * node may have its writes. A node that begins on an empty disk and cannot reach the others knows
   * none of them.
   */
  #isDead(partition: number, actor: string): boolean {
    const { partitions, members } = this.#options;
    return members.get(nodeOfActor(actor)) !== undefined && partitions.of(partition).isDead(actor);
  }

  /** The dots that this replica lacks, below the last dot that its clock or a residue has. */
  async #missing(replica: Replica): Promise<CausalContext> {
    const { durableClock } = replica;
    const named = durableClock.gaps();
    await replica.rows.each('r', ([row, record]) => {
      const residue = recordToContext(record, row);
      for (const actor of residue.actors()) named.addRanges(actor, [1, residue.max(actor)]);
    });
    return named.minus(replica.clock).minus(replica.asideDots);
  }
}
