/**
 * Takes away what readers do not see: what has expired, what a later write has won over, what was
 * sent twice. A causal delete of exactly their dots makes their bytes go, and nothing else.
 */
import { messageOf } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { EXPIRY_PAGE_KEYS, EXPIRY_TURN_MS, MAX_TRIMS } from '../limits.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { GetResult } from './get.ts';
import type { Scope } from './scope.ts';
import { removeDots } from './write.ts';

/** Keeps the replicas of one node free of hidden versions. */
export class Expiry {
  readonly #scope: Scope;
  /** Keys whose hidden versions are on their way out. */
  readonly #trimming = new Set<string>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** One round over all partitions that this node owns. */
  async sweep(): Promise<void> {
    const { members, store, time, env } = this.#scope;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const owners = members.owners(partition);
      const turn = owners.indexOf(members.self);
      const replica = store.find(partition);
      if (turn < 0 || replica === undefined) continue;
      // One owner is enough; the others wait their turn, in case that it cannot.
      const untilMicros = time.passedMicros(owners) - turn * EXPIRY_TURN_MS * 1000;
      if (!replica.expiry.isDue(untilMicros)) continue;
      try {
        await this.#expire(replica, untilMicros);
      } catch (error) {
        replica.expiry.postpone();
        env.log.debug('expired versions not removed', { partition, reason: messageOf(error) });
      }
    }
  }

  async #expire(replica: Replica, nowMicros: number): Promise<void> {
    const due = await replica.expiry.due(nowMicros, EXPIRY_PAGE_KEYS);
    await Promise.all(
      due.map(async ({ key }) => {
        const hidden = this.#scope.policies.hidden(key, replica.read(key).versions, () => nowMicros);
        if (hidden.length > 0) await removeDots(this.#scope, key, hidden);
      }),
    );
  }

  /** A read has found versions that it did not show beside others. */
  trim(key: string, { object, versions }: GetResult): void {
    if (object.versions.length === 1 || object.versions.length === versions.length) return;
    const { isOwner, owners } = this.#scope.holders.placeOf(key);
    if (this.#trimming.has(key) || this.#trimming.size >= MAX_TRIMS || !isOwner) return;
    const { policies, time } = this.#scope;
    const hidden = policies.hidden(key, object.versions, () => time.passedMicros(owners));
    if (hidden.length === 0) return;
    this.#trimming.add(key);
    removeDots(this.#scope, key, hidden)
      .catch((error: unknown) => this.#scope.env.log.debug('hidden versions not removed', { reason: messageOf(error) }))
      .finally(() => this.#trimming.delete(key));
  }
}
