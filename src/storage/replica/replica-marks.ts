/**
 * Marks: keys of a replica whose record is damaged, although its row can be read. Each dot of the
 * clock at that moment may be a write to the key that this replica has lost. So the `need` of the
 * key is the clock of that moment, until other members have told what they know.
 *
 * The object of a marked key has only versions that were written or merged since. Its context is
 * not filled with the bases of the clock: that would say that everything else was overwritten. For
 * the same reason the object is not stripped.
 */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { fill, type FilledObject, type StoredObject, strip } from '../../core/causality/object.ts';
import type { RowChange } from '../engine.ts';
import * as keyspace from '../keyspace.ts';
import { contextToRecord } from '../records.ts';

/** The marks of one replica. */
export class ReplicaMarks {
  readonly #partition: number;
  readonly #needs: Map<string, CausalContext>;
  /** The number of marks ever made: a caller sees from it whether another one was made. */
  madeCount = 0;

  constructor(partition: number, needs: Map<string, CausalContext>) {
    this.#partition = partition;
    this.#needs = needs;
  }

  get isEmpty(): boolean {
    return this.#needs.size === 0;
  }

  get size(): number {
    return this.#needs.size;
  }

  keys(): string[] {
    return [...this.#needs.keys()];
  }

  has(key: string): boolean {
    return this.#needs.has(key);
  }

  /** The dots whose effect on a marked key may be missing; undefined if it is not marked. */
  need(key: string): CausalContext | undefined {
    return this.#needs.get(key);
  }

  /** Marks a key. Returns the row of the mark. */
  add(key: string, clock: CausalContext): RowChange {
    this.madeCount += 1;
    const need = clock.clone();
    this.#needs.set(key, need);
    const row = keyspace.markRow(this.#partition, key);
    return { key: row, value: contextToRecord(need, row) };
  }

  /**
   * Removes dots from the need of a key: their effect on it is known now. The next start forgets
   * that, and asks again.
   */
  shrink(key: string, known: CausalContext): void {
    const need = this.#needs.get(key);
    if (need !== undefined) this.#needs.set(key, need.minus(known));
  }

  /** Takes the mark off a key. Returns the removal of its row. */
  remove(key: string): RowChange {
    this.#needs.delete(key);
    return { key: keyspace.markRow(this.#partition, key), value: undefined };
  }

  /** Fills a stored object, unless its key is marked. */
  fill(
    key: string,
    stored: StoredObject<Uint8Array>,
    clock: CausalContext,
  ): FilledObject<Uint8Array> {
    if (!this.#needs.has(key)) return fill(stored, clock);
    return { versions: stored.versions, context: stored.residue.clone() };
  }

  /** Strips an object for the disk, unless its key is marked. */
  strip(
    key: string,
    object: FilledObject<Uint8Array>,
    clock: CausalContext,
  ): StoredObject<Uint8Array> {
    return this.#needs.has(key)
      ? { versions: object.versions, residue: object.context }
      : strip(object, clock);
  }
}
