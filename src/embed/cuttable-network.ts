/**
 * A network that can be cut, for tests. Frames to and from addresses on the other side are lost.
 */
import type { Address, Link, Network } from '../base/env.ts';

/** Wraps a network. `isCut` is called for every frame to or from an address. */
export function cuttable(network: Network, isCut: (address: Address) => boolean): Network {
  return {
    bind: (address, onFrame) => network.bind(address, onFrame),
    connect: (address, onFrame): Link => {
      const link = network.connect(address, (frame) => {
        if (!isCut(address)) onFrame(frame);
      });
      return {
        send: (frame) => (isCut(address) ? Promise.resolve() : link.send(frame)),
        close: () => link.close(),
      };
    },
    close: () => network.close(),
  };
}
