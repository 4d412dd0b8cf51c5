/**
 * Rewrites the records that are plain, or sealed by an earlier data key, a few pages each second.
 * So a store that was plain is encrypted while it serves. Rewriting changes no version.
 *
 * LevelDB keeps overwritten values in its files until it compacts them. So each part of the store
 * is compacted when its records are rewritten.
 */
import type { CommitQueue } from '../commit-queue.ts';
import type { RowChange, Snapshot } from '../engine.ts';
import { CONTENT_RANGE, partStart } from '../keyspace.ts';
import { RESEAL_PAGE_BYTES, RESEAL_PAGE_ROWS, RESEAL_PAGES } from '../limits.ts';
import { PageSize } from '../page-size.ts';
import type { SealedEngine } from './sealed-engine.ts';

/** The part of a store that the newest key has sealed. */
export interface SealedPart {
  /** The generation of that key. */
  readonly generation: number;
  /** The records before this row. */
  readonly until: string;
}

/** The parts of an open store that rewriting needs. */
export interface ResealingParts {
  readonly engine: SealedEngine;
  readonly queue: CommitQueue;
  /** The part that was sealed when the store was closed. */
  readonly part: SealedPart;
  /** Records the part that is sealed by now, durably. */
  readonly keep: (part: SealedPart) => Promise<void>;
  /** Called when a key has sealed all records. */
  readonly onComplete: (generation: number) => Promise<void>;
}

/** The rewriting of one open store. */
export class Resealing {
  readonly #parts: ResealingParts;
  readonly #size = new PageSize(RESEAL_PAGE_ROWS, RESEAL_PAGE_BYTES);
  #part: SealedPart;
  /** The first row of the next page. */
  #from: string;
  /** The part that is rewritten, and the snapshots that were open then. */
  #rewritten: { readonly until: string; readonly snapshots: readonly Snapshot[] } | undefined;
  /** The generation that `onComplete` was told. */
  #told: number | undefined;

  constructor(parts: ResealingParts) {
    this.#parts = parts;
    this.#part = parts.part;
    this.#from = parts.part.until;
  }

  /** Whether the newest key has sealed all records. */
  get isComplete(): boolean {
    const { generation, until } = this.#part;
    return generation === this.#parts.engine.sealer.keys.newest && until === CONTENT_RANGE.to;
  }

  /** Rewrites the next pages of records. */
  async run(): Promise<void> {
    for (let page = 0; page < RESEAL_PAGES && !this.isComplete; page++) await this.#rewritePage();
    const { generation } = this.#part;
    if (!this.isComplete || this.#told === generation) return;
    this.#told = generation;
    await this.#parts.onComplete(generation);
  }

  async #rewritePage(): Promise<void> {
    const { engine, queue, keep } = this.#parts;
    const { newest } = engine.sealer.keys;
    if (this.#part.generation !== newest) {
      this.#part = { generation: newest, until: CONTENT_RANGE.from };
      this.#from = CONTENT_RANGE.from;
      this.#rewritten = undefined;
      // A batch on its way to the disk may be sealed by the key before, and is there after this.
      await keep(this.#part);
    }
    const limit = this.#size.rows;
    const rows = await engine.rawScan({ from: this.#from, to: CONTENT_RANGE.to, limit });
    this.#size.note(rows);
    const stale = rows.filter(([row, value]) => engine.sealer.isStale(row, value));
    await queue.commit(stale.flatMap(([row]) => this.#changeOf(row)));
    const last = rows.length < limit ? undefined : rows.at(-1);
    this.#from = last === undefined ? CONTENT_RANGE.to : `${last[0]}\0`;
    const until = last === undefined ? CONTENT_RANGE.to : partStart(last[0]);
    if (until > this.#part.until) await this.#finish(until);
  }

  /** The present value of a row, which is sealed again when it is written. */
  #changeOf(row: string): RowChange[] {
    const { engine, queue } = this.#parts;
    // A value on its way to the disk is sealed by the newest key, and must not be overwritten.
    if (queue.isPending(row)) return [];
    const value = engine.get(row);
    // Damage stays as it is: its readers mend it.
    if (value === undefined || engine.sealer.isUnread(row, value)) return [];
    return [{ key: row, value }];
  }

  /** Takes the old values of all records before a row off the disk. */
  async #finish(until: string): Promise<void> {
    const { engine, keep } = this.#parts;
    this.#rewritten ??= { until, snapshots: [...engine.snapshots] };
    const { snapshots } = this.#rewritten;
    // Snapshots from before the rewriting keep them there. Then a later page takes them off.
    if (snapshots.some((snapshot) => engine.snapshots.has(snapshot))) return;
    const part = { generation: this.#part.generation, until: this.#rewritten.until };
    await engine.purge(this.#part.until, part.until);
    await keep(part);
    this.#part = part;
    this.#rewritten = undefined;
  }
}
