/** What the clocks of the others allow a node to let go of: log entries that every holder has seen. */
import { CausalContext } from '../../core/causal-context.ts';
import type { Replica } from '../../storage/replica.ts';

/** Cuts what all of these have seen, and this replica itself. Who loses its disk later takes a snapshot. */
export function cutLog(replica: Replica, clocks: readonly CausalContext[]): Promise<void> {
  return replica.cutLog(commonBases([replica.durableClock, ...clocks]));
}

/** What all of the clocks have in their bases. */
function commonBases(clocks: readonly CausalContext[]): CausalContext {
  const common = new CausalContext();
  for (const actor of clocks[0]?.actors() ?? []) {
    const base = Math.min(...clocks.map((clock) => clock.base(actor)));
    if (base > 0) common.addRanges(actor, [1, base]);
  }
  return common;
}
