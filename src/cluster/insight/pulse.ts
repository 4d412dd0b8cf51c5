/**
 * The pulse of a node: the few facts that a page shows of each node, every second or two. All
 * counts are since the start of the process, so that each reader takes its own window.
 */
import { BUCKETS_MS, type HttpOperation, type Recorder } from '../../base/recorder.ts';
import { PARTITIONS } from '../../core/limits.ts';
import type { Reach } from '../../core/placement/detector.ts';
import { MEMBER_STATES, type MemberState } from '../../core/placement/member-list.ts';
import type { DiskSpace } from '../../storage/disk-space.ts';
import type { Difference } from '../sync/comparisons.ts';
import { type FactsParts, otherMembers } from './facts.ts';
import { isTable, listOf, numberOf, textOf } from './json.ts';
import { MAX_DETAIL_CHARS, MAX_PULSE_PEERS } from './limits.ts';
import type { LoopLag } from './slow.ts';

/** The operations that a pulse counts. */
const OPERATIONS = ['get', 'head', 'put', 'post', 'delete', 'list'] as const;

/** Requests of one operation since the start: their number by bucket, and all their times. */
export interface PulseTimes {
  /** By the buckets of `/metrics`. The last has all that were slower. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

/** A peer as a node reaches it. */
export interface PulsePeer {
  readonly node: string;
  readonly reach: Reach;
  readonly latencyMs: number;
  /** The lead of its clock; undefined if it is not known. */
  readonly clockSkewMs?: number | undefined;
  /** Partitions that differed when they were last compared. */
  readonly differing: number;
}

/** The pulse of one node. A value that is not known is undefined. */
export interface NodePulse {
  readonly name: string;
  readonly state: MemberState;
  readonly isReady: boolean;
  /** The time of this pulse by the monotonic clock of the node. */
  readonly atMs: number;
  readonly operations: Readonly<Partial<Record<HttpOperation, PulseTimes>>>;
  /** Answers with a status of 500 or more. */
  readonly failed: number;
  readonly siblingsCreated: number;
  readonly loopLagMs?: number | undefined;
  readonly store: string;
  readonly keys?: number | undefined;
  readonly storeBytes?: number | undefined;
  readonly disk?: DiskSpace | undefined;
  /**
   * A letter for each partition: `o` owned and complete, `i` owned and incomplete, `p` owned soon,
   * `f` held as a fallback, and `.` not held. Empty as long as the owners are not known.
   */
  readonly partitions: string;
  /** The worst first; all of them up to `MAX_PULSE_PEERS`. */
  readonly peers: readonly PulsePeer[];
}

/** The parts of a node that its pulse needs. */
export interface PulseParts extends FactsParts {
  readonly telemetry: { readonly recorder: Recorder; readonly loopLag: LoopLag };
  readonly sync: FactsParts['sync'] & { differences(): ReadonlyMap<string, Difference> };
}

/** The pulse of this node now. */
export function pulseOf(parts: PulseParts, disk: DiskSpace | undefined): NodePulse {
  const { env, members, store, telemetry } = parts;
  const { recorder, loopLag } = telemetry;
  const { state, keys, diskBytes } = store.status();
  const statuses = Object.values(recorder.httpStatuses);
  return {
    name: members.self,
    state: members.own.state,
    isReady: parts.whyNotReady() === undefined,
    atMs: env.clock.monotonicMs(),
    operations: Object.fromEntries(
      OPERATIONS.map((name) => [name, timesOf(recorder.http[name])] as const),
    ),
    failed: statuses.reduce((sum, counts) => sum + (counts.at(-1) ?? 0), 0),
    siblingsCreated: recorder.siblingsCreated,
    loopLagMs: loopLag.ms,
    store: state,
    keys,
    storeBytes: diskBytes,
    disk,
    partitions: partitionsOf(parts),
    peers: peersOf(parts),
  };
}

const timesOf = ({ counts, sumMs }: Recorder['http'][HttpOperation]): PulseTimes => ({
  counts: [...counts],
  sumMs: Math.round(sumMs),
});

function partitionsOf({ members, store }: FactsParts): string {
  if (members.whyNotReady() !== undefined || !store.isOpen) return '';
  let letters = '';
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const replica = store.find(partition);
    if (members.owners(partition).includes(members.self))
      letters += replica?.isComplete === true ? 'o' : 'i';
    else if (members.pendingOwners(partition).includes(members.self)) letters += 'p';
    else letters += replica === undefined || replica.isBlank ? '.' : 'f';
  }
  return letters;
}

const BADNESS: Readonly<Record<Reach, number>> = { unreachable: 2, suspect: 1, reachable: 0 };

function peersOf({ members, peers, sync, time }: PulseParts): PulsePeer[] {
  const differences = sync.differences();
  const all = otherMembers(members, peers).map((peer) => {
    const skewMs = time.skewMs(peer);
    return {
      node: peer.id,
      reach: peers.reach(peer.id),
      latencyMs: Math.round(peer.latency.meanMs * 100) / 100,
      clockSkewMs: skewMs === undefined ? undefined : Math.round(skewMs),
      differing: differences.get(peer.id)?.partitions ?? 0,
    };
  });
  all.sort((a, b) => BADNESS[b.reach] - BADNESS[a.reach] || b.differing - a.differing);
  return all.slice(0, MAX_PULSE_PEERS);
}

/** Reads the pulse of a peer; undefined if it is malformed. */
export function readPulse(value: unknown): NodePulse | undefined {
  if (!isTable(value)) return undefined;
  const name = textOf(value['name'], MAX_DETAIL_CHARS);
  const state = MEMBER_STATES.find((known) => known === value['state']);
  const atMs = numberOf(value['atMs']);
  if (name === undefined || state === undefined || atMs === undefined) return undefined;
  const operations = isTable(value['operations']) ? value['operations'] : {};
  const number = (field: string): number | undefined => numberOf(value[field]);
  return {
    name,
    state,
    isReady: value['isReady'] === true,
    atMs,
    operations: Object.fromEntries(
      OPERATIONS.flatMap((operation) => {
        const times = readTimes(operations[operation]);
        return times === undefined ? [] : [[operation, times] as const];
      }),
    ),
    failed: number('failed') ?? 0,
    siblingsCreated: number('siblingsCreated') ?? 0,
    loopLagMs: number('loopLagMs'),
    store: textOf(value['store'], MAX_DETAIL_CHARS) ?? '',
    keys: number('keys'),
    storeBytes: number('storeBytes'),
    disk: readDisk(value['disk']),
    partitions: (textOf(value['partitions'], PARTITIONS) ?? '').replaceAll(/[^oipf]/g, '.'),
    peers: listOf(value['peers'], MAX_PULSE_PEERS, readPeer),
  };
}

function readTimes(value: unknown): PulseTimes | undefined {
  if (!isTable(value)) return undefined;
  const counts = listOf(value['counts'], BUCKETS_MS.length + 1, numberOf);
  return { counts, sumMs: numberOf(value['sumMs']) ?? 0 };
}

function readDisk(value: unknown): DiskSpace | undefined {
  if (!isTable(value)) return undefined;
  const [free, all] = [numberOf(value['freeBytes']), numberOf(value['totalBytes'])];
  return free === undefined || all === undefined ? undefined : { freeBytes: free, totalBytes: all };
}

function readPeer(value: unknown): PulsePeer | undefined {
  if (!isTable(value)) return undefined;
  const node = textOf(value['node'], MAX_DETAIL_CHARS);
  const reach = (Object.keys(BADNESS) as Reach[]).find((known) => known === value['reach']);
  if (node === undefined || reach === undefined) return undefined;
  const skewMs = value['clockSkewMs'];
  return {
    node,
    reach,
    latencyMs: numberOf(value['latencyMs']) ?? 0,
    clockSkewMs: typeof skewMs === 'number' && Number.isFinite(skewMs) ? skewMs : undefined,
    differing: numberOf(value['differing']) ?? 0,
  };
}
