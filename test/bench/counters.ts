/**
 * The machine's counters for the processes of a cluster: processor time, bytes to the disk, memory,
 * and bytes between the nodes. They come from `/proc` and `ss` on Linux. Elsewhere a counter is
 * undefined.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Cluster } from './clusters.ts';

const SS_TIMEOUT_MS = 2_000;
const SS_MAX_BYTES = 16 * 1024 * 1024;

/** Counters since the processes began. A counter is undefined if it cannot be read. */
export interface Counters {
  /** User and system time of all threads of all nodes, in µs. */
  readonly cpuMicros: number | undefined;
  /** Bytes that the nodes have given to the system for the disk, in whole pages. */
  readonly diskBytes: number | undefined;
  /** Bytes on the connections between nodes, in both directions, without headers of IP and TCP. */
  readonly wireBytes: number | undefined;
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** The length of a clock tick in µs. */
const tickMicros = (() => {
  try {
    return (
      1e6 /
      Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8', timeout: SS_TIMEOUT_MS }))
    );
  } catch {
    return 10_000;
  }
})();

/** User and system time of a process in µs. */
export function cpuMicrosOf(pid: number): number | undefined {
  // The name of the program, in parentheses, may have any characters. Fields 3 and on follow it.
  const fields = read(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ');
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * tickMicros;
}

/**
 * The processor time of the main thread of a process in µs. The system counts it in ns, and that of
 * a whole process in ticks.
 */
export function mainThreadMicrosOf(pid: number): number | undefined {
  const [nanos] = read(pid, 'schedstat')?.split(' ') ?? [];
  return nanos === undefined ? undefined : Number(nanos) / 1000;
}

/** Bytes that a process has given to the system for the disk. */
function diskBytesOf(pid: number): number | undefined {
  const match = /^write_bytes: (\d+)$/m.exec(read(pid, 'io') ?? '');
  return match === null ? undefined : Number(match[1]);
}

/** Memory of a process in RAM, in bytes. */
export interface Memory {
  readonly rssBytes: number;
  /**
   * The part that is pages of files, such as programs and LevelDB's tables. The system can reclaim
   * it.
   */
  readonly fileBytes: number;
}

function memoryOf(pid: number): Memory | undefined {
  const status = read(pid, 'status') ?? '';
  const bytes = (field: string): number =>
    1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  const memory = { rssBytes: bytes('VmRSS'), fileBytes: bytes('RssFile') };
  return Number.isNaN(memory.rssBytes) ? undefined : memory;
}

function total(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (sum, value) => (sum === undefined || value === undefined ? undefined : sum + value),
    0,
  );
}

/** The sum of `bytes_sent` of the sockets at both ends of the connections between nodes. */
async function wireBytesOf(peerPorts: readonly number[]): Promise<number | undefined> {
  const ends = peerPorts.flatMap((port) => [`sport = :${port}`, `dport = :${port}`]);
  try {
    const { stdout } = await promisify(execFile)(
      'ss',
      ['-tinH', 'state', 'established', `( ${ends.join(' or ')} )`],
      {
        timeout: SS_TIMEOUT_MS,
        maxBuffer: SS_MAX_BYTES,
      },
    );
    return [...stdout.matchAll(/ bytes_sent:(\d+)/g)].reduce(
      (sum, [, bytes]) => sum + Number(bytes),
      0,
    );
  } catch {
    return undefined;
  }
}

/** The counters that can be read at once. */
function readProcesses({ servers }: Pick<Cluster, 'servers'>): Omit<Counters, 'wireBytes'> {
  const pids = servers.map(({ pid }) => pid);
  return { cpuMicros: total(pids.map(cpuMicrosOf)), diskBytes: total(pids.map(diskBytesOf)) };
}

/** The counters at the start of a measurement. The slow ones are read first. */
export async function countersBefore(cluster: Cluster): Promise<Counters> {
  const wireBytes = await wireBytesOf(cluster.peerPorts);
  return { ...readProcesses(cluster), wireBytes };
}

/** The counters at the end of a measurement. The slow ones are read last. */
export async function countersAfter(cluster: Cluster): Promise<Counters> {
  const processes = readProcesses(cluster);
  return { ...processes, wireBytes: await wireBytesOf(cluster.peerPorts) };
}

const QUIET_LOOK_MS = 100;
const QUIET_SHARE = 0.2;
const QUIET_TIMEOUT_MS = 1_500;

/**
 * Waits for a short time until clusters have finished their work after a load: compactions and log
 * cuts.
 */
export async function untilQuiet(clusters: readonly Cluster[]): Promise<void> {
  const servers = clusters.flatMap((cluster) => cluster.servers);
  const deadlineMs = performance.now() + QUIET_TIMEOUT_MS;
  let { cpuMicros: before } = readProcesses({ servers });
  while (performance.now() < deadlineMs) {
    await sleep(QUIET_LOOK_MS);
    const { cpuMicros: now } = readProcesses({ servers });
    if (now === undefined || before === undefined) return;
    if (now - before < 1000 * QUIET_LOOK_MS * QUIET_SHARE) return;
    before = now;
  }
}

/** The memory of the largest node of a cluster. */
export function largestMemory({ servers }: Pick<Cluster, 'servers'>): Memory | undefined {
  const all = servers.map(({ pid }) => memoryOf(pid)).filter((memory) => memory !== undefined);
  return all.toSorted((a, b) => b.rssBytes - a.rssBytes)[0];
}
