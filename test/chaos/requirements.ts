/** The requirements of a run. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { whyNoHosts } from '../fixtures/network-hosts.ts';
import { Volume } from './volume.ts';

const run = promisify(execFile);

/** A requirement of a run. */
export type Requirement = 'hosts' | 'volumes' | 'faketime' | 'root';

const FAKETIME = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '']
  .map((folder) => join('/usr/lib', folder, 'faketime/libfaketime.so.1'))
  .find((path) => existsSync(path));

/** The library that gives a process a separate wall clock; undefined if it is not installed. */
export const FAKETIME_LIBRARY = FAKETIME;

async function whyNoVolumes(): Promise<string | false> {
  const directory = await mkdtemp(join(tmpdir(), 'mec-volume-'));
  try {
    const volume = await Volume.make({
      file: join(directory, 'try'),
      root: join(directory, 'root'),
    });
    await volume.close();
    return false;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : '';
    return `volumes need root, loop devices, mount and mkfs.ext4 (apt-get install mount e2fsprogs): ${reason}`;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const CHECKS: Readonly<Record<Requirement, () => Promise<string | false>>> = {
  hosts: async () => {
    const hasNsenter = await run('nsenter', ['--version']).then(
      () => true,
      () => false,
    );
    if (!hasNsenter) return 'nsenter is not installed (apt-get install util-linux)';
    const reason = await whyNoHosts();
    return reason === false ? false : `${reason} (apt-get install iproute2)`;
  },
  volumes: whyNoVolumes,
  faketime: async () =>
    FAKETIME === undefined ? 'libfaketime is not installed (apt-get install libfaketime)' : false,
  root: async () => (process.getuid?.() === 0 ? false : 'this needs root'),
};

/** The requirements that this machine lacks, one line each. */
export async function missingRequirement(needs: readonly Requirement[]): Promise<string[]> {
  const reasons: string[] = [];
  for (const need of needs) {
    const reason = await CHECKS[need]();
    if (reason !== false) reasons.push(reason);
  }
  return reasons;
}
