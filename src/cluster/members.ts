/**
 * The members of the cluster: this node and those that its configuration names. The list is fixed while the node runs;
 * a member is known by its address.
 */
import type { Address } from '../base/env.ts';
import { hashText32 } from '../base/hash.ts';
import { type Placement, placement } from '../core/placement.ts';
import type { Config } from './config.ts';

/** One node, as the others know it. */
export interface Member extends Address {
  /** `host:port`. */
  readonly id: string;
}

/** The member list, and who owns what by it. */
export class Members {
  readonly self: Member;
  /** All but this node, by id. */
  readonly others: ReadonlyMap<string, Member>;
  /** Differs between nodes whose lists, or number of replicas, differ. */
  readonly hash: number;
  /** Replicas of each partition: N, or as many as there are members. */
  readonly replicas: number;
  readonly #placement: Placement;
  readonly #owners: readonly (readonly string[])[];

  constructor(config: Pick<Config, 'host' | 'port' | 'nodes' | 'quorum'>) {
    this.self = toMember(config);
    const all = new Map([this.self, ...config.nodes.map(toMember)].map((member) => [member.id, member]));
    this.#placement = placement([...all.keys()].map((id) => ({ id, weight: 1 })));
    this.hash = hashText32([config.quorum.n, ...[...all.keys()].sort()].join(' '));
    this.replicas = Math.min(config.quorum.n, all.size);
    this.#owners = this.#placement.map((order) => order.slice(0, this.replicas));
    all.delete(this.self.id);
    this.others = all;
  }

  /** The members that own a partition, best first. */
  owners(partition: number): readonly string[] {
    return this.#owners[partition] as readonly string[];
  }

  /** The other members, in the order in which they stand in for an owner of a partition. */
  standIns(partition: number): readonly string[] {
    return (this.#placement[partition] as readonly string[]).slice(this.replicas);
  }

  /** All ids, in a stable order. */
  ids(): string[] {
    return [this.self.id, ...this.others.keys()].sort();
  }

  /** How many partitions a member owns. */
  ownedBy(id: string): number {
    return this.#owners.reduce((count, owners) => count + Number(owners.includes(id)), 0);
  }
}

function toMember({ host, port }: Address): Member {
  return { id: `${host}:${port}`, host, port };
}
