/** The member list of a node as one text, to compare those of all nodes. */
import type { MecNode } from '../cluster/node.ts';

/** Returns the members of the cluster, as a node knows them. */
export function viewOf({ node }: { readonly node: MecNode | undefined }): string {
  return (node?.members ?? [])
    .map(({ name, state, generation, life }) => `${name} ${state} ${generation} ${life}`)
    .sort()
    .join();
}
