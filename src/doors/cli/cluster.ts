/** `mec status`, `mec ring`, `mec leave`: what operators ask and tell. */
import { OPERATOR_POLL_MS } from '../../base/limits.ts';
import { sleepMs } from '../../base/system.ts';
import { EXIT } from './exit-codes.ts';
import { lightFetch } from './light-fetch.ts';
import { ExitError, type RemoteOptions } from './remote.ts';
import { formatBytes, oneLine, print, styled } from './terminal.ts';

/** One row of the member list, as `/status` shows it. */
interface MemberStatus {
  readonly name: string;
  readonly host: string;
  readonly httpport: number;
  readonly zone?: string;
  readonly state: string;
  readonly owned: number;
  readonly pending: number;
}

/** What the commands read of `/status`. */
interface NodeStatus {
  readonly name: string;
  readonly state: string;
  readonly members: readonly MemberStatus[];
  readonly peers: readonly { readonly node: string; readonly reach: string; readonly silentMs?: number }[];
  readonly handover: {
    readonly done: number;
    readonly all: number;
    readonly bytesPerSecond: number;
    readonly etaMs?: number;
  };
  readonly store: {
    readonly state: string;
    readonly keys?: number;
    readonly diskBytes?: number;
    readonly logEntries?: number;
  };
  readonly sync: {
    readonly incomplete: number;
    readonly guests: number;
    readonly waiting: number;
    readonly running: number;
  };
}

interface RingDocument {
  readonly key: string;
  readonly partition: number;
  readonly entries: readonly {
    readonly node: string;
    readonly role: string;
    readonly reach: string;
    readonly says?: {
      readonly isComplete: boolean;
      readonly clock: string;
      readonly versions: readonly { readonly actor: string; readonly counter: number }[];
    };
  }[];
}

/** Asks the first of the nodes at `--url` that answers. */
async function ask(options: RemoteOptions, method: string, path: string): Promise<unknown> {
  let last: unknown;
  for (const url of options.url.split(',')) {
    try {
      const base = url.trim().replace(/\/$/, '');
      const response = await lightFetch(base + path, {
        method,
        headers: {},
        signal: AbortSignal.timeout(options.timeout),
      });
      const text = Buffer.from(await response.arrayBuffer()).toString();
      if (response.status < 300) return JSON.parse(text) as unknown;
      throw new ExitError(response.status >= 500 ? EXIT.unavailable : EXIT.failed, detailOf(text));
    } catch (error) {
      if (error instanceof ExitError) throw error;
      last = error;
    }
  }
  const reason = last instanceof Error && last.message !== '' ? last.message : 'no answer';
  throw new ExitError(
    EXIT.unavailable,
    `no node answers at ${options.url} (${reason}); say where one is with --url or MEC_URL`,
  );
}

function detailOf(text: string): string {
  try {
    const { detail, title } = JSON.parse(text) as { detail?: string; title?: string };
    return detail ?? title ?? text;
  } catch {
    return text;
  }
}

async function run(options: unknown, action: (options: RemoteOptions) => Promise<void>): Promise<void> {
  try {
    await action(options as RemoteOptions);
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    process.exitCode = error.exitCode;
    process.stderr.write(`mec: ${error.message.replace(/\.$/, '')}\n`);
  }
}

/** `mec status`. */
export function runStatus(options: unknown): Promise<void> {
  return run(options, async (remote) => {
    const { watch, json } = remote as RemoteOptions & { readonly watch?: boolean };
    for (;;) {
      const statuses = await statusOfAll(remote);
      const text = json === true ? `${JSON.stringify([...statuses.values()])}\n` : tableOf(statuses);
      const isDrawnAnew = watch === true && process.stdout.isTTY && json !== true;
      if (!(await print(process.stdout, isDrawnAnew ? `\u001b[H\u001b[J${text}` : text)) || watch !== true) return;
      await sleepMs(OPERATOR_POLL_MS);
    }
  });
}

type Statuses = ReadonlyMap<string, NodeStatus | { readonly of: NodeStatus; readonly member: MemberStatus }>;

/** The status of every member by name; of one that does not answer, what the node that was asked says of it. */
async function statusOfAll(options: RemoteOptions): Promise<Statuses> {
  const first = (await ask(options, 'GET', '/status')) as NodeStatus;
  const members = first.members.filter(({ state }) => state !== 'gone');
  const rows = members.map(async (member): Promise<[string, NodeStatus | { of: NodeStatus; member: MemberStatus }]> => {
    if (member.name === first.name) return [member.name, first];
    const host = member.host.includes(':') ? `[${member.host}]` : member.host;
    const reach = first.peers.find(({ node }) => node === member.name)?.reach;
    const remote = {
      ...options,
      url: `http://${host}:${member.httpport}`,
      timeout: Math.min(options.timeout, OPERATOR_POLL_MS),
    };
    const status = reach === 'unreachable' ? undefined : await ask(remote, 'GET', '/status').catch(() => undefined);
    return [member.name, (status as NodeStatus | undefined) ?? { of: first, member }];
  });
  return new Map(await Promise.all(rows));
}

const COLUMNS = ['node', 'zone', 'state', 'owned', 'pending', 'guest', 'keys', 'disk', 'log', 'lag', 'notes'] as const;

/** What all members look like, as a table. */
function tableOf(statuses: Statuses): string {
  const rows = [...statuses.values()].map((status) =>
    'of' in status ? absentRow(status.of, status.member) : rowOf(status),
  );
  const widths = COLUMNS.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return `${styled(process.stdout, 'bold', line(COLUMNS))}\n${rows.map((row) => `${line(row)}\n`).join('')}`;
}

function rowOf({ name, members, store, sync, handover }: NodeStatus): string[] {
  const own = members.find((member) => member.name === name);
  const notes = store.state === 'ok' ? [] : [`store: ${store.state}`];
  if (handover.all > handover.done) notes.push(progressOf(handover));
  return [
    name,
    own?.zone ?? '-',
    own?.state ?? '-',
    String(own?.owned ?? 0),
    String(own?.pending ?? 0),
    String(sync.guests),
    store.keys === undefined ? '-' : String(store.keys),
    store.diskBytes === undefined ? '-' : formatBytes(store.diskBytes),
    String(store.logEntries ?? '-'),
    // Partitions that are being caught up with, or wait for it.
    String(sync.waiting + sync.running + sync.incomplete),
    notes.join('; '),
  ];
}

function progressOf({ done, all, bytesPerSecond, etaMs }: NodeStatus['handover']): string {
  const rest = etaMs === undefined ? '' : `, about ${Math.ceil(etaMs / 1000)} s to go`;
  return `has ${done} of ${all} partitions, ${formatBytes(bytesPerSecond)}/s${rest}`;
}

function absentRow(of: NodeStatus, member: MemberStatus): string[] {
  const peer = of.peers.find(({ node }) => node === member.name);
  const silence = peer?.silentMs === undefined ? 'never heard of' : `silent for ${Math.round(peer.silentMs / 1000)} s`;
  const { name, zone = '-', state, owned, pending } = member;
  return [
    name,
    zone,
    state,
    String(owned),
    String(pending),
    '-',
    '-',
    '-',
    '-',
    '-',
    `${peer?.reach ?? '-'}, ${silence}`,
  ];
}

/** `mec ring`. */
export function runRing([key = '']: readonly (string | undefined)[], options: unknown): Promise<void> {
  return run(options, async (remote) => {
    const path = `/cluster/ring/${key.split('/').map(encodeURIComponent).join('/')}`;
    const ring = (await ask(remote, 'GET', path)) as RingDocument;
    await print(process.stdout, remote.json === true ? `${JSON.stringify(ring)}\n` : ringText(ring));
  });
}

function ringText({ key, partition, entries }: RingDocument): string {
  const lines = entries.map(({ node, role, reach, says }) => {
    const head = `  ${role.padEnd(13)}  ${node}`;
    if (says === undefined) return `${head}  ${reach}, no answer`;
    const versions = says.versions.map(({ actor, counter }) => `${actor}:${counter}`).join(', ') || 'nothing';
    return `${head}  has ${versions}${says.isComplete ? '' : ' (still catching up)'}\n${' '.repeat(17)}clock ${says.clock || '-'}`;
  });
  return `${oneLine(key)} is in partition ${partition}\n${lines.join('\n')}\n`;
}

/** `mec leave`. */
export function runLeave(options: unknown): Promise<void> {
  return run(options, async (remote) => {
    const { force, wait } = remote as RemoteOptions & { readonly force?: string; readonly wait: boolean };
    if (force !== undefined) {
      await ask(remote, 'POST', `/cluster/remove/${encodeURIComponent(force)}`);
      await print(process.stdout, `${force} is gone\n`);
      return;
    }
    const { name } = (await ask(remote, 'POST', '/cluster/leave')) as { name: string };
    await print(process.stdout, `${name} is leaving\n`);
    if (wait) await waitUntilGone(remote, name);
  });
}

/** Tells how it goes, until the node ends. */
async function waitUntilGone(remote: RemoteOptions, name: string): Promise<void> {
  for (;;) {
    await sleepMs(OPERATOR_POLL_MS);
    const status = (await ask(remote, 'GET', '/status').catch(() => undefined)) as NodeStatus | undefined;
    if (status?.name !== name) return void (await print(process.stdout, `${name} has left\n`));
    if (status.state !== 'leaving' && status.state !== 'gone') {
      throw new ExitError(EXIT.failed, `${name} does not leave; it is ${status.state}`);
    }
  }
}
