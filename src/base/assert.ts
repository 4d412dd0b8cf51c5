/** A broken promise of our own code, never of a user or a peer. */
class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws when our own code has broken a promise to itself. */
export function assert(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new AssertionError(promise);
}
