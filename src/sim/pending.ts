/**
 * What the simulator could draw or check, and does not yet by itself, because nodes do not keep the
 * rule behind it. Each goes from this list in the change that brings the rule. `--pending` draws
 * and checks all of it.
 */
export const PENDING: ReadonlySet<string> = new Set([
  // What mends them is new, and has not been run on many seeds yet.
  'unreadable block',
  'a record damaged on every disk',
]);
