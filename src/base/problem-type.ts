/** The names of errors in problem documents, which nodes write and clients read. */

/** The type of the problem document for an error (RFC 9457). */
export const problemType = (code: string): string => `urn:mec:error:${code}`;
