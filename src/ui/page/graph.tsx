/** The picture of the cluster: its nodes on a circle, and the links between them. */
import { h, type JSX } from './outside.ts';
import { type NodeLink, linksOf, type NodeView } from './nodes.ts';
import { counted, ms } from './words.ts';
import { MAX_DRAWN_NODES, MAX_LABELLED_NODES } from './limits.ts';

const SIZE = 360;
const RADIUS = 132;
const NODE = 30;

interface Point {
  readonly x: number;
  readonly y: number;
}

const placeOf = (i: number, of: number): Point => {
  const angle = (2 * Math.PI * i) / of - Math.PI / 2;
  return { x: SIZE / 2 + RADIUS * Math.cos(angle), y: SIZE / 2 + RADIUS * Math.sin(angle) };
};

/** Draws the nodes, each with its links. */
export function Graph({ nodes }: { readonly nodes: readonly NodeView[] }): JSX.Element | null {
  if (nodes.length > MAX_DRAWN_NODES) return null;
  const places = new Map(nodes.map(({ member }, i) => [member.name, placeOf(i, nodes.length)]));
  const cut = linksOf(nodes).filter(({ level }) => level === 'bad').length;
  const state = cut === 0 ? 'no link is cut' : `${counted(cut, 'link')} cut`;
  const label = `${counted(nodes.length, 'node')}, and ${state}`;
  return (
    <svg class="graph" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={label}>
      {linksOf(nodes).map((link) => (
        <Line link={link} places={places} isCrowded={nodes.length > MAX_LABELLED_NODES} />
      ))}
      {nodes.map((node) => (
        <Circle node={node} at={places.get(node.member.name) as Point} />
      ))}
    </svg>
  );
}

function Line({
  link: { nodes, level, latencyMs, differing },
  places,
  isCrowded,
}: {
  readonly link: NodeLink;
  readonly places: ReadonlyMap<string, Point>;
  readonly isCrowded: boolean;
}): JSX.Element | null {
  const [from, to] = [places.get(nodes[0]), places.get(nodes[1])];
  if (from === undefined || to === undefined) return null;
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const text = level === 'bad' ? '✕' : isCrowded || latencyMs === undefined ? '' : ms(latencyMs);
  return (
    <g class={`link ${level}${differing > 0 ? ' differs' : ''}`}>
      <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
      {text === '' ? null : (
        <text x={middle.x} y={middle.y}>
          {text}
        </text>
      )}
    </g>
  );
}

function Circle({ node, at }: { readonly node: NodeView; readonly at: Point }): JSX.Element {
  const { member, level, word } = node;
  const name = member.name.length > 8 ? `${member.name.slice(0, 7)}…` : member.name;
  return (
    <g class={`node ${level}`} transform={`translate(${at.x} ${at.y})`}>
      <circle class="halo" r={NODE + 5} />
      <circle r={NODE} />
      <text class="name" y="-1">
        {name}
      </text>
      <text class="word" y="12">
        {word.length > 9 ? `${word.slice(0, 8)}…` : word}
      </text>
    </g>
  );
}
