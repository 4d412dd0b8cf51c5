/**
 * A picture of a run: the operations per second of each cluster, as a share of the skeleton's, for
 * each row. Plain SVG.
 */
import type { ClusterName } from './clusters.ts';
import type { Figures } from './measure.ts';

const COLOURS: Readonly<Record<ClusterName, string>> = {
  skeleton: '#b8c0c8',
  MecDB: '#2f6fb2',
  etcd: '#d98a2b',
};
const TARGET_PERCENT = 60;
const LEFT = 190;
const WIDTH = 760;
const BAR = 12;
const GAP = 14;
const TOP = 56;

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const text = (x: number, y: number, content: string, extra = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${extra}>${escape(content)}</text>`;

interface Bar {
  readonly cluster: ClusterName;
  readonly percent: number;
  readonly perSecond: number;
}

function barsOf(figuresByCluster: ReadonlyMap<ClusterName, Figures>): Bar[] {
  const whole = figuresByCluster.get('skeleton')?.perSecond ?? 0;
  if (whole === 0) return [];
  const bars = [...figuresByCluster].map(([cluster, { perSecond }]) => ({
    cluster,
    perSecond,
    percent: (100 * perSecond) / whole,
  }));
  return bars.filter(({ cluster }) => cluster !== 'skeleton');
}

/** Draws the rows that were also measured at the skeleton. `title` names the machine. */
export function plotRows(
  rows: ReadonlyMap<string, ReadonlyMap<ClusterName, Figures>>,
  title: string,
): string {
  const drawn = [...rows]
    .map(([name, figures]) => ({ name, bars: barsOf(figures) }))
    .filter(({ bars }) => bars.length > 0);
  const greatest = Math.max(
    100,
    ...drawn.flatMap(({ bars }) => bars.map(({ percent }) => percent)),
  );
  const xOf = (percent: number): number => LEFT + (percent * (WIDTH - LEFT - 110)) / greatest;
  const shapes: string[] = [];
  let y = TOP;
  for (const { name, bars } of drawn) {
    shapes.push(text(LEFT - 8, y + (bars.length * BAR) / 2 + 4, name, ' text-anchor="end"'));
    for (const { cluster, percent, perSecond } of bars) {
      shapes.push(
        `<rect x="${LEFT}" y="${y}" width="${(xOf(percent) - LEFT).toFixed(1)}" height="${BAR - 2}" ` +
          `fill="${COLOURS[cluster]}"/>`,
      );
      shapes.push(
        text(
          xOf(percent) + 5,
          y + BAR - 3,
          `${percent.toFixed(0)} %  ${perSecond.toFixed(0)}/s`,
          ' class="small"',
        ),
      );
      y += BAR;
    }
    y += GAP;
  }
  const lines = [0, TARGET_PERCENT, 100].map((percent) => {
    const dash = percent === TARGET_PERCENT ? ' stroke-dasharray="3 3"' : '';
    const x = xOf(percent);
    const label = text(x, TOP - 12, `${percent} %`, ' class="small" text-anchor="middle"');
    return `<line x1="${x}" y1="${TOP - 8}" x2="${x}" y2="${y}" stroke="#888"${dash}/>${label}`;
  });
  const legend = (['MecDB', 'etcd'] as const).map(
    (cluster, i) =>
      `<rect x="${WIDTH - 150 + 80 * i}" y="10" width="10" height="10" fill="${COLOURS[cluster]}"/>` +
      text(WIDTH - 136 + 80 * i, 19, cluster),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 10}" ` +
      `viewBox="0 0 ${WIDTH} ${y + 10}" font-family="sans-serif" font-size="12">`,
    '<style>.small{font-size:10px;fill:#444}</style>',
    `<rect width="${WIDTH}" height="${y + 10}" fill="#fff"/>`,
    text(10, 19, 'Operations per second, share of the bare skeleton', ' font-weight="bold"'),
    text(10, 34, title, ' class="small"'),
    ...legend,
    ...lines,
    ...shapes,
    '</svg>',
    '',
  ].join('\n');
}
