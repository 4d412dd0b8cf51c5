/**
 * What the simulator could draw or check, and does not yet by itself, because nodes do not keep the rule behind it. Each goes from this
 * list in the change that brings the rule. `--pending` draws and checks all of it.
 */
export const PENDING: ReadonlySet<string> = new Set([
  // Gaps, and what residues say of them, are settled over members that are only away.
  'gaps over absent members',
  // A key that is kept once, and whose disk is wiped: nobody is complete any more, and it stays so.
  'keys kept once',
]);
