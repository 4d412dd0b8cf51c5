/**
 * An operator who merges clusters. Nodes that have lost their disks may be a majority of those that
 * their configurations name. They begin another cluster, and the remaining members refuse it.
 */
import type { SimCluster } from './cluster.ts';

/** The pause between two looks. */
const LOOK_MS = 2_000;

/** Looks from now on whether there are several clusters, and merges them. */
export function startMerging(cluster: SimCluster): void {
  const { world, nodes } = cluster;
  const look = (): void => {
    world.after(LOOK_MS, look);
    const running = nodes.flatMap((member) => {
      const { node } = member;
      const id = node?.status().cluster.id;
      return node === undefined || id === undefined ? [] : [{ member, node, id }];
    });
    const [first, ...others] = running;
    const stranger = others.find(({ id }) => id !== first?.id);
    // If it fails, the operator tries again.
    if (first !== undefined) stranger?.node.merge(first.member.address).catch(() => {});
  };
  world.after(LOOK_MS, look);
}
