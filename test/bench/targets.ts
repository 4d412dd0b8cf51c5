/** The targets of MecDB as data: ratios within one run, and a few sizes. */
import type { ClusterName } from './clusters.ts';
import type { Figures } from './measure.ts';

/** Figures of rows by name and cluster, and of experiments by name. */
export interface Results {
  readonly rows: ReadonlyMap<string, ReadonlyMap<ClusterName, Figures>>;
  readonly values: ReadonlyMap<string, number>;
}

/** A target, and how it is read from the results. */
interface Target {
  readonly what: string;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
  readonly unit: '%' | '×' | 'MiB' | 's';
  /** The measured value in the unit; undefined if it was not measured. */
  readonly measure: (results: Results) => number | undefined;
  /** The name for `--only` that measures it. */
  readonly only: string;
}

/** A target and whether it is met; undefined if it was not measured. */
export interface Verdict {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean | undefined;
  readonly only: string;
}

const MIB = 1024 * 1024;

/** A figure of MecDB divided by the same figure of another cluster. */
function ratio(
  row: string,
  figure: (figures: Figures) => number,
  other: ClusterName,
): (results: Results) => number | undefined {
  return ({ rows }) => {
    const [own, theirs] = [rows.get(row)?.get('MecDB'), rows.get(row)?.get(other)];
    if (own === undefined || theirs === undefined || figure(theirs) === 0) return undefined;
    return figure(own) / figure(theirs);
  };
}

const speed = ({ perSecond }: Figures): number => perSecond;
const typical = ({ p50Ms }: Figures): number => p50Ms;

const tail =
  (row: string) =>
  ({ rows }: Results): number | undefined => {
    const own = rows.get(row)?.get('MecDB');
    return own === undefined || own.p50Ms === 0 ? undefined : own.p99Ms / own.p50Ms;
  };

const value =
  (name: string, scale = 1) =>
  ({ values }: Results): number | undefined => {
    const measured = values.get(name);
    return measured === undefined ? undefined : measured * scale;
  };

const percent =
  (measure: Target['measure']) =>
  (results: Results): number | undefined => {
    const share = measure(results);
    return share === undefined ? undefined : 100 * share;
  };

/** All targets. */
export const TARGETS: readonly Target[] = [
  {
    what: 'GET 100 B, 64 connections, of the skeleton',
    bound: { atLeast: 60 },
    unit: '%',
    measure: percent(ratio('get-100b-64c', speed, 'skeleton')),
    only: 'get-100b-64c',
  },
  {
    what: 'durable PUT 100 B, 64 connections, of the skeleton',
    bound: { atLeast: 60 },
    unit: '%',
    measure: percent(ratio('put-100b-64c', speed, 'skeleton')),
    only: 'put-100b-64c',
  },
  {
    what: 'GET p50, one connection, to the skeleton',
    bound: { atMost: 1.5 },
    unit: '×',
    measure: ratio('get-100b-1c', typical, 'skeleton'),
    only: 'get-100b-1c',
  },
  {
    what: 'PUT p50, one connection, to the skeleton',
    bound: { atMost: 1.5 },
    unit: '×',
    measure: ratio('put-100b-1c', typical, 'skeleton'),
    only: 'put-100b-1c',
  },
  {
    what: 'durable PUT 1 KiB, 64 connections, to etcd',
    bound: { atLeast: 1.5 },
    unit: '×',
    measure: ratio('put-1kib-64c', speed, 'etcd'),
    only: 'put-1kib-64c',
  },
  {
    what: 'GET 1 KiB, R = 2, to etcd (linearizable)',
    bound: { atLeast: 2 },
    unit: '×',
    measure: ratio('get-1kib-64c', speed, 'etcd'),
    only: 'get-1kib-64c',
  },
  {
    what: 'GET p99 / p50, 64 connections',
    bound: { atMost: 4 },
    unit: '×',
    measure: tail('get-100b-64c'),
    only: 'get-100b-64c',
  },
  {
    what: 'PUT p99 / p50, 64 connections',
    bound: { atMost: 4 },
    unit: '×',
    measure: tail('put-100b-64c'),
    only: 'put-100b-64c',
  },
  {
    what: 'causality, share of the CPU of a PUT',
    bound: { atMost: 15 },
    unit: '%',
    measure: percent(value('causalityShare')),
    only: 'causality',
  },
  {
    what: 'memory of an idle node',
    bound: { atMost: 120 },
    unit: 'MiB',
    measure: value('idleRssBytes', 1 / MIB),
    only: 'memory',
  },
  {
    what: 'memory of a node with 1 M keys of 100 B',
    bound: { atMost: 200 },
    unit: 'MiB',
    measure: value('loadedRssBytes', 1 / MIB),
    only: 'memory',
  },
  {
    what: 'start to serving with 1 M keys on disk',
    bound: { atMost: 2 },
    unit: 's',
    measure: value('startMs', 1 / 1000),
    only: 'memory',
  },
  {
    what: 'GETs per processor second with metrics, of those without',
    bound: { atLeast: 98 },
    unit: '%',
    measure: percent(value('metricsSpeedGET')),
    only: 'metrics',
  },
  {
    what: 'PUTs per processor second with metrics, of those without',
    bound: { atLeast: 98 },
    unit: '%',
    measure: percent(value('metricsSpeedPUT')),
    only: 'metrics',
  },
  {
    what: 'catching up, of the rate of the missed writes',
    bound: { atLeast: 50 },
    unit: '%',
    measure: percent(value('catchUpShare')),
    only: 'catch-up',
  },
  {
    what: "clients' p99 meanwhile, to before",
    bound: { atMost: 2 },
    unit: '×',
    measure: value('catchUpP99Ratio'),
    only: 'catch-up',
  },
  {
    what: 'bytes of a write after 1 000 restarts, to after 10',
    bound: { atMost: 1.1 },
    unit: '×',
    measure: value('restartWriteGrowth'),
    only: 'growth-restarts',
  },
  {
    what: 'bytes of catching up after 1 000 restarts, to after 10',
    bound: { atMost: 1.1 },
    unit: '×',
    measure: value('restartSyncGrowth'),
    only: 'growth-restarts',
  },
  {
    what: 'memory after 1 000 restarts, to after 10',
    bound: { atMost: 1.1 },
    unit: '×',
    measure: value('restartMemoryGrowth'),
    only: 'growth-restarts',
  },
];

/** Compares the results with all targets. */
export function judge(results: Results): Verdict[] {
  return TARGETS.map(({ what, bound, unit, measure, only }) => {
    const measured = measure(results);
    const [sign, limit] = 'atLeast' in bound ? ['≥', bound.atLeast] : ['≤', bound.atMost];
    const isMet =
      measured === undefined ? undefined : sign === '≥' ? measured >= limit : measured <= limit;
    const digits = unit === '%' || unit === 'MiB' ? 0 : 2;
    const text = measured === undefined ? '-' : `${measured.toFixed(digits)} ${unit}`;
    return { what, target: `${sign} ${limit} ${unit}`, measured: text, isMet, only };
  });
}
