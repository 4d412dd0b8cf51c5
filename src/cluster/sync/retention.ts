/** Retention of the log: entries that every holder has seen are cut. */
import type { CausalContext } from '../../core/causality/causal-context.ts';
import type { Replica } from '../../storage/replica/replica.ts';

/**
 * Cuts the entries that all these clocks cover, and the clock of this replica. A holder that loses
 * its disk later takes a snapshot.
 */
export function cutLog(replica: Replica, clocks: readonly CausalContext[]): Promise<void> {
  const all = [replica.durableClock, ...clocks];
  return replica.cutter.cutCovered({
    base: (actor) => Math.min(...all.map((clock) => clock.base(actor))),
  });
}
