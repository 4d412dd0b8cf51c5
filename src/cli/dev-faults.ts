/**
 * Faults of the nodes of `mec dev`: cuts between them, and clocks that are wrong. The parent tells
 * each node its faults over the channel of its process. A node without such a parent has none.
 */
import type { Address } from '../base/env.ts';
import { cuttable } from '../embed/cuttable-network.ts';
import type { NodeWorld } from '../embed/start-node.ts';
import type { DevNode } from './dev-plan.ts';

/** The message to a node: all its faults. */
interface FaultMessage {
  /** The ports of all nodes that it must not reach. */
  readonly cutPorts: readonly number[];
  /** The lead of its wall clock. */
  readonly clockLeadMs: number;
}

/** The message that cuts a node off from others, and puts its clock ahead. */
export const faultMessage = (others: readonly DevNode[], clockLeadMs: number): FaultMessage => ({
  cutPorts: others.flatMap(({ port }) => [port, port + 1]),
  clockLeadMs,
});

/** Wraps the world of a node, which then obeys the messages of its parent. */
export function underFaults({ network, clock }: NodeWorld): NodeWorld {
  let cutPorts: ReadonlySet<number> = new Set();
  let leadMicros = 0;
  process.on('message', (message: Partial<FaultMessage>) => {
    if (Array.isArray(message.cutPorts)) cutPorts = new Set(message.cutPorts);
    if (typeof message.clockLeadMs === 'number') leadMicros = 1000 * message.clockLeadMs;
  });
  // Otherwise a node that cannot start would wait for messages, instead of ending.
  process.channel?.unref();
  return {
    network: cuttable(network, ({ port }: Address) => cutPorts.has(port)),
    clock: { ...clock, wallMicros: () => clock.wallMicros() + leadMicros },
  };
}
