/** What the clocks of the others allow a node to let go of: log entries that every holder has seen. */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Replica } from '../../storage/replica/replica.ts';

/** Cuts what all of these have seen, and this replica itself. Who loses its disk later takes a snapshot. */
export function cutLog(replica: Replica, clocks: readonly CausalContext[]): Promise<void> {
  const all = [replica.durableClock, ...clocks];
  return replica.cutter.cutCovered({ base: (actor) => Math.min(...all.map((clock) => clock.base(actor))) });
}
