/** The wait of a node that joins or leaves: the members that it waits for, and the reason. */
import type { Log } from '../../base/env.ts';
import type { MemberRecord } from '../../core/placement/member-list.ts';
import { WAIT_LOG_MS } from '../limits.ts';
import type { Members } from './members.ts';
import type { Peers } from './peers.ts';

/**
 * The reason for a wait. `no-successor`: every member leaves, so none takes over. `unreachable`:
 * too many members cannot be reached. `unsettled`: members lack data that they will own.
 * `holds-writes`: this node holds writes as a fallback, which their owners must take first.
 */
export type WaitReason = 'no-successor' | 'unreachable' | 'unsettled' | 'holds-writes';

/** The reason why this node cannot become up, or gone, and the members that it waits for. */
export interface Wait {
  readonly reason: WaitReason;
  readonly members: readonly string[];
}

/** The parts of a node that decide what it waits for. */
export interface WaitParts {
  readonly peers: Pick<Peers, 'reach'>;
  /** The members that must take the writes that this node holds as a fallback. */
  readonly writeTakers: () => readonly string[];
}

const waitFor = (reason: WaitReason, records: readonly MemberRecord[]): Wait => ({
  reason,
  members: records.map(({ name }) => name),
});

/**
 * The wait until all next owners have all their data; undefined if they have. Unreachable members
 * are left out, as long as they are a minority of the members, and of the owners of each partition
 * that changes. A node that leaves does not leave out a member that takes over from it. That member
 * may have owned the partition before this node came, and would count at once, with a replica of
 * that time.
 *
 * A node that leaves also waits until it holds nothing as a fallback. A gap is closed without a
 * member that is gone and does not answer. So a write that only this node has would be lost.
 */
export function waitOf(members: Members, { peers, writeTakers }: WaitParts): Wait | undefined {
  const isPresent = ({ name }: MemberRecord): boolean =>
    name === members.self || peers.reach(name) === 'reachable';
  const all = members.in('up', 'joining', 'leaving');
  const staying = members.in('up', 'joining');
  if (staying.length === 0) return waitFor('no-successor', []);
  const absent = staying.filter((member) => !isPresent(member));
  if (2 * absent.length >= staying.length) return waitFor('unreachable', absent);
  const present = all.filter(isPresent);
  if (!members.areMajorities(new Set(present.map(({ name }) => name))))
    return waitFor(
      'unreachable',
      all.filter((member) => !isPresent(member)),
    );
  const isLeaving = members.own.state === 'leaving';
  const takesOver = ({ name, state }: MemberRecord): boolean =>
    isLeaving && state === 'up' && members.shareOf(name).pending > 0;
  const unsettled = staying
    .filter((member) => isPresent(member) || takesOver(member))
    .filter(({ settled }) => settled !== members.nextHash);
  if (unsettled.length > 0) return waitFor('unsettled', unsettled);
  const takers = isLeaving ? writeTakers() : [];
  return takers.length === 0 ? undefined : { reason: 'holds-writes', members: takers };
}

/** Logs each wait that lasts, once. */
export class WaitLog {
  #text = '';
  #sinceMs = 0;
  #isLogged = false;

  /** Notes the present wait of a node in this state. */
  note(
    log: Log,
    state: 'joining' | 'leaving',
    { wait, nowMs }: { wait: Wait; nowMs: number },
  ): void {
    const names = wait.members.join(', ');
    const text = `${wait.reason} ${names}`;
    if (text !== this.#text) {
      this.#text = text;
      this.#sinceMs = nowMs;
      this.#isLogged = false;
    }
    if (this.#isLogged || nowMs - this.#sinceMs < WAIT_LOG_MS) return;
    this.#isLogged = true;
    const event = state === 'joining' ? 'waiting to join' : 'waiting to leave';
    const isNormal = wait.reason === 'unsettled' || wait.reason === 'holds-writes';
    log[isNormal ? 'info' : 'warn'](event, {
      reason: wait.reason,
      members: names === '' ? undefined : names,
    });
  }
}
