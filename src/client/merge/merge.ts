/** What the ready-made mergeable types have in common. */

/**
 * Makes one state of two that had not seen each other. It must be commutative, associative and
 * idempotent: siblings come in any order, in any number, and more than once.
 */
export type Merge<T> = (a: T, b: T) => T;

/** Who makes a change, and when: `update` hands one to every change, and all steps of that change sign with it. */
export interface Author {
  /** Of a client's changes to one key, for as long as each builds on the one before. */
  readonly name: string;
  /** Of this change; later changes under the same name have greater numbers. */
  readonly number: number;
  /** µs since 1970, by this machine's clock. */
  readonly nowMicros: number;
}
