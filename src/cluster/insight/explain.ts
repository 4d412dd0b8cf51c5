/** Asks the holders of a key for their reports, and explains the key. It repairs nothing. */
import { MecError, toMecError } from '../../base/errors.ts';
import { microsToIso } from '../../base/system.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { Role } from '../../core/quorum/owner-quorum.ts';
import type { Config } from '../config.ts';
import { planOf, type WritePlanParts } from '../coordinator/put.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { Peers } from '../membership/peers.ts';
import type { Policies } from '../policies.ts';
import { askAll } from './ask-all.ts';
import {
  type ExplainedHolder,
  explainReports,
  type KeyExplanation,
  type PlannedWrite,
} from './key-explanation.ts';
import { type KeyReport, type KeyReportParts, makeKeyReport, readKeyReport } from './key-report.ts';

/** The parts of a node that an explanation needs. */
export interface ExplainParts extends KeyReportParts, WritePlanParts {
  readonly holders: WritePlanParts['holders'] &
    Pick<Holders, 'placeOf' | 'rolesOf' | 'reachOf' | 'coordinators'>;
  readonly peers: Pick<Peers, 'byId' | 'reach'>;
  readonly policies: Pick<Policies, 'isLastWriteWins' | 'of'>;
  readonly config: { readonly quorum: Pick<Config['quorum'], 'w'> };
  readonly members: { readonly self: string };
}

interface NamedRole {
  readonly role: Role;
  readonly node: string;
}

/**
 * Explains a key, and a write with this token. Rejects with `quorum-not-met` if no holder answers.
 */
export async function explainKey(
  parts: ExplainParts,
  key: string,
  token: CausalContext = new CausalContext(),
): Promise<KeyExplanation> {
  const place = parts.holders.placeOf(key);
  const roles = rolesOf(parts, place);
  const reports = await reportsOf(parts, roles, key);
  if (reports.size === 0)
    throw new MecError('quorum-not-met', { have: 0, need: 1, detail: 'No holder has answered' });
  return {
    key,
    partition: place.partition,
    holders: roles.map((one) => holderOf(parts, one, reports.get(one.node))),
    ...explainReports(reports, {
      ...coordinatorOf(parts, place, { key, reports }),
      token,
      isLast: parts.policies.isLastWriteWins(key),
    }),
  };
}

/** Whether no other owner can be reached, so that this node must coordinate writes. */
const isAlone = ({ holders }: ExplainParts, place: KeyPlace): boolean =>
  holders.coordinators(place).length === 0;

/** The holders with their roles. If this node would be the only one to take a write, it is one. */
function rolesOf(parts: ExplainParts, place: KeyPlace): NamedRole[] {
  const { self } = parts.members;
  const roles = parts.holders
    .rolesOf(place)
    .flatMap(([role, names]) => names.map((node) => ({ role, node })));
  const isThere = roles.some(({ node }) => node === self);
  return isThere || !isAlone(parts, place) ? roles : [...roles, { role: 'fallback', node: self }];
}

/**
 * The node that would coordinate a write that this node gets, as `put` chooses it. If that is this
 * node, it also knows whether the write would be refused at once.
 */
function coordinatorOf(
  parts: ExplainParts,
  place: KeyPlace,
  { key, reports }: { readonly key: string; readonly reports: ReadonlyMap<string, KeyReport> },
): Pick<PlannedWrite, 'coordinator' | 'refused'> {
  const { holders, members, policies, config } = parts;
  const isHere = reports.has(members.self) && (place.isOwner || isAlone(parts, place));
  if (!isHere)
    return { coordinator: holders.coordinators(place).find(({ id }) => reports.has(id))?.id };
  try {
    planOf(parts, place, { w: policies.of(key)?.w ?? config.quorum.w });
    return { coordinator: members.self };
  } catch (error) {
    return { coordinator: members.self, refused: toMecError(error).code };
  }
}

/** The reports of all holders that answer, this node first. */
async function reportsOf(
  parts: ExplainParts,
  roles: readonly NamedRole[],
  key: string,
): Promise<Map<string, KeyReport>> {
  const { peers, members } = parts;
  const others = roles.filter(({ node }) => node !== members.self);
  const peersOf = new Map(
    others.map(({ node }) => [
      node,
      peers.reach(node) === 'unreachable' ? undefined : peers.byId.get(node),
    ]),
  );
  const { answers } = await askAll(peersOf, { topic: 'key', key, read: readKeyReport });
  const reports = new Map<string, KeyReport>();
  if (others.length < roles.length) {
    try {
      reports.set(members.self, makeKeyReport(parts, key));
    } catch (error) {
      // The disk of this node has failed: the others explain the key.
      if (!(error instanceof MecError)) throw error;
    }
  }
  for (const [node, report] of answers) reports.set(node, report);
  return reports;
}

function holderOf(
  { holders }: ExplainParts,
  { role, node }: NamedRole,
  report: KeyReport | undefined,
): ExplainedHolder {
  const known = { node, role, reach: holders.reachOf(node) };
  if (report === undefined) return known;
  const { atMicros, isComplete, isDamaged } = report;
  return { ...known, answeredAt: microsToIso(atMicros), isComplete, isDamaged };
}
