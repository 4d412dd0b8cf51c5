/** Gathers the facts that the findings of a node follow from. It changes nothing. */
import type { Env } from '../../base/env.ts';
import { PARTITIONS } from '../../core/limits.ts';
import type { DiskSpace } from '../../storage/disk-space.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Peer, Peers } from '../membership/peers.ts';
import type { Wait } from '../membership/wait.ts';
import type { Scrub } from '../sync/scrub.ts';
import type { Sync } from '../sync/sync.ts';
import type { WallTime } from '../wall-time.ts';
import type {
  DamageFacts,
  HealthFacts,
  PartitionFacts,
  PeerFacts,
  ReplicationFacts,
} from './findings.ts';
import type { NodeReport } from './report.ts';
import type { TopKeys } from './top.ts';

/** The parts of a node that its facts come from. */
export interface FactsParts {
  readonly env: Pick<Env, 'clock'>;
  readonly members: Members;
  readonly peers: Peers;
  readonly store: Store;
  readonly sync: Pick<Sync, 'stalledPull'>;
  readonly scrub: Pick<Scrub, 'status'>;
  readonly time: WallTime;
  readonly top: Pick<TopKeys, 'mostSiblings'>;
  /** The wait of this node to join or leave. */
  readonly waitsFor: () => Wait | undefined;
  /** The reason why this node should get no requests. */
  readonly whyNotReady: () => { readonly message: string } | undefined;
}

/** The facts that come from the disk and from peers. */
export interface LearntFacts {
  readonly disk: DiskSpace | undefined;
  readonly damage: DamageFacts;
  /** The latest reports of peers, by name. */
  readonly reports: ReadonlyMap<string, NodeReport>;
  /** The hash of the settings of this node. */
  readonly settings: number;
}

/** The present facts of a node. */
export function factsOf(parts: FactsParts, learnt: LearntFacts): HealthFacts {
  const { members, peers, store, sync } = parts;
  const unknown = members.whyNotReady();
  const ownersUnknown = store.isOpen ? unknown?.message : undefined;
  const notReady = unknown === undefined && store.isOpen ? parts.whyNotReady()?.message : undefined;
  return {
    self: members.self,
    ownersUnknown,
    notReady,
    peers: otherMembers(members, peers).map((peer) => peerFactsOf(parts, peer, learnt)),
    partitions: unknown === undefined ? partitionFactsOf(parts) : undefined,
    replication: unknown === undefined ? replicationOf(members) : undefined,
    store: store.status(),
    damage: learnt.damage,
    disk: learnt.disk,
    stalledPull: sync.stalledPull,
    mostSiblings: parts.top.mostSiblings,
    waitsFor: parts.waitsFor(),
  };
}

/** The peers that are members and have not left. */
export const otherMembers = (members: Members, peers: Peers): Peer[] =>
  members.in('joining', 'up', 'leaving').flatMap(({ name }) => peers.byId.get(name) ?? []);

function peerFactsOf(
  { peers, members, time }: FactsParts,
  peer: Peer,
  { reports, settings }: LearntFacts,
): PeerFacts {
  const report = reports.get(peer.id);
  return {
    name: peer.id,
    reach: peers.reach(peer.id),
    refusal: peer.refusal,
    skewMs: time.skewMs(peer),
    hasSameMembers: report && report.members === members.hash,
    hasSamePolicies: report && report.settings === settings,
  };
}

const replicationOf = (members: Members): ReplicationFacts => ({
  replicas: members.replicas,
  wanted: members.n,
  members: members.in('joining', 'up', 'leaving').length,
});

function partitionFactsOf({ members, peers, store }: FactsParts): PartitionFacts {
  const { self } = members;
  const isThere = new Map<string, boolean>();
  for (const id of peers.byId.keys()) isThere.set(id, peers.reach(id) !== 'unreachable');
  isThere.set(self, store.isOpen);
  let [withoutQuorum, underReplicated] = [0, 0];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const owners = members.owners(partition);
    const there = owners.filter((name) => isThere.get(name) === true).length;
    const isBehind = owners.includes(self) && store.find(partition)?.isComplete === false;
    if (2 * there <= owners.length) withoutQuorum += 1;
    if (there < owners.length || isBehind) underReplicated += 1;
  }
  return { all: PARTITIONS, withoutQuorum, underReplicated };
}
