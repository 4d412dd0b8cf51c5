/**
 * A peer for comparison: etcd with three members, through its JSON gateway, with its own defaults.
 * It syncs its log to the disk before it answers, and its reads are linearizable. Requests go to
 * the leader, which suits etcd best.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { range, findPorts, type Cluster } from './clusters.ts';
import { etcdProtocol } from './requests.ts';
import { ask, type Servers, waitUntil } from './servers.ts';

const PROGRAM = 'etcd';
const MEMBERS = 3;
const VERSION_TIMEOUT_MS = 5_000;

/** The output of `etcd --version`; undefined if etcd is not installed. */
export function etcdVersion(): string | undefined {
  const { status, stdout } = spawnSync(PROGRAM, ['--version'], {
    encoding: 'utf8',
    timeout: VERSION_TIMEOUT_MS,
  });
  return status === 0 ? /etcd Version: (\S+)/.exec(stdout)?.[1] : undefined;
}

const url = (port: number | undefined): string => `http://127.0.0.1:${port}`;

/** The IDs of a member and of the leader that it knows, as etcd writes them. */
interface MemberStatus {
  readonly header?: { readonly member_id?: string };
  readonly leader?: string;
}

/** Starts three members and waits until they have a leader. */
export async function startEtcdCluster(servers: Servers): Promise<Cluster> {
  const first = await findPorts(2 * MEMBERS);
  const [clientPorts, peerPorts] = [range(first, MEMBERS), range(first + MEMBERS, MEMBERS)];
  const directory = join(servers.directory, 'etcd');
  mkdirSync(directory, { recursive: true });
  const all = peerPorts.map((port, i) => `e${i + 1}=${url(port)}`).join(',');
  const members = range(0, MEMBERS).map((i) => {
    const flags = {
      name: `e${i + 1}`,
      'data-dir': join(directory, `e${i + 1}`),
      'listen-client-urls': url(clientPorts[i]),
      'advertise-client-urls': url(clientPorts[i]),
      'listen-peer-urls': url(peerPorts[i]),
      'initial-advertise-peer-urls': url(peerPorts[i]),
      'initial-cluster': all,
      'initial-cluster-state': 'new',
      'initial-cluster-token': `bench-${first}`,
      logger: 'zap',
      'log-level': 'warn',
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    return servers.start(`etcd${i + 1}`, PROGRAM, args);
  });
  let leader = 0;
  const hasLeader = async (): Promise<boolean> => {
    leader = await leaderPort(clientPorts);
    return leader > 0;
  };
  await waitUntil('etcd has a leader', hasLeader, { servers: members });
  return {
    name: 'etcd',
    httpPorts: [leader, ...clientPorts.filter((port) => port !== leader)],
    peerPorts,
    servers: members,
    loaded: new Set(),
    protocol: etcdProtocol,
  };
}

/** The client port of the member that all members name as leader; 0 if there is none. */
async function leaderPort(ports: readonly number[]): Promise<number> {
  const replies = await Promise.all(
    ports.map((port) => ask({ port, path: '/v3/maintenance/status', method: 'POST', body: '{}' })),
  );
  if (replies.some(({ status }) => status !== 200)) return 0;
  const statuses = replies.map(({ body }) => JSON.parse(body) as MemberStatus);
  const leaders = new Set(statuses.map(({ leader }) => leader));
  const [leader] = leaders;
  if (leaders.size !== 1 || leader === undefined) return 0;
  return ports[statuses.findIndex(({ header }) => header?.member_id === leader)] ?? 0;
}
