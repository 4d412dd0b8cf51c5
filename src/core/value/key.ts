/**
 * Reserved keys, which begin with U+0000. The store keeps its own data there; users cannot write,
 * read or list them.
 */

const RESERVED = '\0';

/** The first key that a user may have. */
export const FIRST_USER_KEY = '\u0001';

/** Whether a key is reserved. For a prefix, whether all its keys are. */
export const isReserved = (key: string): boolean => key.startsWith(RESERVED);
