/** The size of a key: the number of its values, and their bytes. */
import { unpackContent } from './content.ts';

/** The values of a key, without the content types and other metadata. */
export interface KeySize {
  readonly values: number;
  readonly bytes: number;
}

/** The size of a key with these versions. */
export function sizeOf(versions: readonly { readonly body: Uint8Array }[]): KeySize {
  let bytes = 0;
  for (const { body } of versions) bytes += unpackContent(body).value.length;
  return { values: versions.length, bytes };
}
