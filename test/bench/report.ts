/** The printed output of a run. */
import type { ClusterName } from './clusters.ts';
import type { Figures } from './measure.ts';
import type { Verdict } from './targets.ts';

const COLUMNS = [
  'ops/s',
  'p50 ms',
  'p99 ms',
  'p99.9',
  'cpu µs',
  'wire B',
  'disk B',
  'rss MiB',
  '300s',
  'sibs',
  'errors',
  'share',
] as const;
const NAME_WIDTH = 24;
const CLUSTER_WIDTH = 9;
const CELL_WIDTH = 8;
const MIB = 1024 * 1024;

const cells = (values: readonly string[]): string =>
  values.map((value) => value.padStart(CELL_WIDTH)).join(' ');

/** The heading of the rows. */
export const formatHeading = (): string =>
  `${'row'.padEnd(NAME_WIDTH)}${'cluster'.padEnd(CLUSTER_WIDTH)}${cells(COLUMNS)}`;

const rounded = (value: number | undefined): string =>
  value === undefined ? '-' : value.toFixed(0);

/** One line per cluster. Shares are of the skeleton's operations per second. */
export function formatRow(
  name: string,
  figuresByCluster: ReadonlyMap<ClusterName, Figures>,
): string[] {
  const skeleton = figuresByCluster.get('skeleton');
  return [...figuresByCluster].map(([cluster, figures], index) => {
    const share =
      skeleton && skeleton.perSecond > 0
        ? `${((100 * figures.perSecond) / skeleton.perSecond).toFixed(0)} %`
        : '-';
    const line = cells([
      rounded(figures.perSecond),
      figures.p50Ms.toFixed(2),
      figures.p99Ms.toFixed(2),
      figures.p999Ms.toFixed(2),
      rounded(figures.cpuMicros),
      rounded(figures.wireBytes),
      rounded(figures.diskBytes),
      rounded(figures.rssBytes === undefined ? undefined : figures.rssBytes / MIB),
      String(figures.severalValues),
      String(figures.siblingWrites),
      String(figures.errors),
      share,
    ]);
    return `${(index === 0 ? name : '').padEnd(NAME_WIDTH)}${cluster.padEnd(CLUSTER_WIDTH)}${line}`;
  });
}

/** A growth curve: a cost at growing sizes, and the conclusion. */
export interface Curve {
  readonly name: string;
  /** The growing quantity, and the names of the costs, one per column. */
  readonly grows: string;
  readonly costs: readonly string[];
  readonly points: readonly { readonly at: number; readonly costs: readonly number[] }[];
  readonly statement: string;
}

/** The points as a table, with the conclusion under it. */
export function formatCurve({ name, grows, costs, points, statement }: Curve): string[] {
  const heading = [grows, ...costs];
  const widths = heading.map((title) => Math.max(title.length, CELL_WIDTH));
  const line = (values: readonly string[]): string =>
    `  ${values.map((each, i) => each.padStart(widths[i] ?? 0)).join('  ')}`;
  const number = (each: number): string =>
    Math.abs(each) < 100 ? each.toFixed(2) : each.toFixed(0);
  return [
    '',
    `Growth: ${name}`,
    line(heading),
    ...points.map((point) => line([String(point.at), ...point.costs.map(number)])),
    `  => ${statement}`,
  ];
}

/** The table of measured targets, and the commands that measure the others. */
export function formatTargets(verdicts: readonly Verdict[]): string[] {
  const measured = verdicts.filter(({ isMet }) => isMet !== undefined);
  const missing = new Set(
    verdicts.filter(({ isMet }) => isMet === undefined).map(({ only }) => only),
  );
  const width = Math.max(...verdicts.map(({ what }) => what.length));
  const line = (what: string, target: string, value: string): string =>
    `  ${what.padEnd(width)}  ${target.padStart(10)}  ${value.padStart(10)}  `;
  if (measured.length === 0) return [];
  return [
    '',
    line('', 'target', 'measured').trimEnd(),
    ...measured.map(
      ({ what, target, measured: value, isMet }) =>
        `${line(what, target, value)}${isMet === true ? 'met' : 'NOT MET'}`,
    ),
    ...(missing.size === 0 ? [] : [`  The other targets: --only ${[...missing].join(',')}`]),
  ];
}
