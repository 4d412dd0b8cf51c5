/** The knowledge of a node about its cluster at a start, by its store. */
import type { MemberRecord } from '../../core/placement/member-list.ts';
import type { Store } from '../../storage/store.ts';
import type { Config } from '../config.ts';
import { Ledger } from '../../core/security/ledger.ts';
import { TokenKeys } from '../../core/causality/token-keys.ts';
import { ClusterId } from './cluster-id.ts';
import { Members } from './members.ts';

type KeptStore = Pick<
  Store,
  'keptLedger' | 'keptMembers' | 'keptMarks' | 'keptTokenKeys' | 'keptMissedNames' | 'heldReplicas'
>;

/** The knowledge of a node about its cluster. */
interface KeptCluster {
  readonly cluster: ClusterId;
  readonly members: Members;
  readonly tokenKeys: TokenKeys;
  readonly ledger: Ledger;
}

/** Makes the cluster id, member list and keys of a node. `life` is the life of this process. */
export function readKeptCluster(store: KeptStore, config: Config, life: string): KeptCluster {
  const isUnused = isUnusedCluster(store, config);
  const records = isUnused ? [] : store.keptMembers();
  const marks = isUnused ? undefined : store.keptMarks;
  const unused = isUnused ? store.keptMarks : undefined;
  // A node that has not joined keeps its own record only.
  const isJoining = records.length > 0 && records.every(({ state }) => state === 'joining');
  const isOther = ({ name, state }: MemberRecord): boolean =>
    name !== config.name && state !== 'gone';
  const isTaken = marks !== undefined && isJoining;
  const isLost = marks === undefined && records.some(isOther);
  return {
    cluster: new ClusterId({ kept: marks, unused, isTaken, isLost, life }),
    members: new Members(config, records, life, store.keptMissedNames),
    tokenKeys: new TokenKeys(isUnused ? [] : store.keptTokenKeys),
    ledger: new Ledger(isUnused ? [] : store.keptLedger),
  };
}

/**
 * Whether the cluster of this node has no other member and no data, and the configuration names
 * other nodes. The node was first started without those entries. It starts as a new node, so that
 * it can join the others.
 */
function isUnusedCluster(store: KeptStore, { nodes, host, port }: Config): boolean {
  const namesOthers = nodes.some((node) => node.host !== host || node.port !== port);
  const [own, ...others] = store.keptMembers();
  return namesOthers && own?.state === 'up' && others.length === 0 && store.heldReplicas === 0;
}
