/**
 * Records: named fields as a list of values. A record is a message, a part of one, or a row of a
 * table.
 */
import {
  type Derived,
  type Field,
  type Fields,
  type FindFloor,
  itemsOf,
  type Recipient,
  type RecordOf,
  WireError,
} from './field.ts';
import { MAX_LATER_FIELDS } from './limits.ts';

type Properties = Record<string, unknown>;

/** Throws `WireError` if the fields of a record do not fit together. */
export type Check<F extends Fields> = (value: RecordOf<F>) => void;

/** Packs and reads the fields of a record, in their order. */
export class RecordCodec<F extends Fields> {
  readonly #names: readonly string[];
  readonly #fields: readonly Field<unknown>[];
  readonly #derived: readonly (readonly [string, (message: unknown) => unknown])[];
  readonly #check: Check<F> | undefined;
  readonly #start: () => Properties;

  /** `start` makes the object that the fields are added to. */
  constructor(fields: F, check?: Check<F>, start: () => Properties = () => ({})) {
    const all = Object.entries(fields);
    const sent = all.filter(([, field]) => !('derive' in field));
    this.#names = sent.map(([name]) => name);
    this.#fields = sent.map(([, field]) => field);
    this.#derived = all
      .filter(([, field]) => 'derive' in field)
      .map(([name, field]) => [
        name,
        (field as Derived<unknown>).derive as (message: unknown) => unknown,
      ]);
    this.#check = check;
    this.#start = start;
  }

  /** The number of values that travel. */
  get width(): number {
    return this.#names.length;
  }

  /** Adds the values to a list. */
  packInto(packed: unknown[], value: RecordOf<F>, to: Recipient): void {
    const names = this.#names;
    const fields = this.#fields;
    for (let i = 0; i < names.length; i++) {
      packed.push(
        (fields[i] as Field<unknown>).pack((value as Properties)[names[i] as string], to),
      );
    }
  }

  /** Reads the values from a list, beginning at `from`. */
  unpackFrom(packed: readonly unknown[], from: number, find: FindFloor): RecordOf<F> {
    const value = this.#start();
    const names = this.#names;
    const fields = this.#fields;
    for (let i = 0; i < names.length; i++)
      value[names[i] as string] = (fields[i] as Field<unknown>).unpack(packed[from + i], find);
    if (this.#derived.length > 0)
      for (const [name, derive] of this.#derived) value[name] = derive(value);
    const record = value as RecordOf<F>;
    this.#check?.(record);
    return record;
  }
}

/** A record as a list of its own. */
export function record<F extends Fields>(fields: F, check?: Check<F>): Field<RecordOf<F>> {
  const codec = new RecordCodec(fields, check);
  return {
    pack: (value, to) => {
      const packed: unknown[] = [];
      codec.packInto(packed, value, to);
      return trimmed(packed, 0);
    },
    unpack: (packed, find) =>
      codec.unpackFrom(itemsOf(packed, codec.width + MAX_LATER_FIELDS), 0, find),
  };
}

/** At most `max` records in one flat list, without a head for each. */
export function rows<F extends Fields>(fields: F, max: number): Field<readonly RecordOf<F>[]> {
  const codec = new RecordCodec(fields);
  const { width } = codec;
  return {
    pack: (values, to) => {
      const packed: unknown[] = [];
      for (const value of values) codec.packInto(packed, value, to);
      return packed;
    },
    unpack: (packed, find) => {
      const flat = itemsOf(packed, max * width);
      if (flat.length % width !== 0) throw new WireError('a row cut short');
      const records: RecordOf<F>[] = [];
      for (let at = 0; at < flat.length; at += width)
        records.push(codec.unpackFrom(flat, at, find));
      return records;
    },
  };
}

/** Removes undefined values from the end of a list, but none of the first `keep`. */
export function trimmed(packed: unknown[], keep: number): unknown[] {
  while (packed.length > keep && packed[packed.length - 1] === null) packed.pop();
  return packed;
}

/** The code of a message, its fields, and whether they fit together. */
export interface MessageFields<F extends Fields> {
  readonly code: number;
  readonly fields: F;
  readonly check: Check<F> | undefined;
}

/** One message of the table. */
export function message<const F extends Fields>(
  code: number,
  fields: F,
  check?: Check<F>,
): MessageFields<F> {
  return { code, fields, check };
}
