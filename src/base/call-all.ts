/** Calls of several callbacks that must not depend on each other. */

/**
 * Calls `call` with each item, such as a callback that waits. An error of one call must not cost
 * the others theirs. So all are made, and then the first error is thrown.
 */
export function callAll<Item>(items: Iterable<Item>, call: (item: Item) => void): void {
  const errors: unknown[] = [];
  for (const item of items) {
    try {
      call(item);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
