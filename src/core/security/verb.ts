/**
 * The verbs, which an identity may be allowed. Each is a right on keys with a prefix; `admin`,
 * and `monitor` of a node as a whole, are rights on the empty prefix.
 */

/** A verb. */
export type Verb = 'read' | 'write' | 'delete' | 'list' | 'monitor' | 'admin';
