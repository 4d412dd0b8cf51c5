/**
 * The keys of the nodes of a secured cluster, by its ledger. The network of a node exists before
 * its ledger is read, so the keyring is empty until then: it accepts no node, and dials none.
 */
import type { Address } from '../base/env.ts';
import type { KeyPair } from '../base/x25519.ts';
import type { MemberRecord } from '../core/placement/member-list.ts';
import type { Ledger } from '../core/security/ledger.ts';
import { NO_KEY, type NodeKeys } from '../transport/node-keys.ts';
import type { NamedAddress } from './config.ts';

/** The knowledge of a node about the others. */
export interface KeyringParts {
  readonly ledger: Pick<Ledger, 'nodeKeys' | 'onChange'>;
  readonly members: { all(): Iterable<MemberRecord> };
  /** The nodes that the configuration names. */
  readonly config: { readonly nodes: readonly NamedAddress[] };
}

/** The keys of all nodes, as the network of one of them asks for them. */
export class NodeKeyring implements NodeKeys {
  #own: KeyPair;
  /** Called when this node has another key. */
  onOwnChange: () => void = () => {};
  /** Called after each change, with whether some keys are not accepted any more. */
  onChange: (areSomeRevoked: boolean) => void = () => {};
  #parts: KeyringParts | undefined;
  /** The nodes by their public keys. */
  #nodes: ReadonlyMap<string, string> = new Map();

  /** Whether nodes without keys are served, too. */
  readonly areOptional: boolean;

  constructor(own: KeyPair, areOptional = false) {
    this.areOptional = areOptional;
    this.#own = own;
  }

  get own(): KeyPair {
    return this.#own;
  }

  /** Takes another key for this node, which all others must accept already. */
  replaceOwn(own: KeyPair): void {
    this.#own = own;
    this.onOwnChange();
  }

  /** Opens the keyring. */
  open(parts: KeyringParts): void {
    this.#parts = parts;
    const read = (): void => {
      const before = this.#nodes;
      this.#nodes = parts.ledger.nodeKeys();
      this.onChange([...before.keys()].some((key) => !this.#nodes.has(key)));
    };
    read();
    parts.ledger.onChange(read);
  }

  isAccepted(publicKey: string): boolean {
    return this.#nodes.has(publicKey);
  }

  keysAt(address: Address): readonly string[] {
    const name = this.#nameAt(address);
    const keys = [...this.#nodes].filter(([, node]) => node === name).map(([key]) => key);
    return this.areOptional ? [...keys, NO_KEY] : keys;
  }

  /** The node that listens at an address. The member list is newer than the configuration. */
  #nameAt({ host, port }: Address): string | undefined {
    // A node has one port for membership, and the next one for data.
    const isThere = (node: Address): boolean =>
      node.host === host && (node.port === port || node.port + 1 === port);
    const members = [...(this.#parts?.members.all() ?? [])].filter(({ state }) => state !== 'gone');
    return (members.find(isThere) ?? this.#parts?.config.nodes.find(isThere))?.name;
  }
}
