/** The nodes of the cluster as the page shows them: one level and one word for each. Pure. */
import type { Member, Pulse, Pulses, PeerReach } from './facts.ts';

/** How well something is. Each is a colour, a shape and a word. */
export type Level = 'good' | 'fair' | 'bad' | 'none';

/** A member with its pulse, if it has given one. */
export interface NodeView {
  readonly member: Member;
  readonly pulse: Pulse | undefined;
  readonly level: Level;
  readonly word: string;
  /** The nodes that do not reach it. */
  readonly missedBy: readonly string[];
}

const REACHES: Readonly<Record<PeerReach, Level>> = {
  reachable: 'good',
  suspect: 'fair',
  unreachable: 'bad',
};

/** All members, by name. */
export const nodesOf = (pulses: Pulses): NodeView[] =>
  pulses.members
    .map((member) => viewOf(pulses, member))
    .sort((a, b) => a.member.name.localeCompare(b.member.name, 'en', { numeric: true }));

function viewOf({ nodes }: Pulses, member: Member): NodeView {
  const pulse = nodes.find(({ name }) => name === member.name);
  const missedBy = nodes
    .filter(({ peers }) =>
      peers.some(({ node, reach }) => node === member.name && reach === 'unreachable'),
    )
    .map(({ name }) => name);
  return { member, pulse, missedBy, ...wordOf(member, pulse, missedBy) };
}

function wordOf(
  { state }: Member,
  pulse: Pulse | undefined,
  missedBy: readonly string[],
): { readonly level: Level; readonly word: string } {
  if (pulse === undefined) return { level: 'bad', word: 'silent' };
  if (pulse.store !== 'ok') return { level: 'bad', word: pulse.store.replaceAll('-', ' ') };
  if (state !== 'up') return { level: 'fair', word: state };
  if (!pulse.isReady) return { level: 'fair', word: 'not ready' };
  return missedBy.length > 0
    ? { level: 'fair', word: 'partly cut off' }
    : { level: 'good', word: 'up' };
}

/** A link between two nodes, as the worse of its two ends sees it. */
export interface NodeLink {
  readonly nodes: readonly [string, string];
  readonly level: Level;
  readonly latencyMs: number | undefined;
  readonly differing: number;
}

const ORDER: readonly Level[] = ['good', 'fair', 'bad'];

/** All links between members. */
export function linksOf(views: readonly NodeView[]): NodeLink[] {
  return views.flatMap((a, i) => views.slice(i + 1).map((b) => linkOf(a, b)));
}

function linkOf(a: NodeView, b: NodeView): NodeLink {
  const [there, back] = [endOf(a, b), endOf(b, a)];
  const ends = [there, back].filter((end) => end !== undefined);
  const levels = ends.map(({ reach }) => REACHES[reach]);
  const latencies = ends.map(({ latencyMs }) => latencyMs).filter((time) => time > 0);
  return {
    nodes: [a.member.name, b.member.name],
    level:
      levels.length === 0 ? 'none' : (ORDER.findLast((level) => levels.includes(level)) ?? 'none'),
    latencyMs: latencies.length === 0 ? undefined : Math.max(...latencies),
    differing: Math.max(0, ...ends.map(({ differing }) => differing)),
  };
}

/** The peer `to` as `from` sees it. */
const endOf = (from: NodeView, to: NodeView): Pulse['peers'][number] | undefined =>
  from.pulse?.peers.find(({ node }) => node === to.member.name);
