/** An invariant of our own code does not hold. A user or a peer never causes this error. */
class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Throws `AssertionError` if `condition` is false. `promise` is the message: the invariant in
 * words.
 */
export function assert(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new AssertionError(promise);
}
