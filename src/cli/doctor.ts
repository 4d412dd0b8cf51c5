/** The command `mec doctor`: checks the configuration of a node, its machine, and its cluster. */
import { access, constants, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import { authorityOf, httpUrl } from '../base/address.ts';
import type { Address } from '../base/env.ts';
import { messageOf } from '../base/errors.ts';
import { systemClock } from '../base/system.ts';
import { type ConfigFile, parseConfig } from '../config/read.ts';
import { whyExposed } from '../embed/exposure.ts';
import { isFree } from '../embed/free-ports.ts';
import { readDiskSpace } from '../storage/disk-space.ts';
import { makeDirectory } from '../storage/directory.ts';
import { statusOfAll } from './cluster.ts';
import type { CommandArguments } from './command.ts';
import {
  type DoctorCheck,
  clusterChecks,
  type MachineFacts,
  machineChecks,
} from './doctor-checks.ts';
import { HEALTH_EXIT } from './exit-codes.ts';
import { worstOf } from './health.ts';
import { DOCTOR_CONNECT_MS } from './limits.ts';
import { type RemoteOptions, reported, statusOf } from './remote.ts';
import { oneLine, print } from './terminal.ts';

/** Runs `mec doctor`. */
export function runDoctor([file]: CommandArguments, given: unknown): Promise<void> {
  const options = given as RemoteOptions;
  return reported(options, async () => {
    const machine = await machineFacts(file, options);
    const checks = [...machineChecks(machine), ...(await checksOfCluster(file, options))];
    await print(
      process.stdout,
      options.json === true ? `${JSON.stringify(checks)}\n` : checks.map(lineOf).join(''),
    );
    if (checks.some(({ result }) => result === 'error')) return HEALTH_EXIT.critical;
    return checks.some(({ result }) => result === 'warning')
      ? HEALTH_EXIT.degraded
      : HEALTH_EXIT.ok;
  });
}

const lineOf = ({ result, subject, text, todo }: DoctorCheck): string =>
  `${result.padEnd(7)}  ${subject.padEnd(13)}  ${oneLine(text)}\n` +
  (todo === undefined ? '' : `${' '.repeat(24)}${oneLine(todo)}\n`);

async function machineFacts(
  file: string | undefined,
  options: RemoteOptions,
): Promise<MachineFacts> {
  const nothing = { nodeVersion: process.version, ports: [], seeds: [] };
  if (file === undefined) return nothing;
  let config: ConfigFile;
  try {
    config = parseConfig(file, await readFile(file, 'utf8'));
  } catch (error) {
    return { ...nothing, mistake: messageOf(error) };
  }
  const { host, port, httpport, nodes } = config;
  const running = await statusOf({ ...options, url: httpUrl(host, httpport) });
  const ports = [port, port + 1, httpport].map(async (one) => ({
    port: one,
    isFree: await isFree(host, one),
  }));
  const others = nodes.filter((node) => node.host !== host || node.port !== port);
  const seeds = others.map(async (node) => ({
    address: authorityOf(node),
    answers: await canConnect(node),
  }));
  return {
    ...nothing,
    mode: config.security.mode,
    exposed: await whyExposed(config).catch(messageOf),
    root: await rootFacts(resolve(dirname(file), config.root)),
    running: running?.name,
    ports: await Promise.all(ports),
    seeds: await Promise.all(seeds),
  };
}

async function rootFacts(path: string): Promise<NonNullable<MachineFacts['root']>> {
  try {
    await makeDirectory(path);
    await access(path, constants.W_OK);
    return { path, unwritable: undefined, disk: await readDiskSpace(path) };
  } catch (error) {
    return { path, unwritable: messageOf(error), disk: undefined };
  }
}

function canConnect({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = systemClock.after(DOCTOR_CONNECT_MS, () => end(false));
    const end = (isThere: boolean): void => {
      timer.cancel();
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

/** The checks of the cluster. A node that is checked before its start need not have one. */
async function checksOfCluster(
  file: string | undefined,
  options: RemoteOptions,
): Promise<readonly DoctorCheck[]> {
  try {
    const all = [...(await statusOfAll(options)).values()];
    const statuses = all.flatMap((status) => ('of' in status ? [] : [status]));
    const silent = all.flatMap((status) => ('of' in status ? [status.member.name] : []));
    const health = worstOf(statuses.map((status) => status.health));
    return clusterChecks({ statuses, silent, health });
  } catch (error) {
    const todo = 'Name a running node with --url, or start one.';
    const result = file === undefined ? 'error' : 'warning';
    return [{ subject: 'cluster', result, text: messageOf(error), todo }];
  }
}
