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
