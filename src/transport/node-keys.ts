/** The keys with which nodes know each other, as the network asks for them. */
import type { Address } from '../base/env.ts';
import type { KeyPair } from '../base/x25519.ts';

/**
 * Stands among the keys of another node: it may be without keys. It is last, because a node with
 * keys should use them.
 */
export const NO_KEY = '';

/** The keys of a cluster, as one node knows them. They may change at any time. */
export interface NodeKeys {
  /** The keys of this node. Others may take their place, and then all sockets are made again. */
  readonly own: KeyPair;
  /** Whether a node with this public key may connect. */
  isAccepted(publicKey: string): boolean;
  /**
   * The public keys of which the node at an address must have one. There are none if they are not
   * known yet, and two while the node changes its key.
   */
  keysAt(address: Address): readonly string[];
  /** Whether nodes without keys are served, too. */
  readonly areOptional?: boolean;
}
