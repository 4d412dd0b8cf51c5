/** Log lines about other members that leave, or are declared gone. */
import type { Log } from '../../base/env.ts';
import type { MemberState } from '../../core/placement/member-list.ts';
import type { Members } from './members.ts';

/** Logs from now on that another member leaves, and that it is gone. */
export function logLeaves(log: Log, members: Members): void {
  const known = new Map<string, MemberState>(members.all().map(({ name, state }) => [name, state]));
  members.onChange(({ name, state }) => {
    const before = known.get(name);
    known.set(name, state);
    if (name === members.self || before === undefined || before === state) return;
    if (state === 'leaving') log.info('node is leaving', { node: name });
    if (state !== 'gone') return;
    log.info(before === 'leaving' ? 'node has left' : 'node is gone', { node: name });
  });
}
