/** The first view: is it well, who is behind, and which links are cut? */
import { isoToMs, wallMs } from './clock.ts';
import type { Reason } from './facts.ts';
import { Graph } from './graph.tsx';
import type { Live } from './live.ts';
import { linksOf, type NodeView, nodesOf } from './nodes.ts';
import { Fragment, h, type JSX } from './outside.ts';
import { Fact, Mark, State, Table } from './parts.tsx';
import { Sky, SKY } from './sky.tsx';
import { Strips } from './strips.tsx';
import { ago, bytes, count, counted, listed, ms, rate } from './words.ts';

/** Draws the weather. */
export function Weather({ live }: { readonly live: Live }): JSX.Element {
  const { pulses, verdict, moments } = live;
  if (pulses === undefined || verdict === undefined) return <p class="waiting">Looking …</p>;
  const nodes = nodesOf(pulses);
  const there = nodes.filter(({ pulse }) => pulse !== undefined).length;
  const load = moments.at(-1)?.all;
  const perSecond = load && load.perSecond.reads + load.perSecond.writes + load.perSecond.listings;
  const { title, text } = SKY[verdict.status];
  return (
    <Fragment>
      <section class={`hero ${verdict.status}`} aria-labelledby="verdict">
        <Sky status={verdict.status} />
        <div>
          <h2 id="verdict">{title}</h2>
          <p role="status">{text}</p>
        </div>
        <dl class="facts">
          <Fact name="nodes that answer">
            {there} of {nodes.length}
          </Fact>
          <Fact name="requests per second">{perSecond === undefined ? '…' : rate(perSecond)}</Fact>
          <Fact name="keys on the largest node">{mostKeys(nodes)}</Fact>
        </dl>
      </section>
      <Reasons reasons={verdict.reasons} />
      <section aria-labelledby="nodes">
        <h2 id="nodes">Nodes</h2>
        <div class="split">
          <Graph nodes={nodes} />
          <ul class="cards">
            {nodes.map((node) => (
              <NodeCard node={node} of={nodes.length} reasons={verdict.reasons} />
            ))}
          </ul>
        </div>
        <details>
          <summary>Links between the nodes, as a table</summary>
          <Links nodes={nodes} />
        </details>
      </section>
      <section aria-labelledby="partitions">
        <h2 id="partitions">Partitions</h2>
        <Strips nodes={nodes} />
      </section>
    </Fragment>
  );
}

/** Replicas are not added up: the node with the most keys is the best known bound. */
function mostKeys(nodes: readonly NodeView[]): string {
  const known = nodes.flatMap(({ pulse }) => pulse?.keys ?? []);
  return known.length === 0 ? '…' : count(Math.max(...known));
}

function Reasons({ reasons }: { readonly reasons: readonly Reason[] }): JSX.Element | null {
  if (reasons.length === 0) return null;
  return (
    <section aria-labelledby="reasons">
      <h2 id="reasons">{counted(reasons.length, 'reason')}</h2>
      <ul class="reasons">
        {reasons.map(({ code, severity, since, what, todo, nodes }) => (
          <li class={severity}>
            <p class="what">
              <Mark level={severity === 'critical' ? 'bad' : 'fair'} />
              {what}
            </p>
            <p>
              {todo.split(OPTION).map((part) => (OPTION.test(part) ? <Whole text={part} /> : part))}
            </p>
            <p class="quiet">
              {severity}, {code}: {listed(nodes)}, began {ago(isoToMs(since), wallMs())}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** An option of a command. A line must not break behind its dashes. */
const OPTION = /(--[a-z]+)/;
const Whole = ({ text }: { readonly text: string }): JSX.Element => (
  <span class="whole">{text}</span>
);

interface NodeCardProps {
  readonly node: NodeView;
  /** The number of nodes. */
  readonly of: number;
  readonly reasons: readonly Reason[];
}

function NodeCard({ node, of, reasons }: NodeCardProps): JSX.Element {
  const { member, pulse, level, word, missedBy } = node;
  const unread = pulse?.store === 'ok' ? 'counting' : 'unknown';
  const own = reasons.filter(({ nodes }) => nodes.includes(member.name));
  return (
    <li class={`card ${level}`}>
      <h3>
        {member.name} <State level={level}>{word}</State>
      </h3>
      <p class="quiet">
        {member.address}
        {member.zone === undefined ? '' : `, zone ${member.zone}`}
      </p>
      {pulse === undefined ? (
        <p>It has not answered within a second.</p>
      ) : (
        <dl>
          <Fact name="keys">{pulse.keys === undefined ? unread : count(pulse.keys)}</Fact>
          <Fact name="store">
            {pulse.storeBytes === undefined ? unread : bytes(pulse.storeBytes)}
          </Fact>
          {pulse.disk === undefined ? null : (
            <Fact name="disk free">
              {Math.round((100 * pulse.disk.freeBytes) / pulse.disk.totalBytes)} %
            </Fact>
          )}
          <Fact name="event loop">
            {pulse.loopLagMs === undefined ? '…' : `${ms(pulse.loopLagMs)} late`}
          </Fact>
        </dl>
      )}
      <p class="quiet">
        {missedBy.length === 0
          ? of > 1
            ? 'Every node that answers reaches it.'
            : 'The only node.'
          : `Not reached by ${listed(missedBy)}.`}
      </p>
      {own.map(({ code, severity }) => (
        <p>
          <State level={severity === 'critical' ? 'bad' : 'fair'}>{code}</State>
        </p>
      ))}
    </li>
  );
}

const LINK_WORDS = { good: 'works', fair: 'suspect', bad: 'cut', none: 'unknown' } as const;

function Links({ nodes }: { readonly nodes: readonly NodeView[] }): JSX.Element {
  return (
    <Table
      caption="Links between the nodes"
      heads={['nodes', 'state', 'latency', 'differing partitions']}
    >
      {linksOf(nodes).map(({ nodes: [a, b], level, latencyMs, differing }) => (
        <tr>
          <th scope="row">
            {a} and {b}
          </th>
          <td>
            <State level={level}>{LINK_WORDS[level]}</State>
          </td>
          <td class="number">{latencyMs === undefined ? 'unknown' : ms(latencyMs)}</td>
          <td class="number">{differing}</td>
        </tr>
      ))}
    </Table>
  );
}
