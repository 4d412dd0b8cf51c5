/** The measurements as data: the rows of the default plan, and the product of all dimensions. */
import type { ClusterName } from './clusters.ts';
import type { Load } from './measure.ts';

/** One workload, measured at several clusters in turn. */
export interface Row extends Load {
  readonly name: string;
  readonly clusters: readonly ClusterName[];
}

const KIB = 1024;
const BASE = {
  valueBytes: 100,
  connections: 64,
  keys: 10_000,
  distribution: 'uniform',
  aim: 'one',
} as const;

/** The differences of a row from the base. */
type Varied = Partial<Omit<Row, 'name'>> & Pick<Row, 'operation'>;

const OWN: readonly ClusterName[] = ['skeleton', 'MecDB'];
const ALL: readonly ClusterName[] = [...OWN, 'etcd'];

const row = (varied: Varied): Row => {
  const load = { ...BASE, clusters: OWN, ...varied };
  return { ...load, name: nameOf(load) };
};

function sizeOf(bytes: number): string {
  return bytes < KIB ? `${bytes}b` : `${bytes / KIB}kib`;
}

/** The name of a row: operation, size and connections, and then the differences from the base. */
function nameOf({ operation, valueBytes, connections, keys, distribution, aim }: Load): string {
  const parts = [operation.toLowerCase(), sizeOf(valueBytes), `${connections}c`];
  if (distribution === 'zipfian') parts.push('zipf');
  if (aim === 'spread') parts.push('spread');
  if (keys === 1_000_000) parts.push('1m');
  return parts.join('-');
}

/** Values of 100 KiB are read from fewer keys. 10 000 of them would be three gigabytes of disk. */
const LARGE = { valueBytes: 100 * KIB, connections: 16, keys: 1_000 } as const;

/**
 * The default plan: the rows of the targets, and each dimension varied alone. Large values come
 * last, because they leave the disk busy.
 */
export const DEFAULT_ROWS: readonly Row[] = [
  row({ operation: 'PUT', valueBytes: KIB, clusters: ALL }),
  row({ operation: 'GET', valueBytes: KIB, clusters: ALL }),
  row({ operation: 'PUT' }),
  row({ operation: 'GET' }),
  row({ operation: 'PUT', connections: 1 }),
  row({ operation: 'GET', connections: 1 }),
  row({ operation: 'PUT', connections: 16 }),
  row({ operation: 'GET', connections: 16 }),
  row({ operation: 'PUT', connections: 256 }),
  row({ operation: 'GET', connections: 256 }),
  row({ operation: 'mix' }),
  row({ operation: 'RMW' }),
  row({ operation: 'GET', distribution: 'zipfian' }),
  row({ operation: 'RMW', distribution: 'zipfian' }),
  row({ operation: 'PUT', aim: 'spread' }),
  row({ operation: 'GET', aim: 'spread' }),
  row({ operation: 'GET', ...LARGE }),
  row({ operation: 'PUT', ...LARGE }),
];

/** The rows with a million keys, which take minutes to load. */
export const MILLION_ROWS: readonly Row[] = [
  row({ operation: 'GET', keys: 1_000_000 }),
  row({ operation: 'GET', keys: 1_000_000, distribution: 'zipfian' }),
];

/** The product of all dimensions, without meaningless combinations. */
export function fullRows(): Row[] {
  const rows: Row[] = [];
  for (const valueBytes of [100, KIB, 100 * KIB]) {
    for (const operation of ['PUT', 'GET', 'mix', 'RMW'] as const) {
      for (const connections of [1, 16, 64, 256]) {
        for (const aim of ['one', 'spread'] as const) {
          for (const distribution of ['uniform', 'zipfian'] as const) {
            // New keys are not drawn from a set, and one connection cannot be spread.
            if (
              (operation === 'PUT' && distribution === 'zipfian') ||
              (connections === 1 && aim === 'spread')
            )
              continue;
            const keys = valueBytes > KIB ? LARGE.keys : BASE.keys;
            rows.push(row({ operation, valueBytes, connections, aim, distribution, keys }));
          }
        }
      }
    }
  }
  const isCompared = new Set(
    DEFAULT_ROWS.filter(({ clusters }) => clusters === ALL).map(({ name }) => name),
  );
  return [
    ...rows.map((plain) => (isCompared.has(plain.name) ? { ...plain, clusters: ALL } : plain)),
    ...MILLION_ROWS,
  ];
}

/** The row of a name, or the rows of the default plan that begin with it (`put`, `get-100b`). */
export function rowsNamed(name: string): readonly Row[] {
  const exact = [...DEFAULT_ROWS, ...fullRows()].find((each) => each.name === name);
  return exact === undefined
    ? DEFAULT_ROWS.filter((each) => each.name.startsWith(`${name}-`))
    : [exact];
}
