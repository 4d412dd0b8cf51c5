/** The commands `mec status` and `mec locate`, for operators. */
import type { CommandArguments } from './command.ts';
import { OPERATOR_POLL_MS } from './limits.ts';
import { CERTIFICATE_WARNING_DAYS } from '../embed/limits.ts';
import { sleepMs } from '../base/system.ts';
import type { KeyLocation } from '../cluster/coordinator/explain.ts';
import type { MemberStatus } from '../cluster/status.ts';
import type { Health } from '../cluster/insight/verdict.ts';
import type { ServerStatus } from '../http/server-status.ts';
import { EXIT } from './exit-codes.ts';
import { askNode, type RemoteOptions, reported, statusOf, urlOfMember } from './remote.ts';
import { healthExit, printHealth, worstOf } from './health.ts';
import { counted, eraseScreen, formatBytes, oneLine, print, printBold } from './terminal.ts';

interface LocationDocument extends KeyLocation {
  readonly key: string;
}

/** Runs `mec status`. */
export function runStatus(given: unknown): Promise<void> {
  const options = given as RemoteOptions & { readonly watch?: boolean };
  return reported(options, async () => {
    const { watch, json } = options;
    for (;;) {
      const statuses = await statusOfAll(options);
      const health = worstOf([...statuses.values()].map(healthOf));
      if (watch === true && process.stdout.isTTY && json !== true)
        await eraseScreen(process.stdout);
      const isRead =
        json === true
          ? await print(process.stdout, `${JSON.stringify([...statuses.values()])}\n`)
          : (await printTable(statuses)) && (await printHealth(health));
      if (!isRead || watch !== true) return healthExit(health);
      await sleepMs(OPERATOR_POLL_MS);
    }
  });
}

const healthOf = (status: ServerStatus | Absent): Health | undefined =>
  'of' in status ? undefined : status.health;

/** A member that does not answer, and the status of the node that reports on it. */
export interface Absent {
  readonly of: ServerStatus;
  readonly member: MemberStatus;
}

/** The members of a cluster by name. */
export type Statuses = ReadonlyMap<string, ServerStatus | Absent>;

/**
 * The status of every member by name. If a member does not answer, its entry is the first node's
 * report on it.
 */
export async function statusOfAll(options: RemoteOptions): Promise<Statuses> {
  const first = await askNode<ServerStatus>(options, { method: 'GET', path: '/status' });
  const members = first.members.filter(({ state }) => state !== 'gone');
  const rows = members.map(async (member): Promise<[string, ServerStatus | Absent]> => {
    if (member.name === first.name) return [member.name, first];
    const reach = first.peers.find(({ node }) => node === member.name)?.reach;
    const remote = {
      ...options,
      url: urlOfMember(member, options),
      timeout: Math.min(options.timeout, OPERATOR_POLL_MS),
    };
    const status = reach === 'unreachable' ? undefined : await statusOf(remote);
    const isIt = status?.name === member.name;
    return [member.name, isIt ? status : { of: first, member }];
  });
  return new Map(await Promise.all(rows));
}

const COLUMNS = [
  'node',
  'zone',
  'reach',
  'state',
  'owned',
  'pending',
  'fallback',
  'keys',
  'disk',
  'log',
  'lag',
  'notes',
] as const;

/** Prints all members as a table. */
async function printTable(statuses: Statuses): Promise<boolean> {
  const rows = [...statuses.values()].map((status) =>
    'of' in status ? absentRow(status) : rowOf(status),
  );
  const widths = COLUMNS.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  await printBold(process.stdout, line(COLUMNS));
  return print(process.stdout, rows.map((row) => `${line(row)}\n`).join(''));
}

function rowOf({
  name,
  members,
  security,
  store,
  sync,
  handoff,
  certificate,
}: ServerStatus): string[] {
  const own = members.find((member) => member.name === name);
  const notes = store.state === 'ok' ? [] : [`store: ${store.state}`];
  if (security === 'insecure' || security === 'migrating') notes.push(security);
  const { daysLeft = Infinity } = certificate ?? {};
  if (daysLeft < CERTIFICATE_WARNING_DAYS)
    notes.push(`certificate ends in ${counted(daysLeft, 'day')}`);
  const { marks = 0, wounded = 0, aside = 0, unreadable = [] } = store.damage ?? {};
  const damaged = [counted(marks, 'key'), counted(Math.max(wounded, aside), 'partition')].filter(
    (text) => !text.startsWith('0 '),
  );
  if (damaged.length > 0) notes.push(`repairing ${damaged.join(' and ')}`);
  if (unreadable.length > 0)
    notes.push(`${counted(unreadable.length, 'key')} unreadable on all nodes`);
  if (handoff.all > handoff.done)
    notes.push(own?.state === 'gone' ? leftOf(handoff) : progressOf(handoff));
  const wait = waitText(handoff, name);
  if (wait !== undefined) notes.push(wait);
  return [
    name,
    own?.zone ?? '-',
    // It has just answered.
    'reachable',
    own?.state ?? '-',
    String(own?.owned ?? 0),
    String(own?.pending ?? 0),
    String(sync.fallbacks),
    store.keys === undefined ? '-' : String(store.keys),
    store.diskBytes === undefined ? '-' : formatBytes(store.diskBytes),
    String(store.logEntries ?? '-'),
    // Partitions that are catching up or wait for it.
    String(sync.waiting + sync.running + sync.incomplete),
    notes.join('; '),
  ];
}

function progressOf({ done, all, bytesPerSecond, etaMs }: ServerStatus['handoff']): string {
  const rest = etaMs === undefined ? '' : `, about ${Math.ceil(etaMs / 1000)} s left`;
  return `has ${done} of ${all} partitions, ${formatBytes(bytesPerSecond)}/s${rest}`;
}

const leftOf = ({ done, all }: ServerStatus['handoff']): string =>
  `${done} of ${all} partitions handed over`;

/** The members that a node waits for, itself left out; undefined if it waits for no other. */
export function waitText({ waitsFor }: ServerStatus['handoff'], self: string): string | undefined {
  if (waitsFor === undefined) return undefined;
  const { reason, members } = waitsFor;
  if (reason === 'no-successor') return 'no member stays to take over';
  const names = members.filter((name) => name !== self).join(', ');
  if (names === '') return undefined;
  if (reason === 'unreachable') return `cannot reach ${names}`;
  if (reason === 'holds-writes') return `holds writes that ${names} must take`;
  return `waits for ${names} to catch up`;
}

function absentRow({ of, member }: Absent): string[] {
  const peer = of.peers.find(({ node }) => node === member.name);
  const silence =
    peer?.silentMs === undefined
      ? 'not heard yet'
      : `silent for ${Math.round(peer.silentMs / 1000)} s`;
  const { name, zone = '-', state, owned, pending } = member;
  const unknown = ['-', '-', '-', '-', '-'];
  const note = peer?.refusal === undefined ? `no answer, ${silence}` : `refused: ${peer.refusal}`;
  // A member that a node reaches may not answer this command.
  const reach = peer?.refusal !== undefined ? 'refused' : (peer?.reach ?? '-');
  return [name, zone, reach, state, String(owned), String(pending), ...unknown, note];
}

/** Runs `mec locate`. */
export function runLocate([key = '']: CommandArguments, given: unknown): Promise<void> {
  const options = given as RemoteOptions;
  return reported(options, async () => {
    const path = `/cluster/locate/${key.split('/').map(encodeURIComponent).join('/')}`;
    const location = await askNode<LocationDocument>(options, { method: 'GET', path });
    await print(
      process.stdout,
      options.json === true ? `${JSON.stringify(location)}\n` : locationText(location),
    );
    return EXIT.done;
  });
}

function locationText({ key, partition, entries }: LocationDocument): string {
  const lines = entries.map(({ node, role, reach, says }) => {
    const head = `  ${role.padEnd(13)}  ${node}`;
    if (says === undefined) return `${head}  ${reach}, no answer`;
    const versions =
      says.versions.map(({ actor, counter }) => `${actor}:${counter}`).join(', ') || 'nothing';
    const progress = says.isComplete ? '' : ' (still catching up)';
    return `${head}  has ${versions}${progress}\n${' '.repeat(17)}clock ${says.clock || '-'}`;
  });
  return `${oneLine(key)} is in partition ${partition}\n${lines.join('\n')}\n`;
}
