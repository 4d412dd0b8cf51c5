/** References inside the OpenAPI document. */

/** Any part of the document. */
export type DocumentPart = Readonly<Record<string, unknown>>;

/** A reference to a shared part. */
export const ref = (kind: string, name: string): DocumentPart => ({
  $ref: `#/components/${kind}/${name}`,
});
