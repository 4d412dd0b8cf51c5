/**
 * Fields of messages. A field packs a value for the wire, and reads one from a peer that may send
 * anything. Every text and every list has a bound, and a reader throws `WireError` if it is
 * exceeded.
 *
 * A field is found by its position in a list. If a list ends early, its missing fields are
 * undefined.
 */
import type { Floor } from '../core/causality/floor.ts';

/** A frame or message that breaks the protocol. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** A context on a floor that this node does not know, so that the context cannot be read. */
export class UnknownFloorError extends Error {
  override readonly name = 'UnknownFloorError';
}

/** Finds a floor by its hash; undefined if this node does not know it. */
export type FindFloor = (hash: string) => Floor | undefined;

/** Finds no floor. */
export const noFloor: FindFloor = () => undefined;

/** The receiver of a message. */
export interface Recipient {
  /** The floors that the receiver knows. A context is packed on one of them if possible. */
  readonly floors: readonly Floor[];
}

/** Packs and reads one field. */
export interface Field<Value> {
  pack(this: void, value: Value, to: Recipient): unknown;
  /** Throws `WireError`, or `UnknownFloorError`. */
  unpack(this: void, packed: unknown, find: FindFloor): Value;
}

/** A field that may be absent in the type of a message. */
export interface Omissible<Value> extends Field<Value | undefined> {
  readonly isOmissible: true;
}

/** A field that is not sent: the receiver derives it from the others. */
export interface Derived<Value> extends Field<Value> {
  readonly derive: (message: never) => Value;
}

/** Named fields, in the order in which they travel. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The value that a field describes. */
export type ValueOf<F> = F extends Field<infer Value> ? Value : never;

/** The value that named fields describe. */
export type RecordOf<F extends Fields> = {
  readonly [Name in keyof F as F[Name] extends Omissible<unknown> ? never : Name]: ValueOf<F[Name]>;
} & {
  readonly [Name in keyof F as F[Name] extends Omissible<unknown> ? Name : never]?: ValueOf<
    F[Name]
  >;
};

const asIs = (value: unknown): unknown => value;

/** A field whose value travels as it is. */
function plain<Value>(unpack: (packed: unknown) => Value): Field<Value> {
  return { pack: asIs, unpack };
}

/** A list of anything; throws `WireError` if it has more than `max` items. */
export function itemsOf(packed: unknown, max: number): readonly unknown[] {
  if (!Array.isArray(packed)) throw new WireError('not a list');
  if (packed.length > max)
    throw new WireError(`a list of ${packed.length} items, of at most ${max}`);
  return packed;
}

/** A text of at most `max` UTF-16 units. */
export const text = (max: number): Field<string> =>
  plain((packed) => {
    if (typeof packed !== 'string') throw new WireError('not a text');
    if (packed.length > max)
      throw new WireError(`a text of ${packed.length} units, of at most ${max}`);
    return packed;
  });

/** A text for people, which the sender cuts at `max` UTF-16 units. */
export const cutText = (max: number): Field<string> => ({
  pack: (value) => value.slice(0, max),
  unpack: text(max).unpack,
});

/** A whole number from 0. */
export const integer: Field<number> = plain((packed) => {
  if (typeof packed !== 'number' || !Number.isSafeInteger(packed) || packed < 0) {
    throw new WireError('not a whole number');
  }
  return packed;
});

/** A value that fits; `what` names such values. */
export const fitting = <Value>(
  { pack, unpack }: Field<Value>,
  fits: (value: Value) => boolean,
  what: string,
): Field<Value> => ({
  pack,
  unpack: (packed, find) => {
    const value = unpack(packed, find);
    if (!fits(value)) throw new WireError(`not ${what}`);
    return value;
  },
});

/** A whole number from 1. */
export const positive = fitting(integer, (n) => n >= 1, 'a positive number');

/** A whole number of milliseconds, rounded by the sender. */
export const milliseconds: Field<number> = { pack: Math.round, unpack: integer.unpack };

/** A finite number. */
export const number: Field<number> = plain((packed) => {
  if (typeof packed !== 'number' || !Number.isFinite(packed)) throw new WireError('not a number');
  return packed;
});

/** True or false. */
export const flag: Field<boolean> = plain((packed) => packed === true);

/** Bytes; a view on the frame. */
export const bytes: Field<Uint8Array> = plain((packed) => {
  if (!(packed instanceof Uint8Array)) throw new WireError('not bytes');
  return packed;
});

/** One of these texts. */
export const oneOf = <const Choice extends string>(...choices: readonly Choice[]): Field<Choice> =>
  plain((packed) => {
    if (!choices.includes(packed as Choice)) throw new WireError('not one of the choices');
    return packed as Choice;
  });

/** A value that may be undefined. */
export function optional<Value>({ pack, unpack }: Field<Value>): Field<Value | undefined> {
  return {
    pack: (value, to) => (value === undefined ? null : pack(value, to)),
    unpack: (packed, find) =>
      packed === null || packed === undefined ? undefined : unpack(packed, find),
  };
}

/** A value that may be absent in a message. */
export const omissible = <Value>(field: Field<Value>): Omissible<Value> => ({
  ...optional(field),
  isOmissible: true,
});

/** A value that the receiver derives from the other fields. */
export const derived = <Value>(derive: (message: never) => Value): Derived<Value> => ({
  derive,
  pack: () => null,
  unpack: () => undefined as Value,
});

/** A list of at most `max` values. */
export const list = <Value>(
  { pack, unpack }: Field<Value>,
  max: number,
): Field<readonly Value[]> => ({
  pack: (values, to) => values.map((value) => pack(value, to)),
  unpack: (packed, find) => itemsOf(packed, max).map((item) => unpack(item, find)),
});
