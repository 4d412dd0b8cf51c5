/**
 * Cuts between the nodes of `mec dev`. The parent tells each node over the channel of its process
 * which nodes it must not reach. A node without such a parent has no cuts.
 */
import type { Address, Network } from '../base/env.ts';
import { cuttable } from '../embed/cuttable-network.ts';
import type { DevNode } from './dev-plan.ts';

/** The message to a node: the ports of all nodes that it must not reach. */
interface CutMessage {
  readonly cutPorts: readonly number[];
}

/** The message that cuts a node off from others. */
export const cutMessage = (others: readonly DevNode[]): CutMessage => ({
  cutPorts: others.flatMap(({ port }) => [port, port + 1]),
});

/** Wraps the network of a node, which then obeys the messages of its parent. */
export function underCuts(network: Network): Network {
  let cutPorts: ReadonlySet<number> = new Set();
  process.on('message', (message: Partial<CutMessage>) => {
    if (Array.isArray(message.cutPorts)) cutPorts = new Set(message.cutPorts);
  });
  // Otherwise a node that cannot start would wait for messages, instead of ending.
  process.channel?.unref();
  return cuttable(network, ({ port }: Address) => cutPorts.has(port));
}
