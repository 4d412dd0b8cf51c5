/**
 * Judges the member lists of the nodes after every turn. Only a member that is gone takes owners
 * away. If a node counted fewer owners than before, its quorums could pass over an owner that no
 * other one has replaced.
 */
import type { SimCluster, SimNode } from './cluster.ts';
import type { History } from './history.ts';

/** The number of owners of a key that a node counts, in one life. */
interface Count {
  readonly life: SimNode['life'];
  readonly owners: number;
}

/** The judge of the member lists of one run. */
export class ListJudge {
  readonly #cluster: SimCluster;
  readonly #history: Pick<History, 'violate'>;
  readonly #counts = new Map<SimNode, Count>();

  constructor(cluster: SimCluster, history: Pick<History, 'violate'>) {
    this.#cluster = cluster;
    this.#history = history;
  }

  /** Looks at every node. */
  check(): void {
    for (const node of this.#cluster.nodes) {
      const { life, replicas: owners } = node;
      if (owners === undefined) continue;
      const before = this.#counts.get(node);
      if (before?.life === life && before?.owners === owners) continue;
      this.#counts.set(node, { life, owners });
      if (before === undefined || before.life !== life || before.owners < owners) continue;
      if (knowsGoneMember(node)) continue;
      this.#history.violate(
        `${node.name} counts ${owners} owners and not ${before.owners}, although no member is gone`,
      );
    }
  }
}

const knowsGoneMember = ({ node }: SimNode): boolean =>
  node?.members.some(({ state }) => state === 'gone') === true;
