/** Reading JSON of peers, which may send anything. */

/** A JSON object. */
export type JsonTable = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export const isTable = (value: unknown): value is JsonTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value of a JSON text; undefined if it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A text of at most `max` UTF-16 units; undefined if it is none. */
export const textOf = (value: unknown, max: number): string | undefined =>
  typeof value === 'string' ? value.slice(0, max) : undefined;

/** A finite number from 0; undefined if it is none. */
export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;

/** The items of a list that `read` accepts, at most `max`. */
export function listOf<Item>(
  value: unknown,
  max: number,
  read: (item: unknown) => Item | undefined,
): Item[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, max).flatMap((item) => {
    const known = read(item);
    return known === undefined ? [] : [known];
  });
}
