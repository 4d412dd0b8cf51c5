/**
 * Marks: keys of a replica whose record could not be read, although its row could. What the clock
 * had seen when that was found may be an effect on that key which this replica lacks; so its `need`
 * is the clock of that moment, until others have been heard.
 *
 * While a key is marked, its object holds only what was written or merged since, and its context is
 * that object's own: with the bases of the clock, it would claim to know that everything else was
 * overwritten. For the same reason it is not stripped.
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
  /** How many marks there have ever been: another one shows. */
  made = 0;

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

  /** Marks a key. */
  add(key: string, clock: CausalContext): RowChange {
    this.made += 1;
    const need = clock.clone();
    this.#needs.set(key, need);
    const row = keyspace.markRow(this.#partition, key);
    return { key: row, value: contextToRecord(need, row) };
  }

  /** The effect of these dots on the key is known by now. It is forgotten at the next start, which does no harm. */
  shrink(key: string, known: CausalContext): void {
    const need = this.#needs.get(key);
    if (need !== undefined) this.#needs.set(key, need.minus(known));
  }

  /** Takes the mark off a key. */
  remove(key: string): RowChange {
    this.#needs.delete(key);
    return { key: keyspace.markRow(this.#partition, key), value: undefined };
  }

  /** The stored object with all that is known of its key. */
  fill(key: string, stored: StoredObject<Uint8Array>, clock: CausalContext): FilledObject<Uint8Array> {
    if (!this.#needs.has(key)) return fill(stored, clock);
    return { versions: stored.versions, context: stored.residue.clone() };
  }

  /** The object as it is stored. */
  strip(key: string, object: FilledObject<Uint8Array>, clock: CausalContext): StoredObject<Uint8Array> {
    return this.#needs.has(key) ? { versions: object.versions, residue: object.context } : strip(object, clock);
  }
}
