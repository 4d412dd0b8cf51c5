/** Keys of the store's own: those that begin with U+0000. Users can neither write nor read nor list them. */

const RESERVED = '\0';

/** The first key that users may have. */
export const FIRST_USER_KEY = '\u0001';

/** Whether a key, or each that begins with it, is the store's own. */
export const isReserved = (key: string): boolean => key.startsWith(RESERVED);
