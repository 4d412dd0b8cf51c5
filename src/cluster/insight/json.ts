/** Reading JSON of peers, which may send anything. */

/** A JSON object. */
export type JsonTable = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export const isTable = (value: unknown): value is JsonTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
