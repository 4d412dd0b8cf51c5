/**
 * The grammar of keys. A key is not empty, and its UTF-8 bytes are bounded.
 *
 * Keys that begin with U+0000 are reserved. The store keeps its own data there; users cannot write,
 * read or list them.
 */
import { utf8ToBytes } from '../../base/bytes.ts';
import { MAX_HELD_KEY_BYTES, MAX_KEY_BYTES } from '../limits.ts';

const RESERVED = '\0';

const LONE_SURROGATE = /\p{Cs}/u;

/** UTF-8 bytes that one UTF-16 unit takes at most. */
const UTF8_BYTES = 3;

/** The first key that a user may have. */
export const FIRST_USER_KEY = '\u0001';

/** Whether a key is reserved. For a prefix, whether all its keys are. */
export const isReserved = (key: string): boolean => key.startsWith(RESERVED);

/**
 * Whether a text may be the beginning of a key. A lone surrogate has no UTF-8 form: the key would
 * be another one on the disk.
 */
export const isKeyStart = (text: string, maxBytes = MAX_HELD_KEY_BYTES): boolean =>
  !LONE_SURROGATE.test(text) &&
  (UTF8_BYTES * text.length <= maxBytes || utf8ToBytes(text).length <= maxBytes);

/** Whether a replica may hold this key. */
export const isKey = (text: string): boolean => text !== '' && isKeyStart(text);

/** Whether this key may be a user's. */
export const isUserKey = (text: string): boolean =>
  text !== '' && !isReserved(text) && isKeyStart(text, MAX_KEY_BYTES);
