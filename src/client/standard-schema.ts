/**
 * Schemas of other packages, by the interface that they share (Standard Schema 1): zod, valibot,
 * arktype and others.
 */

/** A schema whose checked values are of type `Output`. */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** The checked value, or the reasons why it is none. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** A reason, and the place in the value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Whether a check is a schema. Some schemas are functions as well. */
export const isSchema = <Output>(
  check: StandardSchema<Output> | ((value: unknown) => Output),
): check is StandardSchema<Output> => '~standard' in check;

/** The checked value. Rejects with a `TypeError` that has all reasons. */
export async function checkBySchema<Output>(
  { '~standard': schema }: StandardSchema<Output>,
  value: unknown,
): Promise<Output> {
  const result = await schema.validate(value);
  if (result.issues === undefined) return result.value;
  throw new TypeError(result.issues.map(sentenceOf).join('; '));
}

function sentenceOf({ message, path = [] }: SchemaIssue): string {
  const names = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return names.length === 0 ? message : `${names.join('.')}: ${message}`;
}
