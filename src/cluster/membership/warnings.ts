/**
 * Warnings about other nodes, each written once. A node that is configured wrongly asks again and
 * again, and only its first question is news.
 */
import type { Log, LogFields } from '../../base/env.ts';
import { hashText64 } from '../../base/hash.ts';
import { MAX_WARNINGS } from '../limits.ts';

/**
 * Writes each warning once. It remembers hashes, since the texts of peers may be long, and forgets
 * the oldest. So a peer that causes ever new warnings cannot hide those about others. The log
 * limits the lines of one event.
 */
export class Warnings {
  readonly #log: Log;
  /** Hashes of warnings, the latest last. */
  readonly #known = new Set<bigint>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Writes the warning, unless one of this event and key was written before. */
  write(event: string, fields: LogFields, key = JSON.stringify(fields)): void {
    const hash = hashText64(event + key);
    // A warning that still applies must not be forgotten before those that do not.
    const isKnown = this.#known.delete(hash);
    this.#known.add(hash);
    if (isKnown) return;
    for (const oldest of this.#known) {
      if (this.#known.size <= MAX_WARNINGS) break;
      this.#known.delete(oldest);
    }
    this.#log.error(event, fields);
  }
}
