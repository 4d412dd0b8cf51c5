/** Asks the holders of a key for their reports, and explains the key. It repairs nothing. */
import { MecError } from '../../base/errors.ts';
import { microsToIso } from '../../base/system.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { Role } from '../../core/quorum/owner-quorum.ts';
import type { Holders } from '../holders/select.ts';
import type { Peers } from '../membership/peers.ts';
import type { Policies } from '../policies.ts';
import { askAll } from './ask-all.ts';
import { type ExplainedHolder, explainReports, type KeyExplanation } from './key-explanation.ts';
import { type KeyReport, type KeyReportParts, makeKeyReport, readKeyReport } from './key-report.ts';

/** The parts of a node that an explanation needs. */
export interface ExplainParts extends KeyReportParts {
  readonly holders: Pick<Holders, 'placeOf' | 'rolesOf' | 'reachOf'>;
  readonly peers: Pick<Peers, 'byId' | 'reach'>;
  readonly policies: Pick<Policies, 'isLastWriteWins'>;
  readonly members: { readonly self: string };
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
  const roles = parts.holders
    .rolesOf(place)
    .flatMap(([role, names]) => names.map((node) => ({ role, node })));
  const reports = await reportsOf(parts, roles, key);
  if (reports.size === 0)
    throw new MecError('quorum-not-met', { have: 0, need: 1, detail: 'No holder has answered' });
  const coordinator = place.owners.includes(parts.members.self)
    ? parts.members.self
    : place.owners.find((node) => reports.has(node));
  const isLast = parts.policies.isLastWriteWins(key);
  return {
    key,
    partition: place.partition,
    holders: roles.map(({ role, node }) => holderOf(parts, { role, node }, reports.get(node))),
    ...explainReports(reports, { coordinator, token, isLast }),
  };
}

/** The reports of all holders that answer, this node first. */
async function reportsOf(
  parts: ExplainParts,
  roles: readonly { readonly node: string }[],
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
  { role, node }: { readonly role: Role; readonly node: string },
  report: KeyReport | undefined,
): ExplainedHolder {
  const known = { node, role, reach: holders.reachOf(node) };
  if (report === undefined) return known;
  const { atMicros, isComplete, isDamaged } = report;
  return { ...known, answeredAt: microsToIso(atMicros), isComplete, isDamaged };
}
