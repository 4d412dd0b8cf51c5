/**
 * Removes versions that readers do not see: expired versions, versions that lost against a later
 * write (last-write-wins), and second copies of one write. It deletes exactly their dots, so a
 * version that is not among them cannot be lost.
 */
import type { Log } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import type { Dot } from '../../core/causality/causal-context.ts';
import { PARTITIONS } from '../../core/limits.ts';
import type { ExpiringVersions } from '../holders/holder.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { Holders } from '../holders/select.ts';
import { EXPIRY_PAGE_KEYS, EXPIRY_TURN_MS, MAX_TRIMS } from '../limits.ts';
import type { Policies } from '../policies.ts';
import type { WallTime } from '../wall-time.ts';
import type { GetResult } from './get.ts';

/** The parts of a node that the removal of hidden versions needs. */
export interface ExpiryParts {
  readonly env: { readonly log: Log };
  readonly holders: Pick<Holders, 'placeOf' | 'viewOf'> & {
    readonly own: Pick<LocalHolder, 'id' | 'expiring'>;
  };
  readonly policies: Policies;
  readonly time: Pick<WallTime, 'passedMicros'>;
  /** Deletes exactly these versions of a key. */
  readonly remove: (key: string, dots: readonly Dot[]) => Promise<void>;
}

/** Keeps the replicas of one node free of hidden versions. */
export class Expiry {
  readonly #parts: ExpiryParts;
  /** Keys whose hidden versions are being removed. */
  readonly #trimming = new Set<string>();

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  /** Removes expired versions from all partitions that this node owns. */
  async sweep(): Promise<void> {
    const { holders, time, env } = this.#parts;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      // Most partitions have no such versions, so this is asked first.
      const expiring = holders.own.expiring(partition);
      if (expiring === undefined) continue;
      const { owners } = holders.viewOf(partition);
      const turn = owners.indexOf(holders.own.id);
      if (turn < 0) continue;
      // One owner is enough. Each further owner waits longer, and acts only if those before it
      // fail.
      const untilMicros = time.passedMicros(owners) - turn * EXPIRY_TURN_MS * 1000;
      if (!expiring.isDue(untilMicros)) continue;
      try {
        await this.#expire(expiring, untilMicros);
      } catch (error) {
        expiring.postpone();
        env.log.debug('expired versions not removed', { partition, reason: messageOf(error) });
      }
    }
  }

  async #expire(expiring: ExpiringVersions, nowMicros: number): Promise<void> {
    const due = await expiring.due(nowMicros, EXPIRY_PAGE_KEYS);
    await Promise.all(
      due.map(async ({ key }) => {
        const hidden = this.#parts.policies.hidden(key, expiring.versionsOf(key), () => nowMicros);
        if (hidden.length > 0) await this.#parts.remove(key, hidden);
      }),
    );
  }

  /** Removes hidden versions that a read has found. A lone expired version is left to `sweep`. */
  trim(key: string, { object, versions }: GetResult): void {
    if (object.versions.length === 1 || object.versions.length === versions.length) return;
    const { isOwner, owners } = this.#parts.holders.placeOf(key);
    if (this.#trimming.has(key) || this.#trimming.size >= MAX_TRIMS || !isOwner) return;
    const { policies, time, env, remove } = this.#parts;
    const hidden = policies.hidden(key, object.versions, () => time.passedMicros(owners));
    if (hidden.length === 0) return;
    this.#trimming.add(key);
    remove(key, hidden)
      .catch((error: unknown) =>
        env.log.debug('hidden versions not removed', { reason: messageOf(error) }),
      )
      .finally(() => this.#trimming.delete(key));
  }
}
