/** The checks of `mec doctor`: pure functions from facts to findings for an operator. */
import type { SecurityMode } from '../cluster/config.ts';
import { CLOCK_TOLERANCE_MS } from '../cluster/limits.ts';
import { LOW_DISK_SHARE } from '../cluster/insight/limits.ts';
import type { Health } from '../cluster/insight/verdict.ts';
import type { DiskSpace } from '../storage/disk-space.ts';
import type { ServerStatus } from '../http/server-status.ts';
import { formatBytes } from './terminal.ts';

/** The result of one check. */
export interface DoctorCheck {
  readonly subject: string;
  readonly result: 'ok' | 'warning' | 'error';
  readonly text: string;
  /** Undefined if there is nothing to do. */
  readonly todo?: string | undefined;
}

const ok = (subject: string, text: string): DoctorCheck => ({ subject, result: 'ok', text });
const warning = (subject: string, text: string, todo: string): DoctorCheck => ({
  subject,
  result: 'warning',
  text,
  todo,
});
const error = (subject: string, text: string, todo: string): DoctorCheck => ({
  subject,
  result: 'error',
  text,
  todo,
});

/** The facts about the machine and the configuration of one node. */
export interface MachineFacts {
  /** The version of Node.js, such as `v20.1.0`. */
  readonly nodeVersion: string;
  /** The mistake in the configuration; undefined if there is none, or no configuration. */
  readonly mistake?: string | undefined;
  /** How the node protects its ports; undefined without a configuration. */
  readonly mode?: SecurityMode | undefined;
  /** The reason why the node must not serve at its host; undefined if it may. */
  readonly exposed?: string | undefined;
  /** The data directory; undefined without a configuration. */
  readonly root?:
    | {
        readonly path: string;
        /** The reason why it cannot be written; undefined if it can. */
        readonly unwritable: string | undefined;
        readonly disk: DiskSpace | undefined;
      }
    | undefined;
  /** The name of the node that serves at the address of the configuration already. */
  readonly running?: string | undefined;
  readonly ports: readonly { readonly port: number; readonly isFree: boolean }[];
  readonly seeds: readonly { readonly address: string; readonly answers: boolean }[];
}

/** The least versions of Node.js, by release line, as in package.json. Later lines will do. */
const LEAST_NODES = [
  [20, 19],
  [22, 12],
] as const;

/** Whether a node runs on a version of Node.js. */
function isNewEnough(nodeVersion: string): boolean {
  const [, major = 0, minor = 0] = (/^v(\d+)\.(\d+)/.exec(nodeVersion) ?? []).map(Number);
  const least = LEAST_NODES.find(([line]) => line === major);
  return least === undefined ? major > LEAST_NODES[1][0] : minor >= least[1];
}

/** The checks of the machine and the configuration of one node. */
export function machineChecks(facts: MachineFacts): DoctorCheck[] {
  const { nodeVersion, mistake, mode, exposed, root, running, ports, seeds } = facts;
  const wanted = LEAST_NODES.map((version) => version.join('.')).join(', ');
  const checks = [
    isNewEnough(nodeVersion)
      ? ok('node.js', nodeVersion)
      : error('node.js', `${nodeVersion} will not do`, `Install Node.js ${wanted} or newer.`),
  ];
  if (mistake !== undefined)
    return [...checks, error('configuration', mistake, 'Correct the key that the text names.')];
  if (root === undefined) return checks;
  checks.push(ok('configuration', 'no mistakes'), ...rootChecks(root));
  checks.push(
    exposed === undefined
      ? ok('security', mode === 'insecure' ? 'insecure: no port needs credentials' : `${mode}`)
      : error('security', exposed, 'Read docs/security.md, and choose one of the two.'),
  );
  const taken = ports.filter(({ isFree }) => !isFree).map(({ port }) => port);
  if (running !== undefined) checks.push(ok('ports', `${running} runs and uses them`));
  else if (taken.length === 0)
    checks.push(ok('ports', `${ports.map(({ port }) => port).join(', ')} are free`));
  else
    checks.push(
      error(
        'ports',
        `${taken.join(', ')} in use by another program`,
        'End that program, or change port and httpport.',
      ),
    );
  return [...checks, ...seedChecks(seeds)];
}

function rootChecks({
  path,
  unwritable,
  disk,
}: NonNullable<MachineFacts['root']>): readonly DoctorCheck[] {
  if (unwritable !== undefined)
    return [error('disk', `${path}: ${unwritable}`, 'Let the user of the node write there.')];
  if (disk === undefined) return [ok('disk', `${path} can be written`)];
  const share = disk.freeBytes / disk.totalBytes;
  const text = `${path} has ${formatBytes(disk.freeBytes)} free (${Math.floor(100 * share)} %)`;
  return [
    share < LOW_DISK_SHARE ? warning('disk', text, 'Make room on the disk.') : ok('disk', text),
  ];
}

function seedChecks(seeds: MachineFacts['seeds']): readonly DoctorCheck[] {
  if (seeds.length === 0) return [];
  const silent = seeds.filter(({ answers }) => !answers).map(({ address }) => address);
  if (silent.length === 0) return [ok('[[node]]', 'all entries can be reached')];
  const text = `${silent.join(', ')} cannot be reached`;
  const todo = 'Start these nodes, correct the entries, or open the ports between the machines.';
  return [
    silent.length < seeds.length ? warning('[[node]]', text, todo) : error('[[node]]', text, todo),
  ];
}

/** The facts about a cluster: the answers of its members. */
export interface ClusterFacts {
  readonly statuses: readonly ServerStatus[];
  /** The members that gave no answer over HTTP. */
  readonly silent: readonly string[];
  readonly health: Health;
}

/** The checks of a running cluster. */
export function clusterChecks({ statuses, silent, health }: ClusterFacts): DoctorCheck[] {
  const reasons = health.reasons.map(({ code, severity, what, todo }): DoctorCheck => ({
    subject: code,
    result: severity === 'critical' ? 'error' : 'warning',
    text: what,
    todo,
  }));
  return [
    silent.length === 0
      ? ok('http', `${statuses.map(({ name }) => name).join(', ')} answer`)
      : warning(
          'http',
          `${silent.join(', ')} cannot be reached from here`,
          'Start these nodes, or open their httpport to this machine.',
        ),
    versionCheck(statuses),
    clockCheck(statuses),
    ...(reasons.length === 0 ? [ok('health', 'the cluster is well')] : reasons),
  ];
}

function versionCheck(statuses: readonly ServerStatus[]): DoctorCheck {
  const versions = [...new Set(statuses.map(({ version }) => version))].sort();
  if (versions.length <= 1) return ok('versions', `all nodes run ${versions.join('')}`);
  return warning(
    'versions',
    `nodes run ${versions.join(' and ')}`,
    'Upgrade the older nodes: two releases in one cluster are for the time of an upgrade.',
  );
}

function clockCheck(statuses: readonly ServerStatus[]): DoctorCheck {
  const skews = statuses.flatMap(({ peers }) => peers.map(({ clockSkewMs }) => clockSkewMs ?? 0));
  const most = Math.max(0, ...skews.map(Math.abs));
  const text = `at most ${most} ms apart`;
  return most > CLOCK_TOLERANCE_MS
    ? warning('clocks', text, 'Mend the time synchronisation (NTP) of the machines.')
    : ok('clocks', text);
}
