/**
 * The verdict on a cluster: the findings of a node and of its peers, as reasons for people and
 * alarms. Pure; the caller passes times in.
 */
import { microsToIso } from '../../base/system.ts';
import type { Finding } from './findings.ts';
import { HEALTH_KINDS, type HealthCode, type HealthStatus } from './health-codes.ts';
import { MAX_DETAILS } from './limits.ts';

/** A finding, and the wall time at which it was first made, µs since 1970. */
export interface DatedFinding extends Finding {
  readonly sinceMicros: number;
}

/** A reason for a verdict. */
export interface HealthReason {
  readonly code: HealthCode;
  readonly severity: 'degraded' | 'critical';
  /** ISO 8601. */
  readonly since: string;
  readonly what: string;
  readonly todo: string;
  /** The nodes that are ill. */
  readonly nodes: readonly string[];
}

/** The verdict on a cluster, with all reasons. */
export interface Health {
  readonly status: HealthStatus;
  readonly reasons: readonly HealthReason[];
}

const order = Object.keys(HEALTH_KINDS) as readonly HealthCode[];

/** The verdict that follows from the findings of all nodes. */
export function verdictOf(findings: readonly DatedFinding[]): Health {
  const reasons = order.flatMap((code) => {
    const found = findings.filter((finding) => finding.code === code);
    return found.length === 0 ? [] : [reasonOf(code, found)];
  });
  const isCritical = reasons.some(({ severity }) => severity === 'critical');
  return {
    status: isCritical ? 'critical' : reasons.length > 0 ? 'degraded' : 'ok',
    reasons,
  };
}

function reasonOf(code: HealthCode, findings: readonly DatedFinding[]): HealthReason {
  const { severity, what, todo } = HEALTH_KINDS[code];
  const details = [...new Set(findings.map(({ detail }) => detail))].filter((text) => text !== '');
  const more = details.length - MAX_DETAILS;
  const told = details.slice(0, MAX_DETAILS).concat(more > 0 ? `${more} more` : []);
  return {
    code,
    severity,
    since: microsToIso(Math.min(...findings.map(({ sinceMicros }) => sinceMicros))),
    what: told.length === 0 ? `${what}.` : `${what}: ${told.join('; ')}.`,
    todo,
    nodes: [...new Set(findings.map(({ node }) => node))].sort(),
  };
}

/** Remembers since when each finding is made, and holds back those that are too young. */
export class FindingAges {
  readonly #ages = new Map<string, { readonly sinceMs: number; readonly sinceMicros: number }>();

  /** The findings that have lasted long enough, with their dates. Forgets those that have ended. */
  date(findings: readonly Finding[], nowMs: number, nowMicros: number): DatedFinding[] {
    const names = new Set(findings.map(nameOf));
    for (const name of this.#ages.keys()) if (!names.has(name)) this.#ages.delete(name);
    return findings.flatMap((finding) => {
      const name = nameOf(finding);
      const age = this.#ages.get(name) ?? { sinceMs: nowMs, sinceMicros: nowMicros };
      this.#ages.set(name, age);
      const isOld = nowMs - age.sinceMs >= HEALTH_KINDS[finding.code].holdMs;
      return isOld ? [{ ...finding, sinceMicros: age.sinceMicros }] : [];
    });
  }
}

const nameOf = ({ code, node }: Finding): string => `${code} ${node}`;
