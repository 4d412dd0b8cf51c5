/** The keys with which nodes know each other, as the network asks for them. */
import type { Address } from '../base/env.ts';
import type { KeyPair } from '../base/x25519.ts';

/** The keys of a cluster, as one node knows them. They may change at any time. */
export interface NodeKeys {
  readonly own: KeyPair;
  /** Whether a node with this public key may connect. */
  isAccepted(publicKey: string): boolean;
  /** The public key that the node at an address must have; undefined if that is not known yet. */
  keyAt(address: Address): string | undefined;
}
