/**
 * Counters and histograms of one node, for `/metrics`. To count costs an addition, and to observe a
 * time a search among fourteen bounds. Nothing here knows a key or a client.
 */
import type { ErrorCode } from './errors.ts';

/** The upper bounds of the buckets of a histogram of times, in ms. */
export const BUCKETS_MS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500] as const;

/** Counts of times by their length. */
export class TimeHistogram {
  /** By bucket; the last has all times that are longer than all bounds. */
  readonly counts = new Float64Array(BUCKETS_MS.length + 1);
  sumMs = 0;

  /** Adds one time. */
  observe(ms: number): void {
    this.sumMs += ms;
    let at = 0;
    while (at < BUCKETS_MS.length && ms > (BUCKETS_MS[at] as number)) at += 1;
    (this.counts[at] as number) += 1;
  }
}

const histograms = <const Name extends string>(
  names: readonly Name[],
): Readonly<Record<Name, TimeHistogram>> =>
  Object.fromEntries(names.map((name) => [name, new TimeHistogram()])) as Record<
    Name,
    TimeHistogram
  >;

/** The operations of HTTP that are counted apart. */
const HTTP_OPERATIONS = [
  'get',
  'head',
  'put',
  'post',
  'delete',
  'list',
  'changes',
  'other',
] as const;

/** An operation of HTTP. */
export type HttpOperation = (typeof HTTP_OPERATIONS)[number];

/** The operations of a coordinator. */
const COORDINATED = ['read', 'write', 'write_if', 'forward', 'confirm'] as const;

/** An operation of a coordinator. */
export type CoordinatedOperation = (typeof COORDINATED)[number];

/** The classes of HTTP statuses that are counted apart, from 2xx on. */
export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;

/** All counters and histograms of a node. */
export class Recorder {
  /** Requests that were answered, by operation. */
  readonly http = histograms(HTTP_OPERATIONS);
  /** The same by operation and class of status. */
  readonly httpStatuses = Object.fromEntries(
    HTTP_OPERATIONS.map((name) => [name, new Float64Array(STATUS_CLASSES.length)]),
  ) as Readonly<Record<HttpOperation, Float64Array>>;
  /** Errors in answers, by code. */
  readonly errors = new Map<ErrorCode, number>();
  readonly coordinated = histograms(COORDINATED);
  /** Replicas that a read has brought up to date. */
  readRepairs = 0;
  /** Further replicas that were asked because others were late. */
  hedgedReads = 0;
  /** Reads that found more than one version. */
  conflictingReads = 0;
  /** Writes that became siblings of other versions. */
  siblingsCreated = 0;
  /** Batches of the commit queue, and their rows. */
  readonly commits = new TimeHistogram();
  committedRows = 0;
  /** Objects that were pulled from peers. */
  readonly pulledObjects = new Map<string, number>();
  /** Pulls that failed, by peer. */
  readonly failedPulls = new Map<string, number>();
  /** Versions that were removed because they had expired. */
  expiredVersions = 0;
  /** Actors that were given up because a context names writes that they never made. */
  actorsGivenUp = 0;

  /** Counts an answer to a request. */
  countAnswer(operation: HttpOperation, status: number, ms: number): void {
    this.http[operation].observe(ms);
    const at = Math.floor(status / 100) - 2;
    if (at >= 0 && at < STATUS_CLASSES.length) (this.httpStatuses[operation][at] as number) += 1;
  }

  /** Counts an error in an answer. */
  countError(code: ErrorCode): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}

/** Adds to a count by name. */
export const addTo = (counts: Map<string, number>, name: string, count = 1): void =>
  void counts.set(name, (counts.get(name) ?? 0) + count);
