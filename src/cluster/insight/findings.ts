/**
 * The findings of a node: a pure function from facts about the node, and about the cluster as the
 * node sees it.
 */
import type { Reach } from '../../core/placement/detector.ts';
import type { DiskSpace } from '../../storage/disk-space.ts';
import type { StoreStatus } from '../../storage/store-status.ts';
import type { Wait } from '../membership/wait.ts';
import type { AgedJob } from '../sync/pull-queue.ts';
import { CLOCK_TOLERANCE_MS } from '../limits.ts';
import type { HealthCode } from './health-codes.ts';
import {
  DAMAGE_TOLD_MS,
  ENOUGH_DISK_SHARE,
  LOW_DISK_BYTES,
  LOW_DISK_SHARE,
  MANY_SIBLINGS,
  PULL_STUCK_MS,
} from './limits.ts';

/** One thing that is wrong with one node. */
export interface Finding {
  readonly code: HealthCode;
  /** The node that is ill. */
  readonly node: string;
  /** Text that adds to the sentence of the code; empty if there is nothing to add. */
  readonly detail: string;
}

/** A peer, as a node knows it. */
export interface PeerFacts {
  readonly name: string;
  readonly reach: Reach;
  readonly refusal: string | undefined;
  /** The lead of its wall clock in ms; undefined if it is not known. */
  readonly skewMs: number | undefined;
  /** Whether its member list is the same; undefined if it has not said. */
  readonly hasSameMembers: boolean | undefined;
  /** Whether its policies and quorums are the same; undefined if it has not said. */
  readonly hasSamePolicies: boolean | undefined;
}

/** Counts of partitions by the state of their owners. */
export interface PartitionFacts {
  readonly all: number;
  /** Partitions of which a majority of the owners cannot be reached. */
  readonly withoutQuorum: number;
  /** Partitions with an owner that cannot be reached, or that has not caught up. */
  readonly underReplicated: number;
}

/** The replicas of each key, those that the configuration wants, and the number of members. */
export interface ReplicationFacts {
  readonly replicas: number;
  readonly wanted: number;
  readonly members: number;
}

/** Damage that a node has found and mended since its start. */
export interface DamageFacts {
  /** Damaged records, blocks and files, and records that another node had to restore. */
  readonly found: number;
  /** The time since the last one in ms; undefined if there was none. */
  readonly lastAgoMs: number | undefined;
}

/** The facts about a node and its cluster. A value that the node does not know is undefined. */
export interface HealthFacts {
  readonly self: string;
  /** The reason why the node does not know the owners; undefined if it does. */
  readonly ownersUnknown: string | undefined;
  /** Another reason why the node is not ready; undefined if it is ready. */
  readonly notReady: string | undefined;
  /** The members that are not gone, without the node itself. */
  readonly peers: readonly PeerFacts[];
  /** Undefined if the node does not know the owners. */
  readonly partitions: PartitionFacts | undefined;
  /** Undefined if the node does not know the owners. */
  readonly replication: ReplicationFacts | undefined;
  readonly store: Pick<StoreStatus, 'state' | 'damage'>;
  readonly damage: DamageFacts;
  readonly disk: DiskSpace | undefined;
  /** The pull that has made no progress for longest. */
  readonly stalledPull: AgedJob | undefined;
  /** The most siblings that a key has here. */
  readonly mostSiblings: number;
  readonly waitsFor: Wait | undefined;
}

type Rule = (facts: HealthFacts) => readonly (readonly [node: string, detail: string])[];

/** A finding about the node itself, if `detail` is a text. */
const own = ({ self }: HealthFacts, detail: string | undefined): [string, string][] =>
  detail === undefined ? [] : [[self, detail]];

/** A length of time with one decimal: in seconds up to two minutes, then in minutes or hours. */
function timeText(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7_200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The rule of each code. */
const RULES: Readonly<Record<HealthCode, Rule>> = {
  'quorum-lost': (facts) => partitionsWith(facts, 'withoutQuorum'),
  'keys-unreadable': (facts) => {
    const { unreadable = [] } = facts.store.damage ?? {};
    return own(facts, unreadable.length === 0 ? undefined : counted(unreadable.length, 'key'));
  },
  'owners-unknown': (facts) => own(facts, facts.ownersUnknown),
  'node-unreachable': ({ peers }) =>
    peers
      .filter(({ reach, refusal }) => reach === 'unreachable' && refusal === undefined)
      .map(({ name }) => [name, name]),
  'node-refused': ({ peers }) =>
    peers.flatMap(({ name, refusal }) =>
      refusal === undefined ? [] : [[name, `${name}: ${refusal}`]],
    ),
  'disk-full': (facts) => own(facts, facts.store.state === 'disk-full' ? facts.self : undefined),
  'disk-failed': (facts) => {
    const { state } = facts.store;
    const isFailed = state !== 'ok' && state !== 'disk-full';
    return own(facts, isFailed ? `${facts.self}: ${state}` : undefined);
  },
  'disk-nearly-full': (facts) => own(facts, lowDisk(facts)),
  'under-replicated': (facts) => partitionsWith(facts, 'underReplicated'),
  'too-few-nodes': (facts) => {
    const { replicas, wanted, members } = facts.replication ?? {
      replicas: 0,
      wanted: 0,
      members: 1,
    };
    // A single node has no replicas elsewhere by choice.
    const isThin = replicas < wanted && members > 1;
    return own(facts, isThin ? `keys have ${replicas} of ${wanted} replicas` : undefined);
  },
  'not-ready': (facts) => own(facts, facts.notReady && `${facts.self}: ${facts.notReady}`),
  'sync-stuck': (facts) => {
    const { self, stalledPull } = facts;
    if (stalledPull === undefined || stalledPull.ageMs < PULL_STUCK_MS) return [];
    const { partition, peer } = stalledPull;
    return [[self, `${self} pulls partition ${partition} from ${peer}`]];
  },
  'clock-skew': clockSkew,
  'store-damaged': (facts) => {
    const { marks = 0, wounded = 0, aside = 0 } = facts.store.damage ?? {};
    const partitions = Math.max(wounded, aside);
    const parts = [
      ...(marks > 0 ? [counted(marks, 'key')] : []),
      ...(partitions > 0 ? [counted(partitions, 'partition')] : []),
    ];
    return own(facts, parts.length === 0 ? undefined : `${facts.self}: ${parts.join(' and ')}`);
  },
  'damage-found': (facts) => {
    const { found, lastAgoMs = Infinity } = facts.damage;
    return own(facts, lastAgoMs > DAMAGE_TOLD_MS ? undefined : `${facts.self}: ${found} in all`);
  },
  'many-siblings': (facts) => {
    const { self, mostSiblings } = facts;
    return own(facts, mostSiblings < MANY_SIBLINGS ? undefined : `${self}: ${mostSiblings}`);
  },
  'members-disagree': ({ peers, self }) =>
    peers
      .filter(({ reach, hasSameMembers }) => reach === 'reachable' && hasSameMembers === false)
      .map(({ name }) => [name, pair(self, name)]),
  'policies-differ': ({ peers, self }) =>
    peers
      .filter(({ reach, hasSamePolicies }) => reach === 'reachable' && hasSamePolicies === false)
      .map(({ name }) => [name, pair(self, name)]),
  'handoff-waits': (facts) => {
    const { waitsFor, self } = facts;
    const others = waitsFor?.members.filter((name) => name !== self) ?? [];
    if (waitsFor === undefined || (others.length === 0 && waitsFor.reason !== 'no-successor'))
      return [];
    return [[self, `${self}: ${waitsFor.reason} ${others.join(', ')}`.trim()]];
  },
};

/** Two names in an order that does not depend on the side. */
const pair = (...names: readonly string[]): string => [...names].sort().join(' and ');

function partitionsWith(
  facts: HealthFacts,
  count: 'withoutQuorum' | 'underReplicated',
): [string, string][] {
  const { partitions } = facts;
  if (partitions === undefined || partitions[count] === 0) return [];
  return own(facts, `${partitions[count]} of ${partitions.all} partitions`);
}

function lowDisk({ self, disk }: HealthFacts): string | undefined {
  if (disk === undefined || disk.totalBytes === 0) return undefined;
  const share = disk.freeBytes / disk.totalBytes;
  const isLow =
    share < LOW_DISK_SHARE || (disk.freeBytes < LOW_DISK_BYTES && share < ENOUGH_DISK_SHARE);
  return isLow ? `${self}: ${Math.floor(100 * share)} % free` : undefined;
}

/**
 * The clocks that are off. If the clock here differs from those of most peers, and these agree with
 * each other, it is the clock here that is wrong.
 */
function clockSkew({ self, peers }: HealthFacts): [string, string][] {
  const known = peers.flatMap(({ name, skewMs, reach }) =>
    skewMs === undefined || reach !== 'reachable' ? [] : [{ name, skewMs }],
  );
  const skews = [0, ...known.map(({ skewMs }) => skewMs)].sort((a, b) => a - b);
  const majority = skews[Math.floor(skews.length / 2)] as number;
  const clocks = [{ name: self, skewMs: 0 }, ...known];
  // Of two clocks none is right: the one that is ahead is named, by both nodes.
  const usual = skews.length === 2 ? Math.min(...skews) : majority;
  return clocks
    .map(({ name, skewMs }) => ({ name, off: skewMs - usual }))
    .filter(({ off }) => Math.abs(off) > CLOCK_TOLERANCE_MS)
    .map(({ name, off }) => [name, `${name} is ${timeText(off)} ${off > 0 ? 'ahead' : 'behind'}`]);
}

/** All findings of a node, the worst first. */
export function findingsOf(facts: HealthFacts): Finding[] {
  const codes = Object.keys(RULES) as HealthCode[];
  return codes.flatMap((code) =>
    RULES[code](facts).map(([node, detail]) => ({ code, node, detail })),
  );
}
