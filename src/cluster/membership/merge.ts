/**
 * The merge of two clusters, which an operator asks for. A node takes the marks of the other
 * cluster in addition to its own. The members of both clusters then have a mark in common with it,
 * and so get the marks of each other.
 */
import type { Address } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { PARTITIONS } from '../../core/limits.ts';
import { MAX_CLUSTER_MARKS } from '../../transport/limits.ts';
import type { Identity } from '../../transport/message.ts';
import type { ClusterId } from './cluster-id.ts';
import type { Members } from './members.ts';
import type { Seeds } from './seeds.ts';

/** The parts of a node that a merge uses. */
export interface MergeParts {
  readonly cluster: ClusterId;
  /** The name of the cluster in the configuration. */
  readonly clusterName: string | undefined;
  readonly members: Pick<Members, 'n'>;
  readonly seeds: Pick<Seeds, 'ask' | 'add'>;
}

/**
 * Begins to merge this cluster with the one that a node at an address belongs to. Rejects with
 * `bad-parameter` if that is impossible, and with `unreachable` if the node does not answer.
 */
export async function mergeWith(parts: MergeParts, address: Address): Promise<void> {
  const { cluster, seeds } = parts;
  const other = await seeds.ask(address);
  const obstacle = obstacleTo(parts, other);
  if (obstacle !== undefined)
    throw new MecError('bad-parameter', { parameter: 'address', detail: obstacle });
  seeds.add(address);
  cluster.add(other.cluster);
}

function obstacleTo(parts: MergeParts, other: Identity): string | undefined {
  const { cluster, clusterName = other.clusterName, members } = parts;
  if (!cluster.isMember) return 'This node belongs to no cluster yet';
  if (!other.isMember) return `${other.name} belongs to no cluster yet`;
  if (other.partitions !== PARTITIONS)
    return `${other.name} has ${other.partitions} partitions, this cluster ${PARTITIONS}`;
  if (other.n !== members.n)
    return `the quorum.n of ${other.name} is ${other.n}, that of this cluster ${members.n}`;
  if ((other.clusterName ?? clusterName) !== clusterName)
    return `${other.name} is configured for the cluster ${other.clusterName}, this node for ${clusterName}`;
  if (!cluster.canAdd(other.cluster))
    return `The clusters have more than ${MAX_CLUSTER_MARKS} marks together`;
  return undefined;
}
