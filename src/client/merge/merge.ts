/** The types that all mergeable types share. */

/**
 * Merges two concurrent states into one. Must be commutative, associative and idempotent: siblings
 * arrive in any order, in any number, and more than once.
 */
export type Merge<T> = (a: T, b: T) => T;

/**
 * The author of a change. `update` passes one to every change, and all steps of that change use it.
 */
export interface Author {
  /** Names a client's changes to one key, as long as each builds on the one before. */
  readonly name: string;
  /** The number of this change. Later changes of the same name have greater numbers. */
  readonly number: number;
  /** µs since 1970, by this machine's clock. */
  readonly nowMicros: number;
}
