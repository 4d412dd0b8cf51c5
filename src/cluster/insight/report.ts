/**
 * The report of a node about itself: its findings, and hashes of what all nodes should have in
 * common. Peers ask for it, so that every node can tell how the whole cluster is.
 */
import { hashText32 } from '../../base/hash.ts';
import type { Config } from '../config.ts';
import { isTable } from './json.ts';
import { isHealthCode } from './health-codes.ts';
import { MAX_DETAIL_CHARS, MAX_FINDINGS } from './limits.ts';
import type { DatedFinding } from './verdict.ts';

/** The report of one node. */
export interface NodeReport {
  /** The hash of its member list. */
  readonly members: number;
  /** The hash of its quorums and policies. */
  readonly settings: number;
  readonly findings: readonly DatedFinding[];
}

/** A hash of the settings that should be equal on all nodes. */
export function settingsHash({ quorum, policies }: Pick<Config, 'quorum' | 'policies'>): number {
  const sorted = [...policies].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  const { n, r, w } = quorum;
  const rows = sorted.map((one) => [
    one.prefix,
    one.siblings,
    one.ttlMs,
    one.r,
    one.w,
    one.maxValueBytes,
  ]);
  return hashText32(JSON.stringify([n, r, w, rows]));
}

/** Packs a report, within its bounds. */
export const packReport = (report: NodeReport): string =>
  JSON.stringify({ ...report, findings: report.findings.slice(0, MAX_FINDINGS) });

/** Reads the report of a peer, which may send anything; undefined if it is malformed. */
export function readReport(value: unknown): NodeReport | undefined {
  if (!isTable(value)) return undefined;
  const { members, settings, findings } = value;
  if (typeof members !== 'number' || typeof settings !== 'number' || !Array.isArray(findings))
    return undefined;
  return { members, settings, findings: findings.slice(0, MAX_FINDINGS).flatMap(readFinding) };
}

/** A finding of a peer; none if its code is of a later release, or if it is malformed. */
function readFinding(value: unknown): DatedFinding[] {
  if (!isTable(value)) return [];
  const { code, node, detail, sinceMicros } = value;
  if (!isHealthCode(code) || typeof node !== 'string' || typeof detail !== 'string') return [];
  if (typeof sinceMicros !== 'number' || !Number.isSafeInteger(sinceMicros)) return [];
  const isDate = sinceMicros >= 0 && sinceMicros < MAX_DATE_MICROS;
  if (!isDate || node.length > MAX_DETAIL_CHARS) return [];
  return [{ code, node, detail: detail.slice(0, MAX_DETAIL_CHARS), sinceMicros }];
}

/** The first time that ISO 8601 cannot name with four digits. */
const MAX_DATE_MICROS = 8_640_000_000_000_000;
