/**
 * The metrics of a node, by the rules of Prometheus: base units, `mec_` first, `_total` for
 * counters. No label has a key, a client or a path.
 */
import {
  addTo,
  type HttpOperation,
  type Recorder,
  STATUS_CLASSES,
  TimeHistogram,
} from '../base/recorder.ts';
import { HEALTH_KINDS } from '../cluster/insight/health-codes.ts';
import type { Measures } from '../cluster/insight/sight.ts';
import type { PeerStatus } from '../cluster/status.ts';
import { Exposition, type Labels, type Sample } from './exposition.ts';
import { MAX_PEERS_SHOWN, MAX_WORST_PEERS } from './limits.ts';
import type { ServerStatus } from './server-status.ts';

/** The facts about a process that only the operating system knows. */
export interface ProcessFacts {
  readonly cpuSeconds: number;
  /** Undefined if the operating system does not tell. */
  readonly openFiles: number | undefined;
  readonly nodeVersion: string;
}

/** The facts that metrics are made of. */
export interface MetricsFacts {
  readonly status: ServerStatus;
  readonly recorder: Recorder;
  readonly measures: Measures;
  readonly process: ProcessFacts;
}

const one = (value: number | undefined): Sample[] => [[{}, value]];
const seconds = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : ms / 1000;

/** All metrics of a node as text. */
export function printMetrics(facts: MetricsFacts, isOpenMetrics: boolean): string {
  const out = new Exposition(isOpenMetrics);
  addBuild(out, facts);
  addHealth(out, facts);
  addHttp(out, facts);
  addCoordinator(out, facts);
  addPeers(out, facts);
  addSync(out, facts);
  addStore(out, facts);
  addProcess(out, facts);
  return out.print();
}

function addBuild(out: Exposition, { status, process }: MetricsFacts): void {
  const labels = { version: status.version, node_version: process.nodeVersion };
  out.gauge('mec_build_info', 'The versions of MecDB and of Node.js; always 1.', [[labels, 1]]);
  out.gauge('mec_ready', '1 if the node is ready for requests.', one(Number(status.isReady)));
  const roles = [
    ['owned', status.partitions.owned],
    ['pending', status.partitions.pending],
    ['fallback', status.sync.fallbacks],
    ['incomplete', status.sync.incomplete],
  ] as const;
  out.gauge(
    'mec_partitions',
    'Partitions by the role of the node, and those that have not caught up.',
    roles.map(([role, count]) => [{ role }, count]),
  );
}

function addHealth(out: Exposition, { status: { health } }: MetricsFacts): void {
  const names = ['ok', 'degraded', 'critical'] as const;
  out.gauge(
    'mec_health',
    'The verdict on the cluster: 0 ok, 1 degraded, 2 critical.',
    one(names.indexOf(health.status)),
  );
  out.gauge(
    'mec_health_reasons',
    'The nodes that are ill, by the reason for the verdict.',
    Object.entries(HEALTH_KINDS).map(([code, { severity }]) => [
      { code, severity },
      health.reasons.find((reason) => reason.code === code)?.nodes.length ?? 0,
    ]),
  );
}

function addHttp(out: Exposition, { status: { http }, recorder }: MetricsFacts): void {
  const operations = Object.keys(recorder.http) as HttpOperation[];
  out.counter(
    'mec_http_requests_total',
    'Requests that were answered.',
    operations.flatMap((operation) =>
      STATUS_CLASSES.map((status, at): Sample => [
        { operation, status },
        recorder.httpStatuses[operation][at],
      ]),
    ),
  );
  out.histogram(
    'mec_http_request_duration_seconds',
    'The time from a request to the end of its answer.',
    operations.map((operation) => [{ operation }, recorder.http[operation]]),
  );
  out.counter('mec_http_refused_total', 'Requests that were refused.', one(http.refused));
  out.gauge('mec_http_in_flight', 'Requests without an answer yet.', one(http.inFlight));
  out.gauge('mec_http_body_bytes', 'Bytes of large bodies in memory.', one(http.bodyBytes));
  out.gauge('mec_http_answer_bytes', 'Bytes of large answers in memory.', one(http.answerBytes));
  out.counter(
    'mec_errors_total',
    'Errors in answers, by code.',
    [...recorder.errors].map(([code, count]) => [{ code }, count]),
  );
}

function addCoordinator(out: Exposition, { recorder }: MetricsFacts): void {
  out.histogram(
    'mec_coordinate_duration_seconds',
    'The time of operations that the node has coordinated.',
    Object.entries(recorder.coordinated).map(([operation, times]) => [{ operation }, times]),
  );
  const counts = [
    ['read_repairs', 'Replicas that a read has brought up to date.', recorder.readRepairs],
    ['hedged_reads', 'Holders that were asked because others were late.', recorder.hedgedReads],
    ['siblings_created', 'Writes that became siblings.', recorder.siblingsCreated],
    ['conflicting_reads', 'Reads that found several versions.', recorder.conflictingReads],
    ['expired_versions', 'Versions that were removed by their expiry.', recorder.expiredVersions],
  ] as const;
  for (const [name, help, count] of counts) out.counter(`mec_${name}_total`, help, one(count));
}

/**
 * The peers that get labels of their own. In a large cluster these are only the worst: those that
 * do not answer, then those with the most requests that wait or are late.
 */
function shownPeers(peers: readonly PeerStatus[]): readonly PeerStatus[] {
  if (peers.length <= MAX_PEERS_SHOWN) return peers;
  const badness = ({ reach, data }: PeerStatus): number =>
    (reach === 'reachable' ? 0 : 1e12) + data.pending * 1e6 + data.late;
  return [...peers].sort((a, b) => badness(b) - badness(a)).slice(0, MAX_WORST_PEERS);
}

const sumOf = (numbers: Iterable<number>): number => {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
};

function sumOfTimes(all: Iterable<TimeHistogram>): TimeHistogram {
  const sum = new TimeHistogram();
  for (const { counts, sumMs } of all) {
    sum.sumMs += sumMs;
    for (const [at, count] of counts.entries()) (sum.counts[at] as number) += count;
  }
  return sum;
}

function addPeers(out: Exposition, { status: { peers }, measures }: MetricsFacts): void {
  const shown = shownPeers(peers);
  const rest = peers.filter((peer) => !shown.includes(peer));
  const values = (of: (peer: PeerStatus) => number | undefined): Sample[] =>
    shown.map((peer) => [{ peer: peer.node }, of(peer)]);
  const withSum = (of: (peer: PeerStatus) => number): Sample[] => [
    ...values(of),
    ...(rest.length === 0 ? [] : [[{ peer: OTHERS }, sumOf(rest.map(of))] satisfies Sample]),
  ];
  out.gauge(
    'mec_peer_up',
    '1 if the peer answers probes; for the others, the number of those that do.',
    withSum(({ reach }) => Number(reach === 'reachable')),
  );
  const timesOf = ({ node }: PeerStatus): TimeHistogram[] => {
    const times = measures.peerDurations.get(node);
    return times === undefined ? [] : [times];
  };
  const times = shown.flatMap((peer): [Labels, TimeHistogram][] =>
    timesOf(peer).map((own) => [{ peer: peer.node }, own]),
  );
  if (rest.length > 0) times.push([{ peer: OTHERS }, sumOfTimes(rest.flatMap(timesOf))]);
  out.histogram(
    'mec_peer_request_duration_seconds',
    'The time from a request to a peer to its reply.',
    times,
  );
  out.gauge(
    'mec_peer_pending',
    'Requests to a peer without a reply.',
    withSum(({ data }) => data.pending),
  );
  out.gauge(
    'mec_peer_queued_bytes',
    'Bytes that wait to be sent to a peer.',
    withSum(({ data }) => data.queuedBytes),
  );
  out.counter(
    'mec_peer_late_total',
    'Replies that came after their deadline.',
    withSum(({ data }) => data.late),
  );
  out.counter(
    'mec_peer_garbage_total',
    'Frames and messages that were not understood.',
    withSum(({ data, probes }) => data.garbage + probes.garbage),
  );
  out.gauge(
    'mec_peer_clock_skew_seconds',
    'The lead of the wall clock of a peer.',
    values(({ clockSkewMs }) => seconds(clockSkewMs)),
  );
}

/** The label of the peers without labels of their own. Names of nodes have no such signs. */
const OTHERS = '(others)';

function addSync(out: Exposition, { status, recorder, measures }: MetricsFacts): void {
  const shown = new Set(shownPeers(status.peers).map(({ node }) => node));
  const isCut = shown.size < status.peers.length;
  const perPeer = (counts: ReadonlyMap<string, number>): Sample[] => {
    const sums = new Map<string, number>();
    for (const [peer, count] of counts) addTo(sums, shown.has(peer) ? peer : OTHERS, count);
    // A peer that has left has no label of its own any more.
    if (!isCut) sums.delete(OTHERS);
    return [...sums].map(([peer, count]) => [{ peer }, count]);
  };
  const { differences } = measures;
  const differing = [...differences].map(([peer, { partitions }]) => [peer, partitions] as const);
  const behind = [...differences].filter(([peer]) => shown.has(peer));
  out.gauge(
    'mec_sync_differing_partitions',
    'Partitions that differed in the last comparison with a peer.',
    perPeer(new Map(differing)),
  );
  out.gauge(
    'mec_sync_behind_seconds',
    'The time for which replicas at rest have differed from those of a peer.',
    behind.map(([peer, { behindMs }]) => [{ peer }, seconds(behindMs)]),
  );
  out.gauge(
    'mec_sync_oldest_pull_seconds',
    'The age of the oldest pull; 0 if there is none.',
    one(seconds(status.sync.oldest?.ageMs ?? 0)),
  );
  out.counter(
    'mec_sync_pulled_objects_total',
    'Objects that were pulled from a peer.',
    perPeer(recorder.pulledObjects),
  );
  out.counter('mec_sync_failures_total', 'Pulls that failed.', perPeer(recorder.failedPulls));
  out.counter('mec_scrub_pages_total', 'Pages of rows compared.', one(status.scrub.pages));
  out.counter(
    'mec_scrub_restored_total',
    'Records that a disk had lost silently, and that were restored.',
    one(status.scrub.restored),
  );
}

function addStore(out: Exposition, { status: { store }, recorder, measures }: MetricsFacts): void {
  out.gauge('mec_store_up', '1 if the store works.', one(Number(store.state === 'ok')));
  out.histogram('mec_store_commit_duration_seconds', 'The time to write a batch to the disk.', [
    [{}, recorder.commits],
  ]);
  out.counter('mec_store_commit_rows_total', 'Rows written.', one(recorder.committedRows));
  const gauges = [
    ['pending_rows', 'Rows that wait for the disk.', store.pending?.rows],
    ['pending_bytes', 'Bytes that wait for the disk.', store.pending?.bytes],
    ['disk_bytes', 'Bytes of the store on disk.', store.diskBytes],
    ['disk_free_bytes', 'Bytes that are free on the disk.', measures.disk?.freeBytes],
    ['disk_total_bytes', 'Bytes of the disk.', measures.disk?.totalBytes],
    ['keys', 'Keys with a value.', store.keys],
    ['log_entries', 'Writes that some holder may still lack.', store.logEntries],
    ['residues', 'Keys with a history and no value.', store.residues],
    ['most_siblings', 'The most siblings of one key; 0 if none has any.', measures.mostSiblings],
    ['marked_keys', 'Keys whose record is damaged and not mended yet.', store.damage?.marks],
    ['unreadable_keys', 'Keys that no node could read.', store.damage?.unreadable.length],
  ] as const;
  for (const [name, help, value] of gauges) out.gauge(`mec_store_${name}`, help, one(value));
  out.counter(
    'mec_store_damaged_total',
    'Damaged records, blocks and files that were found.',
    one(measures.damageFound),
  );
  out.counter(
    'mec_store_actors_given_up_total',
    'Actors that were given up: others know writes of them that they never made.',
    one(recorder.actorsGivenUp),
  );
}

function addProcess(out: Exposition, { status, measures, process }: MetricsFacts): void {
  out.gauge(
    'mec_event_loop_lag_seconds',
    'The latest lag of the event loop, measured once a second.',
    one(seconds(measures.loopLagMs)),
  );
  out.gauge('mec_uptime_seconds', 'The time since the start.', one(seconds(status.uptimeMs)));
  out.counter('process_cpu_seconds_total', 'CPU time of the process.', one(process.cpuSeconds));
  out.gauge(
    'process_resident_memory_bytes',
    'Resident memory of the process.',
    one(status.memory.rssBytes),
  );
  out.gauge('process_open_fds', 'Open files of the process.', one(process.openFiles));
}
