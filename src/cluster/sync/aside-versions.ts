/**
 * Salvages: versions that were read from a damaged disk and set aside
 * (`storage/replica/set-aside.ts`). If the dot of such a version arrives in another way, the
 * version is dropped, because its fate is known then.
 *
 * For the others this node asks every member, twice, whether it has seen the dot. If one has, the
 * version will come from there. If none has, this disk has the only copy, and the version is
 * adopted, with its dot as its whole context.
 */
import type { Env } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { Round } from '../../core/causality/evidence.ts';
import { isDamage } from '../../storage/damage.ts';
import * as keyspace from '../../storage/keyspace.ts';
import { type PackedVersion, recordToVersions } from '../../storage/records.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Questions } from './questions.ts';

/** The parts of a node that salvages use. */
export interface AsideVersionsOptions {
  readonly env: Env;
  readonly store: Store;
  readonly questions: Questions;
}

type Visit = (key: string, versions: readonly PackedVersion[]) => void;

/** Decides about the versions that are set aside in the replicas of one node. */
export class AsideVersions {
  readonly #options: AsideVersionsOptions;
  readonly #asking = new Set<number>();

  constructor(options: AsideVersionsOptions) {
    this.#options = options;
  }

  /** Decides about the versions that a replica has set aside, if it has any. */
  check(replica: Replica): void {
    const { env, questions } = this.#options;
    const { partition } = replica;
    if (replica.asideDots.isEmpty || this.#asking.has(partition) || !questions.hasRoom) return;
    this.#asking.add(partition);
    this.#decide(replica)
      .catch((error: unknown) =>
        env.log.debug('salvage not settled', { partition, reason: messageOf(error) }),
      )
      .finally(() => this.#asking.delete(partition));
  }

  async #decide(replica: Replica): Promise<void> {
    const { env, questions, store } = this.#options;
    const { partition } = replica;
    await this.#dropKnown(replica);
    if (replica.asideDots.isEmpty) return;
    const asked = replica.asideDots.clone();
    const round = await questions.askTwice(partition, questions.allOtherMembers(), () => true);
    if (round === undefined || store.find(partition) !== replica) return;
    const unseen = unseenBy(asked, round);
    if (unseen.isEmpty) return;
    const adoptions: Promise<void>[] = [];
    await this.#each(replica, (key, versions) => {
      // The fate of dots that arrived during the questions is known.
      const own = versions.filter(
        (dot) => unseen.has(dot.actor, dot.counter) && !replica.clock.has(dot.actor, dot.counter),
      );
      if (own.length > 0) adoptions.push(adopt(replica, key, own));
    });
    await Promise.all(adoptions);
    env.log.info('salvage taken in: no other member has seen these writes', {
      partition,
      keys: adoptions.length,
    });
  }

  /** Drops the versions whose dots the clock has. */
  async #dropKnown(replica: Replica): Promise<void> {
    const there = new CausalContext();
    await this.#each(replica, (key, versions) => {
      for (const { actor, counter } of versions) there.add(actor, counter);
      const known = versions.filter(({ actor, counter }) => replica.clock.has(actor, counter));
      if (known.length > 0) replica.repair.dropAside(key, known, () => {});
    });
    replica.setAside.forgetDots(replica.asideDots.minus(there));
  }

  async #each({ rows }: Replica, visit: Visit): Promise<void> {
    await rows.each('s', ([row, record]) => {
      try {
        visit(keyspace.keyOfRow(row), recordToVersions(record, row));
      } catch (error) {
        if (!isDamage(error)) throw error;
        this.#options.env.log.error('salvaged record damaged', { row: row.slice(0, 80) });
      }
    });
  }
}

function unseenBy(dots: CausalContext, round: Round): CausalContext {
  let unseen = dots;
  for (const { clock } of round.values()) unseen = unseen.minus(clock);
  return unseen;
}

function adopt(replica: Replica, key: string, versions: readonly PackedVersion[]): Promise<void> {
  const object = { versions, context: CausalContext.ofDots(versions) };
  return new Promise((resolve, reject) => {
    const done = (error?: Error): void => (error === undefined ? resolve() : reject(error));
    replica.merge(
      { key, object, dots: versions.map(({ actor, counter }) => ({ actor, counter })) },
      done,
    );
    replica.repair.dropAside(key, versions, () => {});
  });
}
