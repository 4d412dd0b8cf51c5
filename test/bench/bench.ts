/**
 * The benchmark. In one run and row by row, it measures MecDB, a bare skeleton of the same shape,
 * and the installed peers. So the ratios mean something on any machine. README.md explains the
 * measurements and the results.
 */
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ClusterName } from './clusters.ts';
import { etcdVersion } from './etcd.ts';
import type { Findings } from './experiment.ts';
import { EXPERIMENTS } from './experiments.ts';
import { compileTimeOf, WARMUP_MS, warmupOf } from './measure.ts';
import { DEFAULT_ROWS, fullRows, rowsNamed, type Row } from './plan.ts';
import { plotRows } from './plot.ts';
import { formatCurve, formatHeading, formatRow, formatTargets } from './report.ts';
import { runRows, type RowResults, type RowSettings } from './rows.ts';
import { Servers } from './servers.ts';
import { judge } from './targets.ts';

const USAGE = `Usage: npm run bench -- [OPTION...]

  --only NAME,...      only these rows or experiments; "put" is all rows that begin so, "growth" all experiments
  --full               every row that the dimensions make, and all experiments (an hour)
  --seconds N          how long each measurement takes, after ${WARMUP_MS / 1000} s or less of warm-up (default 3)
  --rounds N           measure each row so many times at all clusters in turn, and take the median (default 1)
  --clusters NAME,...  of skeleton, mecdb, etcd (default all that are installed)
  --profile DIR        leave a CPU profile of node 1 of MecDB there
  --json FILE          where the result goes, and beside it a plot, FILE with .svg (default dist/bench/result.json)
  --list               print the names of rows and experiments`;

const TMPFS_TYPE = 0x01021994;
const DEFAULT_RESULT = fileURLToPath(new URL('../../bench/result.json', import.meta.url));
const CLUSTERS: Readonly<Record<string, ClusterName>> = {
  skeleton: 'skeleton',
  mecdb: 'MecDB',
  etcd: 'etcd',
};

type Experiment = (typeof EXPERIMENTS)[number];

interface Settings extends RowSettings {
  readonly rows: readonly Row[];
  readonly experiments: readonly Experiment[];
  readonly jsonFile: string;
}

/** An invalid command line. */
class UsageError extends Error {}

function readNumber(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!(number > 0 && number <= most))
    throw new UsageError(`--${name} must be a number above 0, at most ${most}`);
  return number;
}

/** The rows and experiments that the names after `--only` select. */
function choose(names: readonly string[]): Pick<Settings, 'rows' | 'experiments'> {
  const rows = new Map<string, Row>();
  const experiments = new Set<Experiment>();
  for (const name of names) {
    const namedRows = rowsNamed(name);
    const named = EXPERIMENTS.filter(
      (each) => each.name === name || each.name.startsWith(`${name}-`),
    );
    if (namedRows.length + named.length === 0)
      throw new UsageError(`There is no ${name}; --list prints what there is`);
    for (const row of namedRows) rows.set(row.name, row);
    for (const experiment of named) experiments.add(experiment);
  }
  return {
    rows: [...rows.values()],
    experiments: EXPERIMENTS.filter((each) => experiments.has(each)),
  };
}

function chooseClusters(text: string | undefined): ClusterName[] {
  const names = text?.split(',') ?? Object.keys(CLUSTERS);
  return names.map((name) => {
    const cluster = CLUSTERS[name.toLowerCase()];
    if (cluster === undefined)
      throw new UsageError(`There is no cluster ${name}, only ${Object.keys(CLUSTERS).join(', ')}`);
    return cluster;
  });
}

function listNames(): void {
  for (const { name } of DEFAULT_ROWS) console.log(name);
  console.log('\nonly with --full, or by their names:');
  for (const { name } of fullRows().filter(
    (row) => !DEFAULT_ROWS.some((each) => each.name === row.name),
  ))
    console.log(name);
  console.log('\nexperiments:');
  for (const { name, about } of EXPERIMENTS) console.log(`${name.padEnd(18)}${about}`);
}

function readSettings(): Settings | undefined {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      full: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '1' },
      clusters: { type: 'string' },
      profile: { type: 'string' },
      json: { type: 'string', default: DEFAULT_RESULT },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(USAGE);
  if (values.list) listNames();
  if (values.help || values.list) return undefined;
  const byDefault = {
    rows: DEFAULT_ROWS,
    experiments: EXPERIMENTS.filter(({ isDefault }) => isDefault),
  };
  const all = { rows: fullRows(), experiments: EXPERIMENTS };
  return {
    ...(values.only !== undefined ? choose(values.only.split(',')) : values.full ? all : byDefault),
    durationMs: 1000 * readNumber('seconds', values.seconds, 3600),
    rounds: Math.ceil(readNumber('rounds', values.rounds, 100)),
    clusters: chooseClusters(values.clusters),
    profileDir: values.profile,
    jsonFile: values.json,
  };
}

/** The machine and the conditions, as lines. */
function describe({ durationMs, rounds, clusters }: Settings, etcd: string | undefined): string[] {
  const storage =
    statfsSync(tmpdir()).type === TMPFS_TYPE ? 'memory (tmpfs: a sync costs nothing)' : 'disk';
  const measured = `${durationMs / 1000} s per measurement after ${warmupOf(durationMs) / 1000} s of warm-up`;
  const lines = [
    `node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`,
    `3 nodes each on this machine, N=3 R=W=2, durable writes on ${storage}`,
    `${measured}${rounds === 1 ? '' : `, the median of ${rounds}`}; every PUT creates a key`,
    `each new cluster is loaded for ${compileTimeOf(durationMs) / 1000} s first`,
  ];
  if (!clusters.includes('etcd')) return lines;
  const peer =
    etcd === undefined
      ? 'not installed, so not compared'
      : `${etcd}, 3 members, JSON gateway at the leader`;
  return [...lines, `etcd: ${peer}`];
}

async function runExperiments(
  experiments: readonly Experiment[],
  durationMs: number,
  servers: Servers,
): Promise<Findings> {
  const values: Record<string, number> = {};
  const curves: NonNullable<Findings['curves']>[number][] = [];
  let errors = 0;
  for (const { name, about, run } of experiments) {
    console.log(`\n${name}: ${about}`);
    const findings = await run({ servers, durationMs, print: (line) => console.log(line) });
    Object.assign(values, findings.values);
    curves.push(...(findings.curves ?? []));
    for (const curve of findings.curves ?? [])
      for (const line of formatCurve(curve)) console.log(line);
    if (findings.errors > 0) console.log(`${name}: ${findings.errors} requests have failed`);
    errors += findings.errors;
  }
  return { values, curves, errors };
}

interface Result {
  readonly conditions: readonly string[];
  readonly rows: readonly Row[];
  readonly results: RowResults;
  readonly found: Findings;
}

/** Prints the targets, and writes the result file and the plot. */
function conclude({ jsonFile }: Settings, { conditions, rows, results, found }: Result): void {
  const targets = judge({ rows: results, values: new Map(Object.entries(found.values ?? {})) });
  for (const line of formatTargets(targets)) console.log(line);
  const figures = rows.map((row) => ({
    ...row,
    figures: Object.fromEntries(results.get(row.name) ?? []),
  }));
  const document = {
    conditions,
    measuredAt: new Date().toISOString(),
    rows: figures,
    values: found.values,
    curves: found.curves,
    targets,
  };
  mkdirSync(dirname(jsonFile), { recursive: true });
  writeFileSync(jsonFile, `${JSON.stringify(document, null, 2)}\n`);
  const plotFile = `${jsonFile.replace(/\.json$/, '')}.svg`;
  writeFileSync(plotFile, plotRows(results, conditions[0] ?? ''));
  console.log(`\nResult: ${jsonFile}\nPlot: ${plotFile}`);
}

async function runBench(settings: Settings, servers: Servers): Promise<number> {
  const etcd = settings.clusters.includes('etcd') ? etcdVersion() : undefined;
  const conditions = describe(settings, etcd);
  for (const line of conditions) console.log(line);
  const { experiments, durationMs } = settings;
  const clusters = settings.clusters.filter((name) => name !== 'etcd' || etcd !== undefined);
  const rows = settings.rows.filter((row) => row.clusters.some((name) => clusters.includes(name)));
  if (rows.length + experiments.length === 0) throw new UsageError('There is nothing to measure');
  if (rows.length > 0) console.log(`\n${formatHeading()}`);
  const { results, errors } = await runRows(
    rows,
    { servers, settings: { ...settings, clusters } },
    ({ name }, figures) => {
      for (const line of formatRow(name, figures)) console.log(line);
    },
  );
  const found = await runExperiments(experiments, durationMs, servers);
  conclude(settings, { conditions, rows, results, found });
  const { profileDir } = settings;
  if (profileDir !== undefined)
    console.log(`Profile: node dist/test/bench/profile.js ${profileDir}`);
  const failed = errors + found.errors;
  if (failed > 0) console.error(`${failed} errors`);
  return failed > 0 ? 1 : 0;
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) return;
  const directory = await mkdtemp(join(tmpdir(), 'mec-bench-'));
  const servers = new Servers(directory);
  const remove = (): void => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  let isStopping = false;
  const interrupt = (): void => {
    if (isStopping) return;
    isStopping = true;
    void servers.stopAll().finally(() => process.exit(130));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  // The last resort, however this process ends.
  process.on('exit', () => {
    servers.killAll();
    remove();
  });
  try {
    const code = await runBench(settings, servers);
    await servers.stopAll();
    if (!isStopping) process.exit(code);
  } catch (error) {
    if (isStopping) return;
    console.error(error instanceof Error ? error.message : error);
    await servers.stopAll();
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  if (!(error instanceof Error)) throw error;
  console.error(
    error instanceof UsageError || 'code' in error ? `${error.message}\n\n${USAGE}` : error.message,
  );
  process.exit(2);
});
